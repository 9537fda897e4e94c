"""Undo and redo over all that is kept of the image on screen, in the order in which it was done."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from engine.masks.history import History


class Steppable(Protocol):
    """A document with a history: masks, measurements."""

    @property
    def history(self) -> History:
        """Its steps."""

    @property
    def undo_text(self) -> str:
        """What undo would turn back; of a stroke, too, that has not ended."""

    @property
    def redo_text(self) -> str:
        """What redo would do again."""

    def undo(self) -> bool:
        """Turn its newest step back."""

    def redo(self) -> bool:
        """Do its step again that was undone last."""


class Steps:
    """Asks, each time, for the documents that are open; each keeps its own history."""

    def __init__(self, documents: Callable[[], list[Steppable]]) -> None:
        self._documents = documents

    @property
    def undo_text(self) -> str:
        """What undo would turn back, "" if nothing."""
        last = self._last()
        return last.undo_text if last is not None else ""

    @property
    def redo_text(self) -> str:
        """What redo would do again, "" if nothing."""
        following = self._next()
        return following.redo_text if following is not None else ""

    def undo(self) -> bool:
        """Turn the newest step back; return False if there was none."""
        last = self._last()
        return last is not None and last.undo()

    def redo(self) -> bool:
        """Do the step again that was undone last; return False if there was none."""
        following = self._next()
        return following is not None and following.redo()

    def _last(self) -> Steppable | None:
        there = [d for d in self._documents() if d.undo_text]
        return max(there, key=_when_done, default=None)

    def _next(self) -> Steppable | None:
        documents = self._documents()
        there = [d for d in documents if d.redo_text]
        first = min(there, key=lambda d: d.history.redo_when, default=None)
        if first is None:
            return None
        # Something new has been done since, elsewhere: what was undone before it stays undone.
        newest = max(_when_done(d) for d in documents if d.undo_text or d is first)
        return first if first.history.redo_when > newest else None


def _when_done(document: Steppable) -> float:
    """Return when a document's newest step was done; a stroke still being drawn is the newest."""
    if document.undo_text != document.history.undo_text:
        return float("inf")
    return document.history.undo_when
