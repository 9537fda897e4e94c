"""Polygons, corner by corner."""

from __future__ import annotations

from math import atan2, cos, hypot, pi, sin

from viewer.tools.base import Pointer
from viewer.tools.outline import Outline
from viewer.tools.outlining import CornerTool

#: A click this close to the first corner, logical pixels, closes the polygon.
CLOSING = 8.0


class PolygonTool(CornerTool):
    """Click corners; double-click, Enter or the first corner closes; Alt or Ctrl then erases."""

    name = "polygon"
    title = "Polygon"
    icon = "polygon"
    shortcut = "P"
    hint = (
        "Click corners; double-click or Enter closes, Backspace takes one back. "
        "Shift keeps to 45°, Alt erases."
    )

    @property
    def now(self) -> str:
        """What comes next."""
        if self._outline is None:
            return self.hint
        does = "erases" if self._outline.erase else "marks"
        left = 3 - len(self._outline.points)
        if left > 0:
            return f"Click {left} more corner{'s' if left > 1 else ''}; Backspace takes one back."
        return f"Double-click, Enter or the first corner closes and {does}; Backspace takes back."

    @property
    def corners(self) -> tuple[tuple[float, float], ...]:
        """The corners (row, col) set so far."""
        return () if self._outline is None else tuple(self._outline.points)

    def press(self, pointer: Pointer) -> None:
        """Set a corner, or close on the first one."""
        outline = self._outline or self.begin(pointer)
        if outline is None or not outline.belongs_to(pointer.view):
            return
        outline.erase = pointer.reverses
        if len(outline.points) >= 3 and on_first(outline, pointer):
            self.close()
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
            outline.erase = pointer.reverses
            self.changed.emit()

    def step_back(self) -> bool:
        """Take the last corner back, and with the first one the polygon."""
        if self._outline is None:
            return False
        self._outline.points.pop()
        if not self._outline.points:
            self._outline = None
        self.changed.emit()
        return True

    def fill(self, outline: Outline) -> None:
        """Take the polygon."""
        outline.document.fill_polygon(outline.frame, outline.points, erase=outline.erase)

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


def on_first(outline: Outline, pointer: Pointer) -> bool:
    """Return whether the mouse is on an outline's first point."""
    first = pointer.view.viewport.to_widget(*outline.points[0])
    return hypot(first.x() - pointer.x, first.y() - pointer.y) <= CLOSING
