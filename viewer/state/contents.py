"""What each view of the grid shows: whose image, which model's maps, whose masks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QObject, Signal

from engine.images.case import Case, Series
from viewer.state.overlay import VIEWS

ALL_MASKS = ""
NO_MASKS = "-"
"""No mask's id is shorter than a letter or looks like this."""

READ_ONLY = (
    "This view shows another image to compare with, and its masks cannot be drawn on here; "
    "“Read this image” in the menu of its title opens it for that."
)
Companion = Literal["", "sequence", "like"]


@dataclass(frozen=True)
class Content:
    """One view's subject; the map laid over it is ``Overlays``' matter.

    case, series: None for the case that is being read, whichever that is. checkpoint: None for
    the model in use. masks: ``ALL_MASKS``, ``NO_MASKS``, or the id of the one mask that is shown.
    frame: of a series, where it opens. note: said of it in the header ("likeness 0.93").
    companion: it was put here for the case being read, as another sequence of it or as one like
    it, and goes with that. empty: the view waits for something to be chosen.
    """

    case: Case | None = None
    series: Series | None = None
    checkpoint: Path | None = None
    masks: str = ALL_MASKS
    frame: int | None = None
    note: str = ""
    companion: Companion = ""
    empty: bool = False

    @property
    def is_own(self) -> bool:
        """Whether it is the image being read, with the model in use."""
        return self.series is None and self.checkpoint is None and not self.empty


HERE = Content()
"""The image being read, with the model in use and all its masks."""


class Contents(QObject):
    """The contents of all views, also of those that are not in the grid at the moment."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._contents = [HERE] * VIEWS

    def __getitem__(self, view: int) -> Content:
        return self._contents[view]

    def set(self, view: int, content: Content) -> None:
        """Give a view something else to show."""
        if self._contents[view] != content:
            self._contents[view] = content
            self.changed.emit()

    def change(self, view: int, **changes: Any) -> None:
        """Change part of what a view shows; it is not empty any more."""
        self.set(view, replace(self._contents[view], **{"empty": False, **changes}))

    def set_all(self, contents: list[Content]) -> None:
        """Give the first views their contents, at once."""
        changed = [*contents, *self._contents[len(contents) :]]
        if changed != self._contents:
            self._contents = changed
            self.changed.emit()

    def swap(self, one: int, other: int) -> None:
        """Exchange what two views show."""
        mine = self._contents
        if mine[one] != mine[other]:
            mine[one], mine[other] = mine[other], mine[one]
            self.changed.emit()
