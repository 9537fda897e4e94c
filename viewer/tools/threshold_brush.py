"""A brush that paints only pixels within a range of intensity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QPainter

from engine.images.image import Image
from engine.masks import shapes
from engine.masks.stroke import Within
from engine.masks.threshold import IntensityRange, picked_range
from viewer.tools import tint
from viewer.tools.base import Pointer
from viewer.tools.brush import BrushSize, BrushTool

if TYPE_CHECKING:
    from viewer.canvas.view import ImageView


class IntensityChoice(QObject):
    """The range of grey values that may be painted, in the units of one image; none at first."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.image: Image | None = None
        self.low = 0.0
        self.high = 0.0

    def set_range(self, image: Image, low: float, high: float) -> None:
        """Choose a range; its ends may come in either order."""
        low, high = min(low, high), max(low, high)
        if (image, low, high) != (self.image, self.low, self.high):
            self.image, self.low, self.high = image, low, high
            self.changed.emit()

    def pick(self, pointer: Pointer) -> bool:
        """Choose the range of the tissue under the mouse; return whether there is any."""
        image = pointer.view.image
        if image is None or not pointer.inside:
            return False
        self.set_range(image, *picked_range(image.grey(pointer.view.frame), pointer.pixel))
        return True


class ThresholdBrushTool(BrushTool):
    """Paint pixels of a range of intensity alone; Ctrl-click picks the range, Alt erases."""

    name = "threshold-brush"
    title = "Threshold brush"
    icon = "threshold-brush"
    shortcut = "T"
    brief = "Ctrl-click picks, Alt erases"
    hint = "Paint pixels of similar intensity only. Ctrl-click picks the range, Alt erases."

    def __init__(self, size: BrushSize | None = None) -> None:
        super().__init__(size)
        self.range = IntensityChoice()
        self.range.changed.connect(self.changed)
        self._at: Pointer | None = None
        self._kept: tuple[Image, int, NDArray[np.float32]] | None = None

    def reverses(self, pointer: Pointer) -> bool:
        """Return whether to erase; Ctrl picks here."""
        return pointer.alt != pointer.eraser

    @property
    def step_name(self) -> str:
        """What undo calls a stroke."""
        return "Erase by threshold" if self._erasing else "Threshold brush stroke"

    def press(self, pointer: Pointer) -> None:
        """Pick the range, or paint within it; the first stroke on an image picks its own."""
        if pointer.control:
            self.range.pick(pointer)
            return
        if self.range.image is not pointer.view.image and not self.range.pick(pointer):
            pointer.view.notice.emit("Begin on the image: the intensity there is what is painted.")
            return
        super().press(pointer)

    def within(self, pointer: Pointer) -> Within | None:
        """Return the range on the frame shown."""
        view = pointer.view
        if view.image is None:
            return None
        return IntensityRange(self._grey(view), self.range.low, self.range.high)

    def hover(self, pointer: Pointer) -> None:
        """Remember where the brush would paint."""
        self._at = pointer
        super().hover(pointer)

    def move(self, pointer: Pointer) -> None:
        """Paint on."""
        self._at = pointer
        super().move(pointer)

    def paint(self, painter: QPainter, view: ImageView) -> None:
        """Tint the pixels under the brush that it would paint."""
        super().paint(painter, view)
        at, image = self._at, view.image
        if at is None or at.view is not view or image is None or self.range.image is not image:
            return
        if self.busy:
            return
        radius, aspect = self.size.on(view)
        point = (at.row, at.col)
        box, cover = shapes.capsule(point, point, radius, image.shape, aspect)
        if box.is_empty:
            return
        within = IntensityRange(self._grey(view), self.range.low, self.range.high)
        cover = cover & within(box)
        tint.paint(painter, view, box, cover, erases=self.erases != self.reverses(at))

    def _grey(self, view: ImageView) -> NDArray[np.float32]:
        """Return the frame shown as grey values; kept, for they are asked for with every move."""
        assert view.image is not None
        kept = self._kept
        if kept is None or kept[0] is not view.image or kept[1] != view.frame:
            kept = self._kept = (view.image, view.frame, view.image.grey(view.frame))
        return kept[2]
