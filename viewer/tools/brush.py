"""The round brush and its size, which the eraser shares."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import QObject, Qt, Signal

from engine.masks.document import MaskDocument
from viewer.tools.base import Pointer, Tool

SMALLEST, LARGEST = 0.5, 256.0
#: What one step (a key press, a wheel notch) multiplies the radius by.
STEP = 1.2


class BrushSize(QObject):
    """The radius, image pixels, that brush and eraser have in common."""

    changed = Signal(float)

    def __init__(self, radius: float = 8.0) -> None:
        super().__init__()
        self._radius = radius

    @property
    def radius(self) -> float:
        """The radius in image pixels."""
        return self._radius

    def set_radius(self, radius: float) -> None:
        """Set the radius, within the limits."""
        radius = min(max(radius, SMALLEST), LARGEST)
        if radius != self._radius:
            self._radius = radius
            self.changed.emit(radius)

    def resize(self, steps: float) -> None:
        """Make it larger or smaller, by at least half a pixel a whole step."""
        target = self._radius * STEP**steps
        if abs(steps) >= 1 and abs(target - self._radius) < 0.5:
            target = self._radius + (0.5 if steps > 0 else -0.5)
        self.set_radius(round(target * 4) / 4)


class BrushTool(Tool):
    """Paint on the active mask; Alt or Ctrl erases, Shift and a click draws a straight line."""

    name = "brush"
    title = "Brush"
    icon = "brush"
    shortcut = "B"
    hint = "Paint. Alt erases, Shift-click draws a line, [ and ] or Shift and wheel set the size."
    draws = True
    cursor = Qt.CursorShape.CrossCursor
    erases: ClassVar[bool] = False

    def __init__(self, size: BrushSize | None = None) -> None:
        super().__init__()
        self.size = size or BrushSize()
        self.size.changed.connect(lambda _: self.changed.emit())
        self._document: MaskDocument | None = None
        self._last: tuple[MaskDocument, int, tuple[float, float]] | None = None

    @property
    def busy(self) -> bool:
        """Whether a stroke is under way."""
        return self._document is not None

    @property
    def radius(self) -> float:
        """The brush's radius in image pixels."""
        return self.size.radius

    def press(self, pointer: Pointer) -> None:
        """Put the brush down."""
        document = pointer.drawable
        if document is None:
            return
        at = (pointer.row, pointer.col)
        start = at
        if pointer.shift and self._last is not None:
            last_document, last_frame, last = self._last
            if last_document is document and last_frame == pointer.view.frame:
                start = last
        erase = self.erases != (pointer.alt or pointer.control)
        document.begin_stroke(pointer.view.frame, start, self.radius, erase=erase)
        self._document = document
        if start != at:
            document.extend_stroke(at)
        self._last = (document, pointer.view.frame, at)

    def move(self, pointer: Pointer) -> None:
        """Move the brush in a straight line from where it was."""
        if self._document is not None:
            at = (pointer.row, pointer.col)
            self._document.extend_stroke(at)
            self._last = (self._document, pointer.view.frame, at)

    def release(self, pointer: Pointer) -> None:
        """Lift the brush where the mouse is."""
        self.move(pointer)
        self.finish()

    def finish(self) -> None:
        """Lift the brush where it is."""
        document, self._document = self._document, None
        if document is not None:
            document.end_stroke()

    def cancel(self) -> None:
        """Take the stroke back."""
        document, self._document = self._document, None
        if document is not None:
            document.cancel_stroke()

    def step_back(self) -> bool:
        """Take the unfinished stroke back."""
        was = self.busy
        self.cancel()
        return was

    def resize(self, steps: float) -> bool:
        """Make the brush larger or smaller."""
        self.size.resize(steps)
        return True
