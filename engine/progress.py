"""How long work reports where it is, and learns that it should stop."""

from __future__ import annotations

import threading
from collections.abc import Callable

from engine.errors import CancelledError


class Progress:
    """Passed to anything that takes over half a second.

    The worker calls ``report`` often (which also checks for cancellation); whoever started it
    passes a callback that is called *on the worker's thread*, and may call ``cancel`` from any
    thread.
    """

    def __init__(self, callback: Callable[[float, str], None] | None = None) -> None:
        self._callback = callback
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop at its next report."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether somebody has asked the work to stop."""
        return self._cancelled.is_set()

    def check(self) -> None:
        """Raise ``CancelledError`` if the work should stop."""
        if self._cancelled.is_set():
            raise CancelledError

    def report(self, fraction: float, text: str = "") -> None:
        """Say that ``fraction`` (0 to 1) is done; raise ``CancelledError`` if asked to stop."""
        self.check()
        if self._callback is not None:
            self._callback(min(max(fraction, 0.0), 1.0), text)

    def part(self, start: float, stop: float) -> Progress:
        """Return a progress whose 0 to 1 is this one's ``start`` to ``stop``, cancelled with it."""
        inner = Progress(lambda f, t: self.report(start + f * (stop - start), t))
        inner._cancelled = self._cancelled
        return inner
