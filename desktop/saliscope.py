"""The window's entry in the desktop build: what ``python -m viewer`` is elsewhere."""

import sys
from multiprocessing import freeze_support

from viewer.__main__ import main

if __name__ == "__main__":
    freeze_support()  # a library's child process is this program started again, not a second window
    sys.exit(main())
