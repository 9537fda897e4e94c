"""Where a view is pointed at: by its own mouse, or by the cursor of a view linked to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from viewer.canvas import brush_cursor, readout
from viewer.canvas.readout import CursorReading
from viewer.tools.base import Pointer

if TYPE_CHECKING:
    from viewer.canvas.view import ImageView


class Pointing:
    """One view's cursor: what lies under it, and the brush's circle or the cross that marks it."""

    def __init__(self, view: ImageView) -> None:
        self._view = view
        self._pointer: Pointer | None = None
        self._linked: tuple[float, float] | None = None

    @property
    def reading(self) -> CursorReading | None:
        """What lies under the mouse, or under a linked view's."""
        view, at = self._view, self._position()
        if at is None or view.image is None:
            return None
        overlay = view.visible_overlay
        return readout.read(view.image, view.frame, None if overlay is None else overlay.map, *at)

    def mark(self, row: float | None, col: float | None = None) -> None:
        """Mark a position that the cursor of a linked view points at, None for none."""
        at = None if row is None or col is None else (row, col)
        if at != self._linked:
            self._refresh_marks()
            self._linked = at
            self._refresh_marks()
            self._view.layers.write_reading()

    def unmark(self) -> None:
        """Forget a linked view's cursor because another image is shown."""
        self._linked = None

    def follow(self, pointer: Pointer | None) -> None:
        """Follow this view's own mouse; None when it left."""
        left = pointer is None and self._pointer is not None
        self._refresh_marks()
        self._pointer = pointer
        self._refresh_marks()
        self.report()
        if left:
            self._view.cursorMoved.emit(None)

    def stay(self) -> None:
        """Keep to the mouse, which stayed while the image moved under it."""
        if self._pointer is not None:
            self._pointer = self._view.interaction.locate(
                QPointF(self._pointer.x, self._pointer.y), self._pointer.modifiers
            )
            self.report()

    def report(self) -> None:
        """Say anew what lies under the cursor."""
        self._view.layers.write_reading()
        if self._pointer is not None:
            self._view.cursorMoved.emit(self.reading)

    def paint(self, painter: QPainter) -> None:
        """Paint the tool's size around the mouse, or a cross where a linked view points at."""
        viewport = self._view.viewport
        if self._pointer is not None:
            box = self._circle(self._pointer.row, self._pointer.col)
            if box is not None:
                brush_cursor.paint_circle(painter, box, QColor(Qt.GlobalColor.white))
        elif self._linked is not None:
            brush_cursor.paint_cross(painter, viewport.to_widget(*self._linked))

    def _position(self) -> tuple[float, float] | None:
        if self._pointer is not None:
            return self._pointer.row, self._pointer.col
        return self._linked

    def _circle(self, row: float, col: float) -> QRectF | None:
        """Return what the tool would touch on the canvas, None for a tool without a size."""
        view = self._view
        radius = view.tool.cursor_radius(view)
        if radius is None:
            return None
        aspect = view.tool.cursor_aspect(view)
        return brush_cursor.circle_box(view.viewport, row, col, radius, aspect)

    def _refresh_marks(self) -> None:
        at = self._position()
        if at is None:
            return
        centre = self._view.viewport.to_widget(*at)
        reach = brush_cursor.ARM + 3
        box = QRectF(centre.x() - reach, centre.y() - reach, 2 * reach, 2 * reach)
        if self._pointer is not None:
            circle = self._circle(*at)
            if circle is None:
                return
            box |= circle.adjusted(-3, -3, 3, 3)
        self._view.surface.refresh(box)
