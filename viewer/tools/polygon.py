"""Polygons, corner by corner."""

from __future__ import annotations

from math import atan2, cos, hypot, pi, sin
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter

from viewer.tools.base import Pointer, Tool
from viewer.tools.outline import Outline

if TYPE_CHECKING:
    from viewer.canvas.view import ImageView

#: A click this close to the first corner, logical pixels, closes the polygon.
CLOSING = 8.0


class PolygonTool(Tool):
    """Click corners; double-click, Enter or the first corner closes; Alt or Ctrl then erases."""

    name = "polygon"
    title = "Polygon"
    icon = "polygon"
    shortcut = "P"
    hint = "Click corners; double-click or Enter closes, Backspace takes one back. Alt erases."
    draws = True
    cursor = Qt.CursorShape.CrossCursor

    def __init__(self) -> None:
        super().__init__()
        self._outline: Outline | None = None

    @property
    def busy(self) -> bool:
        """Whether a polygon has been begun."""
        return self._outline is not None

    @property
    def corners(self) -> tuple[tuple[float, float], ...]:
        """The corners (row, col) set so far."""
        return () if self._outline is None else tuple(self._outline.points)

    def press(self, pointer: Pointer) -> None:
        """Set a corner, or close on the first one."""
        if self._outline is None:
            document = pointer.drawable
            if document is None:
                return
            self._outline = Outline(document, pointer.view.frame)
        outline = self._outline
        if not outline.belongs_to(pointer.view):
            return
        outline.erase = pointer.alt or pointer.control
        if len(outline.points) >= 3 and self._on_first(pointer):
            self._close()
            return
        outline.points.append(self._at(pointer))
        outline.end = None
        self.changed.emit()

    def move(self, pointer: Pointer) -> None:
        """Let the corner just set follow the mouse until the button comes up."""
        outline = self._outline
        if outline is not None and outline.points and outline.belongs_to(pointer.view):
            outline.points.pop()
            outline.points.append(self._at(pointer))
            self.changed.emit()

    def hover(self, pointer: Pointer) -> None:
        """Draw the side that a click would set."""
        outline = self._outline
        if outline is not None and outline.belongs_to(pointer.view):
            outline.end = self._at(pointer)
            outline.erase = pointer.alt or pointer.control
            self.changed.emit()

    def double_click(self, pointer: Pointer) -> None:
        """Close; the corner was set by the first of the two clicks."""
        if self._outline is not None:
            self._outline.erase = pointer.alt or pointer.control
            self._close()

    def key(self, view: ImageView, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Enter closes, Backspace takes the last corner back."""
        if self._outline is None:
            return False
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._close()
            return True
        if key in (Qt.Key.Key_Backspace, Qt.Key.Key_Delete):
            return self.step_back()
        return False

    def step_back(self) -> bool:
        """Take the last corner back, and with the first one the polygon."""
        if self._outline is None:
            return False
        self._outline.points.pop()
        if not self._outline.points:
            self._outline = None
        self.changed.emit()
        return True

    def cancel(self) -> None:
        """Give the polygon up."""
        if self._outline is not None:
            self._outline = None
            self.changed.emit()

    def paint(self, painter: QPainter, view: ImageView) -> None:
        """Paint sides and corners."""
        if self._outline is not None:
            self._outline.paint(painter, view, handles=True)

    def _close(self) -> None:
        outline, self._outline = self._outline, None
        self.changed.emit()
        if outline is not None and len(outline.points) >= 3:
            outline.document.fill_polygon(outline.frame, outline.points, erase=outline.erase)

    def _on_first(self, pointer: Pointer) -> bool:
        assert self._outline is not None
        first = pointer.view.viewport.to_widget(*self._outline.points[0])
        return hypot(first.x() - pointer.x, first.y() - pointer.y) <= CLOSING

    def _at(self, pointer: Pointer) -> tuple[float, float]:
        """Return where a corner goes: with Shift, at a multiple of 45 degrees on screen."""
        outline = self._outline
        if not pointer.shift or outline is None or not outline.points:
            return pointer.row, pointer.col
        viewport = pointer.view.viewport
        last = viewport.to_widget(*outline.points[-1])
        dx, dy = pointer.x - last.x(), pointer.y - last.y()
        angle = round(atan2(dy, dx) / (pi / 4)) * (pi / 4)
        along = dx * cos(angle) + dy * sin(angle)
        return viewport.to_image(last.x() + along * cos(angle), last.y() + along * sin(angle))
