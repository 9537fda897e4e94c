"""What can be undone and redone, bounded by bytes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

#: Enough for thousands of strokes, which take a few hundred bytes to some kilobytes each.
DEFAULT_LIMIT_BYTES = 64 * 2**20


class Edit(Protocol):
    """Something that happened to a document, and can be turned back and done again."""

    def apply(self) -> None:
        """Do it again."""

    def revert(self) -> None:
        """Turn it back."""

    @property
    def nbytes(self) -> int:
        """What is kept for it."""


@dataclass
class Step:
    """What one press of undo turns back, and the words for it ("Brush stroke").

    when: on the process's clock, to put the steps of several documents in one order.
    """

    name: str
    edits: Sequence[Edit] = field(default_factory=list)
    when: int = field(default_factory=time.monotonic_ns)

    def apply(self) -> None:
        """Do it again, first edit first."""
        for edit in self.edits:
            edit.apply()

    def revert(self) -> None:
        """Turn it back, last edit first."""
        for edit in reversed(self.edits):
            edit.revert()

    @property
    def nbytes(self) -> int:
        """What is kept for it."""
        return 200 + sum(edit.nbytes for edit in self.edits)


class History:
    """Steps done and undone. Over the limit the oldest steps are forgotten, never a drawing.

    The newest step can always be undone, however large it is.
    """

    def __init__(self, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self._done: deque[Step] = deque()
        self._undone: list[Step] = []
        # A step's size changes when it is done or undone (a removed mask is kept, one that is
        # there is not), so it is counted as it is pushed.
        self._done_sizes: deque[int] = deque()
        self._undone_sizes: list[int] = []
        self._total = 0

    def push(self, step: Step) -> None:
        """Remember what was just done; what had been undone can no longer be redone."""
        self._total -= sum(self._undone_sizes)
        self._undone.clear()
        self._undone_sizes.clear()
        self._keep(step)

    def undo(self) -> bool:
        """Turn the newest step back; return False if there is none."""
        if not self._done:
            return False
        step = self._done.pop()
        self._total -= self._done_sizes.pop()
        step.revert()
        self._undone.append(step)
        self._undone_sizes.append(step.nbytes)
        self._total += step.nbytes
        return True

    def redo(self) -> bool:
        """Do the step again that was undone last; return False if there is none."""
        if not self._undone:
            return False
        step = self._undone.pop()
        self._total -= self._undone_sizes.pop()
        step.apply()
        self._keep(step)
        return True

    def restore(self, done: Sequence[Step], undone: Sequence[Step]) -> None:
        """Take steps from before this process, oldest first and, of the undone, latest first.

        They come before everything that is done in this process.
        """
        self.clear()
        for when, step in enumerate([*done, *reversed(undone)], start=1):
            step.when = when
        for step in done:
            self._keep(step)
        for step in undone:
            self._undone.append(step)
            self._undone_sizes.append(step.nbytes)
            self._total += step.nbytes

    def clear(self) -> None:
        """Forget everything."""
        self._done.clear()
        self._undone.clear()
        self._done_sizes.clear()
        self._undone_sizes.clear()
        self._total = 0

    @property
    def undo_text(self) -> str:
        """What undo would turn back, "" if nothing."""
        return self._done[-1].name if self._done else ""

    @property
    def redo_text(self) -> str:
        """What redo would do again, "" if nothing."""
        return self._undone[-1].name if self._undone else ""

    @property
    def undo_when(self) -> int:
        """When the step was done that undo would turn back, 0 if there is none."""
        return self._done[-1].when if self._done else 0

    @property
    def redo_when(self) -> int:
        """When the step was first done that redo would do again, 0 if there is none."""
        return self._undone[-1].when if self._undone else 0

    @property
    def names(self) -> list[str]:
        """The steps that can be undone, oldest first."""
        return [step.name for step in self._done]

    @property
    def nbytes(self) -> int:
        """What is kept for all steps."""
        return self._total

    def _keep(self, step: Step) -> None:
        self._done.append(step)
        self._done_sizes.append(step.nbytes)
        self._total += step.nbytes
        while self._total > self.limit_bytes and len(self._done) > 1:
            self._done.popleft()
            self._total -= self._done_sizes.popleft()
