"""The command line's frame: arguments in, exit status out, errors as one line each."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import NoReturn

from engine.cli import convert_mask, explain, export, output, predict, score, similar
from engine.errors import CancelledError, SaliscopeError

OK = 0
UNEXPECTED = 1
BAD_INPUT = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells report it
PIPE_CLOSED = 141  # 128 + SIGPIPE

_DESCRIPTION = """\
See what the fusion classifier says about an image, where each of its branches looked, and how
well that agrees with a mask that a clinician drew.

Research use only: not a medical device.
"""

_EPILOG = """\
examples:
  python -m engine predict scan.dcm
  python -m engine explain scan.nii.gz --frame 12 --map gate --map global --out maps/
  python -m engine score maps/gate.npy mask.png
  python -m engine similar scan.dcm --among training/
  python -m engine convert-mask mask.png --image scan.dcm --to dicom-seg --out mask.dcm
  python -m engine export study/ --out away --masks nifti,dicom-seg --scores --report

Each command explains itself: python -m engine predict -h
"""


_MODULE = "python -m engine"
# In the desktop build there is no Python to call: the command line is a program of its own.
PROGRAM = "saliscope-engine" if getattr(sys, "frozen", False) else _MODULE


class _Parser(argparse.ArgumentParser):
    def format_help(self) -> str:
        """Return the help, whose examples call the program as it is called here."""
        return super().format_help().replace(_MODULE, PROGRAM)

    def error(self, message: str) -> NoReturn:
        """Leave with one line; argparse would print the usage first."""
        sentence = message[:1].upper() + message[1:]
        self.exit(BAD_INPUT, f"error: {sentence.rstrip('.')}; see {self.prog} -h.\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status: 0, 2 for bad input, 130 for Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        # A file name may hold bytes, and a terminal lack characters, that cannot be encoded.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        args = _parser().parse_args(arguments)
        status: int = args.run(args)
        sys.stdout.flush()
    except (KeyboardInterrupt, CancelledError):
        _say("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has stopped, as `head` does; Python must not notice it again
        # when it flushes on leaving.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except SaliscopeError as error:
        _say(f"error: {error}")
        return BAD_INPUT
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        _say(f"error: {name}{error.strerror or error}.")
        return BAD_INPUT
    except MemoryError:
        _say("error: There is not enough memory for this; use smaller images or fewer at once.")
        return BAD_INPUT
    except Exception as error:
        if os.environ.get(output.DEBUG):
            raise
        _say(f"error: Unexpected {type(error).__name__}: {error} ({output.DEBUG}=1 shows where).")
        return UNEXPECTED
    return status


def _say(text: str) -> None:
    print(" ".join(text.split()), file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    for command in (predict, explain, score, similar, convert_mask, export):
        command.add(commands)
    return parser
