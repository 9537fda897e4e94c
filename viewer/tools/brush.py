"""The round brush and its size, which the eraser and the threshold brush share."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from PySide6.QtCore import QObject, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPen

from engine.masks.document import MaskDocument
from engine.masks.stroke import Within
from viewer.tools.base import Pointer, Tool
from viewer.tools.outline import ERASES, HALO, PAINTS

if TYPE_CHECKING:
    from viewer.canvas.view import ImageView

SMALLEST, LARGEST = 0.5, 256.0
#: The same in millimetres.
SMALLEST_MM, LARGEST_MM = 0.1, 128.0
#: What one step (a key press, a wheel notch) multiplies the radius by.
STEP = 1.2
#: What a pen that is barely pressed leaves of the radius.
LIGHTEST = 0.3

Unit = Literal["px", "mm"]


class BrushSize(QObject):
    """The radius that brush, eraser and threshold brush have in common.

    In image pixels, or in millimetres where a brush shall be as large on any image; a brush in
    millimetres is round on the patient also where pixels are not square.
    """

    changed = Signal(float)

    def __init__(self, radius: float = 8.0) -> None:
        super().__init__()
        self._radius = radius
        self._mm = 4.0
        self.unit: Unit = "px"

    @property
    def radius(self) -> float:
        """The radius in image pixels, of a brush in pixels."""
        return self._radius

    @property
    def mm(self) -> float:
        """The radius in millimetres, of a brush in millimetres."""
        return self._mm

    def set_radius(self, radius: float) -> None:
        """Set the radius in image pixels, within the limits."""
        radius = min(max(radius, SMALLEST), LARGEST)
        if radius != self._radius:
            self._radius = radius
            self.changed.emit(radius)

    def set_mm(self, mm: float) -> None:
        """Set the radius in millimetres, within the limits."""
        mm = min(max(mm, SMALLEST_MM), LARGEST_MM)
        if mm != self._mm:
            self._mm = mm
            self.changed.emit(mm)

    def set_unit(self, unit: Unit) -> None:
        """Measure the brush in pixels or in millimetres."""
        if unit != self.unit:
            self.unit = unit
            self.changed.emit(self._radius)

    def resize(self, steps: float) -> None:
        """Make it larger or smaller, by at least half a pixel (a tenth of a mm) a whole step."""
        if self.unit == "mm":
            target = self._mm * STEP**steps
            if abs(steps) >= 1 and abs(target - self._mm) < 0.1:
                target = self._mm + (0.1 if steps > 0 else -0.1)
            self.set_mm(round(target, 2))
            return
        target = self._radius * STEP**steps
        if abs(steps) >= 1 and abs(target - self._radius) < 0.5:
            target = self._radius + (0.5 if steps > 0 else -0.5)
        self.set_radius(round(target * 4) / 4)

    def on(self, view: ImageView) -> tuple[float, float]:
        """Return (radius in image columns, aspect) on a view's image; see ``shapes.capsule``.

        Where the file gives no spacing, a brush in millimetres is one in pixels.
        """
        spacing = view.image.geometry.spacing if view.image is not None else None
        if self.unit == "mm" and spacing is not None:
            return self._mm / spacing[1], spacing[0] / spacing[1]
        return self._radius, 1.0


class BrushTool(Tool):
    """Paint on the active mask; Alt or Ctrl erases, Shift and a click draws a straight line.

    A pen's pressure makes the brush smaller, and its other end erases.
    """

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
        self._line_to: Pointer | None = None  # where Shift and a click would draw a line to
        self._erasing = False

    @property
    def busy(self) -> bool:
        """Whether a stroke is under way."""
        return self._document is not None

    @property
    def now(self) -> str:
        """What the brush does."""
        if self._line_to is not None:
            return "Click to draw a straight line from the last dab."
        if self.busy:
            return "Erasing." if self._erasing else "Painting."
        return self.hint

    @property
    def radius(self) -> float:
        """The radius in image pixels of a brush in pixels."""
        return self.size.radius

    def cursor_radius(self, view: ImageView) -> float:
        """Return the brush's radius in image columns."""
        return self.size.on(view)[0]

    def cursor_aspect(self, view: ImageView) -> float:
        """Return 1 for a brush that is round in pixels, else the pixels' aspect."""
        return self.size.on(view)[1]

    def within(self, pointer: Pointer) -> Within | None:
        """Return which pixels a stroke that begins here may change; None for all."""
        return None

    def press(self, pointer: Pointer) -> None:
        """Put the brush down."""
        document = pointer.drawable
        if document is None:
            return
        at = (pointer.row, pointer.col)
        start = self._line_start(pointer) or at
        self._erasing = self.erases != self.reverses(pointer)
        radius, aspect = self.size.on(pointer.view)
        document.begin_stroke(
            pointer.view.frame,
            start,
            radius * _pressed(pointer),
            erase=self._erasing,
            name=self.step_name,
            within=self.within(pointer),
            aspect=aspect,
        )
        self._document = document
        if start != at:
            document.extend_stroke(at)
        self._last = (document, pointer.view.frame, at)
        self._show_line(None)

    def reverses(self, pointer: Pointer) -> bool:
        """Return whether the stroke is to do the opposite."""
        return pointer.reverses

    @property
    def step_name(self) -> str:
        """The name of a stroke for undo, "" for the document's own."""
        return ""

    def move(self, pointer: Pointer) -> None:
        """Move the brush in a straight line from where it was."""
        if self._document is not None:
            at = (pointer.row, pointer.col)
            radius, _ = self.size.on(pointer.view)
            self._document.extend_stroke(at, radius * _pressed(pointer))
            self._last = (self._document, pointer.view.frame, at)

    def hover(self, pointer: Pointer) -> None:
        """With Shift held, show the line that a click would draw."""
        self._show_line(pointer if self._line_start(pointer) is not None else None)

    def release(self, pointer: Pointer) -> None:
        """Lift the brush where the mouse is."""
        if pointer.pressure > 0:  # a pen that has been lifted presses no more
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
        self._show_line(None)
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

    def paint(self, painter: QPainter, view: ImageView) -> None:
        """Paint both sides of the line that Shift and a click would draw."""
        pointer = self._line_to
        start = self._line_start(pointer) if pointer is not None else None
        if pointer is None or start is None or pointer.view is not view:
            return
        one, two = view.viewport.to_widget(*start), QPointF(pointer.x, pointer.y)
        radius, _ = self.size.on(view)
        width = 2 * radius * view.viewport.scale
        colour = ERASES if self.erases != self.reverses(pointer) else PAINTS
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        cap = Qt.PenCapStyle.RoundCap
        tint = QColor(colour)
        tint.setAlpha(50)
        painter.setPen(QPen(tint, max(width, 1.0), Qt.PenStyle.SolidLine, cap))
        painter.drawLine(one, two)
        for paint, thin in ((HALO, 3.0), (colour, 1.2)):
            painter.setPen(QPen(paint, thin, Qt.PenStyle.DashLine))
            painter.drawLine(one, two)
        painter.restore()

    def _line_start(self, pointer: Pointer) -> tuple[float, float] | None:
        """Return where a straight line would begin: at the last dab on the same frame."""
        if not pointer.shift or self._last is None:
            return None
        document, frame, last = self._last
        same = document is pointer.view.document and frame == pointer.view.frame
        return last if same else None

    def _show_line(self, pointer: Pointer | None) -> None:
        if pointer is not None or self._line_to is not None:
            self._line_to = pointer
            self.changed.emit()


def _pressed(pointer: Pointer) -> float:
    """Return what a pen's pressure leaves of the radius; all of it for a mouse."""
    return LIGHTEST + (1 - LIGHTEST) * pointer.pressure
