"""A log that can be sent: where things went wrong, never whose image it was.

Only this program's own sentences are written, with texts of files taken out; of other libraries'
records, which may quote a tag's value, only where they came from.
"""

from __future__ import annotations

import logging
import platform
import sys
import threading
from collections.abc import Callable, Iterable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import Any

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler, qVersion

from engine import folders
from viewer.jobs import UNEXPECTED, log_unexpected
from viewer.redact import redacted

_MAX_BYTES = 512 * 1024
_KEPT = 2
_NAME = "saliscope.log"
_OWN = ("engine", "viewer", "resources", "training")

_qt = logging.getLogger("viewer.qt")
_QT_LEVELS = {
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


def start() -> None:
    """Write warnings and errors of the program to its log file; they stay off the screen."""
    try:
        handler = RotatingFileHandler(
            folders.logs() / _NAME, maxBytes=_MAX_BYTES, backupCount=_KEPT, encoding="utf-8"
        )
    except OSError:
        return  # a log is no reason not to start
    handler.setFormatter(WithoutTexts("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)  # pydicom warns of values; "py.warnings" is not ours: no text
    qInstallMessageHandler(_from_qt)


def _from_qt(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    level = _QT_LEVELS.get(kind)
    if level is not None:
        _qt.log(level, "%s", message)


class WithoutTexts(logging.Formatter):
    """Leaves out the texts of exceptions and of others' records, which may quote a patient's."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return own messages redacted, and of others the place alone."""
        if record.name.split(".")[0] in _OWN:
            record.message = redacted(record.message)
        else:
            record.message = f"{record.module}:{record.lineno} (text left out)"
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:
        """Return the type and the places alone."""
        import traceback

        kind, _, trace = ei
        places = " < ".join(f"{f.name}:{f.lineno}" for f in reversed(traceback.extract_tb(trace)))
        return f"{getattr(kind, '__name__', kind)} at {places}"


def catch_unexpected(tell: Callable[[str], object]) -> None:
    """Log what nobody caught, on any thread, and tell the user in a sentence instead of ending.

    ``tell`` is called on the thread that failed; it must be safe there (a signal is).
    """

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        log_unexpected("window", error.with_traceback(trace))
        tell(UNEXPECTED)

    def on_thread(given: threading.ExceptHookArgs) -> None:
        if given.exc_value is not None and given.exc_type is not SystemExit:
            log_unexpected("thread", given.exc_value)
            tell(UNEXPECTED)

    def unraisable(given: Any) -> None:
        if given.exc_value is not None:
            log_unexpected("clean-up", given.exc_value)  # nothing the user could do about

    sys.excepthook = hook
    threading.excepthook = on_thread
    sys.unraisablehook = unraisable


def files() -> list[Path]:
    """Return the log's files, oldest first."""
    folder = folders.logs()
    names = [f"{_NAME}.{number}" for number in range(_KEPT, 0, -1)] + [_NAME]
    return [folder / name for name in names if (folder / name).is_file()]


def report(words: Iterable[str] = (), device: str = "") -> str:
    """Return what can be sent: versions of what runs, then the log, redacted once more.

    words: what must not be in it besides what the patterns find (titles of the open cases).
    device: what the model runs on.
    """
    lines = [f"Saliscope {version()}", f"Python {platform.python_version()}, Qt {qVersion()}"]
    lines.append(f"{platform.system()} {platform.release()}, {platform.machine()}")
    if device:
        lines.append(f"Model on {device}")
    text = "".join(file.read_text(encoding="utf-8", errors="replace") for file in files())
    return "\n".join(lines) + "\n\n" + (redacted(text, words) or "Nothing has gone wrong yet.\n")


def version() -> str:
    """Return the program's version, "" where nothing says it."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("saliscope")
    except PackageNotFoundError:  # it runs from a folder that was never installed
        import tomllib

        file = Path(__file__).parents[1] / "pyproject.toml"
        if not file.is_file():
            return ""
        return str(tomllib.loads(file.read_text(encoding="utf-8"))["project"]["version"])
