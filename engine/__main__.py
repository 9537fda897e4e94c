"""``python -m engine``: predictions, saliency maps and scores from the command line."""

import sys

from engine.cli.main import main
from engine.cli.output import silence_decoders

if __name__ == "__main__":
    silence_decoders()
    sys.exit(main())
