"""``python -m training.phantom``."""

import sys

from training.phantom.cli import main

if __name__ == "__main__":
    sys.exit(main())
