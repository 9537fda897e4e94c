"""The command line's entry in the desktop build: what ``python -m engine`` is elsewhere."""

import sys
from multiprocessing import freeze_support

from engine.cli.main import main
from engine.cli.output import silence_decoders

if __name__ == "__main__":
    freeze_support()
    silence_decoders()
    sys.exit(main())
