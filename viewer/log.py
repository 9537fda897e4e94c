"""A log that can be sent: where things went wrong, never whose image it was."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from types import TracebackType
from typing import Any

from engine import folders
from viewer.jobs import UNEXPECTED, log_unexpected

_MAX_BYTES = 512 * 1024


def start() -> None:
    """Write warnings and errors of the program to its log file; they stay off the screen."""
    try:
        handler = RotatingFileHandler(
            folders.logs() / "saliscope.log", maxBytes=_MAX_BYTES, backupCount=2, encoding="utf-8"
        )
    except OSError:
        return  # a log is no reason not to start
    handler.setFormatter(_WithoutTexts("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)


class _WithoutTexts(logging.Formatter):
    """Leaves out the texts of exceptions, which may quote a file name or a patient's."""

    def formatException(self, ei: Any) -> str:
        """Return the type and the places alone."""
        import traceback

        kind, _, trace = ei
        places = " < ".join(f"{f.name}:{f.lineno}" for f in reversed(traceback.extract_tb(trace)))
        return f"{getattr(kind, '__name__', kind)} at {places}"


def catch_unexpected(tell: Callable[[str], object]) -> None:
    """Log what nobody caught, and tell the user in a sentence instead of ending."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        log_unexpected("window", error.with_traceback(trace))
        tell(UNEXPECTED)

    sys.excepthook = hook
