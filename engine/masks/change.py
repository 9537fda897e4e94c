"""What a document tells its listeners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from engine.masks.shapes import Box

if TYPE_CHECKING:
    from engine.masks.history import Step

ChangeKind = Literal[
    "added",  # a new, empty mask; its pixels follow as "pixels" changes, one a frame
    "removed",  # the mask is gone, with its pixels
    "pixels",
    "label",
    "colour",
    "author",
    "visible",
    "locked",
    "order",
    "active",
    "history",  # what can be undone or redone has changed
]


@dataclass(frozen=True, eq=False)
class Turn:
    """What has happened to the history: a step was pushed, undone or redone, or all forgotten."""

    what: Literal["push", "undo", "redo", "forget"]
    step: Step | None = None


def _none() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class Change:
    """One thing that has just changed; the document already holds the new state.

    added, removed: flat indices (row * cols + col, ascending, int64) of the pixels of ``frame``
    that really changed. box: the smallest known box around them. Whoever starts from "added" and
    applies every "pixels" change holds exactly the mask. turn: what has happened to the history
    ("history" only), with the step that was pushed.
    """

    kind: ChangeKind
    mask_id: str = ""
    frame: int | None = None
    added: NDArray[np.int64] = field(default_factory=_none)
    removed: NDArray[np.int64] = field(default_factory=_none)
    box: Box | None = None
    turn: Turn | None = None


Listener = Callable[[Change], None]
