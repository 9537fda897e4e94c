"""Growing a region from a click, over pixels of similar intensity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QPainter

from engine.images.image import Image
from engine.masks.document import MaskDocument
from engine.masks.region import region, tolerance_range
from engine.masks.shapes import Stamp, nothing
from viewer.tools import tint
from viewer.tools.base import Pointer, Tool

if TYPE_CHECKING:
    from viewer.canvas.view import ImageView

#: Logical pixels of drag that widen the tolerance by all of the image's values.
TRAVEL = 600.0
#: Share of the image's values that is tolerated at first.
TOLERANCE = 0.1


class RegionChoice(QObject):
    """How far from the clicked value a region reaches, and whether through the slices.

    tolerance: share (0 to 1) of how far the image's values reach.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.tolerance = TOLERANCE
        self.through = False

    def set_tolerance(self, tolerance: float) -> None:
        """Set the tolerance, within its limits."""
        tolerance = min(max(tolerance, 0.001), 1.0)
        if tolerance != self.tolerance:
            self.tolerance = tolerance
            self.changed.emit()

    def set_through(self, through: bool) -> None:
        """Grow through all slices, or on one alone."""
        if through != self.through:
            self.through = through
            self.changed.emit()


@dataclass(frozen=True, eq=False)
class GrowRequest:
    """A region to be grown through the slices, off the GUI thread.

    seed: (frame, row, col).
    """

    document: MaskDocument
    image: Image
    seed: tuple[int, int, int]
    low: float
    high: float
    erase: bool


@dataclass(eq=False)
class _Growing:
    pointer: Pointer
    document: MaskDocument
    frame: int
    pixels: NDArray[np.float32]
    erase: bool
    tolerance: float
    stamp: Stamp


class RegionTool(Tool):
    """Click to mark the connected region of similar intensity; dragging sets how similar."""

    name = "region"
    title = "Region growing"
    icon = "region"
    shortcut = "U"
    brief = "Click a region; drag right for more, left for less. Alt erases."
    hint = (
        "Click to mark the connected region of similar intensity; drag right for more, left for "
        "less. Alt erases."
    )
    draws = True
    cursor = Qt.CursorShape.CrossCursor

    throughRequested = Signal(object)  # GrowRequest

    def __init__(self) -> None:
        super().__init__()
        self.choice = RegionChoice()
        self._growing: _Growing | None = None

    @property
    def busy(self) -> bool:
        """Whether a region is being chosen."""
        return self._growing is not None

    @property
    def now(self) -> str:
        """What letting go would do."""
        growing = self._growing
        if growing is None:
            return self.hint
        does = "erase" if growing.erase else "mark"
        count = int(np.count_nonzero(growing.stamp.cover))
        number = f"{count:,}".replace(",", " ")
        return f"Let go to {does} {number} pixels (tolerance {growing.tolerance:.1%}); Escape: not."

    def press(self, pointer: Pointer) -> None:
        """Choose the seed."""
        document, view = pointer.drawable, pointer.view
        if document is None or view.image is None:
            return
        if not pointer.inside:
            view.notice.emit("Click on the image: the region grows from the pixel there.")
            return
        self._growing = _Growing(
            pointer,
            document,
            view.frame,
            view.image.grey(view.frame),
            pointer.reverses,
            self.choice.tolerance,
            nothing(),
        )
        self._grow()

    def move(self, pointer: Pointer) -> None:
        """Widen or narrow the tolerance by how far the mouse is from the seed, sideways."""
        growing = self._growing
        if growing is not None:
            moved = pointer.x - growing.pointer.x
            growing.tolerance = min(max(self.choice.tolerance + moved / TRAVEL, 0.001), 1.0)
            growing.erase = pointer.reverses
            self._grow()

    def release(self, pointer: Pointer) -> None:
        """Take the region."""
        self.finish()

    def finish(self) -> None:
        """Take the region that is shown, or ask for it through all slices."""
        growing, self._growing = self._growing, None
        if growing is None:
            return
        self.changed.emit()
        self.choice.set_tolerance(growing.tolerance)
        image = growing.pointer.view.image
        if self.choice.through and image is not None and image.frames > 1:
            low, high = self._range(growing)
            seed = (growing.frame, *growing.pointer.pixel)
            request = GrowRequest(growing.document, image, seed, low, high, growing.erase)
            self.throughRequested.emit(request)
            return
        name = "Erase region" if growing.erase else "Region growing"
        growing.document.paint(growing.frame, growing.stamp, erase=growing.erase, name=name)

    def double_click(self, pointer: Pointer) -> None:
        """Do nothing more than the first click did."""

    def cancel(self) -> None:
        """Give the region up."""
        if self._growing is not None:
            self._growing = None
            self.changed.emit()

    def step_back(self) -> bool:
        """Give the region up."""
        was = self.busy
        self.cancel()
        return was

    def paint(self, painter: QPainter, view: ImageView) -> None:
        """Tint the region."""
        growing = self._growing
        if growing is None or growing.stamp.box.is_empty:
            return
        if view.document is growing.document and view.frame == growing.frame:
            tint.paint(painter, view, *growing.stamp, erases=growing.erase)

    def _range(self, growing: _Growing) -> tuple[float, float]:
        tolerance = growing.tolerance * growing.pointer.view.value_span
        return tolerance_range(growing.pixels, growing.pointer.pixel, tolerance)

    def _grow(self) -> None:
        growing = self._growing
        assert growing is not None
        growing.stamp = region(growing.pixels, growing.pointer.pixel, *self._range(growing))
        self.changed.emit()
