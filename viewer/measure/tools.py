"""Putting measurements with the left button: drag, or click from point to point."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import QPointF, Qt

from viewer.measure import shape
from viewer.measure.desk import Desk
from viewer.tools.base import Pointer, Tool

if TYPE_CHECKING:
    from engine.measure.geometry import Point
    from engine.measure.measurement import Kind, Measurement
    from viewer.canvas.view import ImageView

#: Logical pixels that the mouse must travel for a press and release to be a drag.
DRAG = 4.0
#: Logical pixels from a polygon's first corner at which a click closes it.
CLOSE = 9.0


class MeasureTool(Tool):
    """Collects points until there are enough. Shift makes an ellipse a circle."""

    kind: ClassVar[Kind]
    wanted: ClassVar[int | None] = 2  # None: until it is closed
    cursor = Qt.CursorShape.CrossCursor

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._view: ImageView | None = None
        self._frame = 0
        self._points: list[Point] = []
        self._pressed: QPointF | None = None
        self._id = ""

    @property
    def busy(self) -> bool:
        """Whether points have been put and more are wanted."""
        return bool(self._points)

    def press(self, pointer: Pointer) -> None:
        """Put a point; the first begins a measurement."""
        if self._points and (pointer.view is not self._view or pointer.view.frame != self._frame):
            self.cancel()
        self._pressed = QPointF(pointer.x, pointer.y)
        if not self._points:
            if not pointer.inside:
                self._pressed = None
                return
            from uuid import uuid4

            self._view, self._frame, self._id = pointer.view, pointer.view.frame, uuid4().hex
        elif self.wanted is None and self._closes(pointer):
            self._pressed = None
            self._put(self._points)
            return
        self._add(self._placed(pointer))

    def move(self, pointer: Pointer) -> None:
        """Show where the next point would be."""
        self.hover(pointer)

    def hover(self, pointer: Pointer) -> None:
        """Show where the next point would be."""
        if self._points and pointer.view is self._view:
            self._preview([*self._points, self._placed(pointer)])

    def release(self, pointer: Pointer) -> None:
        """A drag puts the next point where it ends."""
        start, self._pressed = self._pressed, None
        if start is None or not self._points:
            return
        if math.hypot(pointer.x - start.x(), pointer.y - start.y()) > DRAG:
            self._add(self._placed(pointer))

    def double_click(self, pointer: Pointer) -> None:
        """Close a polygon."""
        if self.wanted is None and len(self._points) >= 3:
            self._put(self._points)
        else:
            self.press(pointer)

    def key(self, view: ImageView, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Close a polygon by Return; take back its last corner by Backspace."""
        if not self._points:
            return False
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.wanted is None:
            if len(self._points) >= 3:
                self._put(self._points)
            return True
        if key in (Qt.Key.Key_Backspace, Qt.Key.Key_Delete):
            return self.step_back()
        return False

    def step_back(self) -> bool:
        """Take back the last point."""
        if not self._points:
            return False
        self._points.pop()
        if self._points:
            self._preview(self._points)
        else:
            self.cancel()
        return True

    def cancel(self) -> None:
        """Give up what was begun."""
        if self._view is not None:
            self._desk.set_preview(self._view, None)
        self._points, self._view, self._pressed = [], None, None
        self.changed.emit()

    def finish(self) -> None:
        """The view moves on: what is not complete is given up."""
        self.cancel()

    def _add(self, point: Point) -> None:
        self._points.append(point)
        if self.wanted is not None and len(self._points) >= self.wanted:
            self._put(self._points)
        else:
            self._preview(self._points)

    def _placed(self, pointer: Pointer) -> Point:
        row, col = pointer.row, pointer.col
        image = pointer.view.image
        if image is not None:
            rows, cols = image.shape
            row, col = min(max(row, -0.5), rows - 0.5), min(max(col, -0.5), cols - 0.5)
        if self.kind == "ellipse" and pointer.shift and self._points:
            (r0, c0), aspect = self._points[0], pointer.view.viewport.aspect
            side = min(abs(row - r0) * aspect, abs(col - c0))
            row = r0 + math.copysign(side / aspect, row - r0)
            col = c0 + math.copysign(side, col - c0)
        return row, col

    def _closes(self, pointer: Pointer) -> bool:
        if len(self._points) < 3:
            return False
        first = pointer.view.viewport.to_widget(*self._points[0])
        return math.hypot(pointer.x - first.x(), pointer.y - first.y()) <= CLOSE

    def _made(self, points: list[Point]) -> Measurement | None:
        from engine.measure.measurement import POINTS, Measurement

        count = POINTS[self.kind]
        if len(points) < count:
            return None
        return Measurement(self.kind, self._frame, tuple(points), self._id)

    def _preview(self, points: list[Point]) -> None:
        if self._view is None:
            return
        made = self._made(points)
        if made is None and len(points) == 2:  # the first arm of an angle, or side of a polygon
            from engine.measure.measurement import Measurement

            made = Measurement("distance", self._frame, (points[0], points[1]), self._id)
        self._desk.set_preview(self._view, made)

    def _put(self, points: list[Point]) -> None:
        view, made = self._view, self._made(points)
        self.cancel()
        document = self._desk.of(view) if view is not None else None
        if document is not None and made is not None and _has_size(made):
            document.add(made)


def _has_size(item: Measurement) -> bool:
    rows, cols = [p[0] for p in item.points], [p[1] for p in item.points]
    down, across = max(rows) - min(rows), max(cols) - min(cols)
    if item.kind in ("ellipse", "cover"):
        return down > 0 and across > 0
    return down > 0 or across > 0


class DistanceTool(MeasureTool):
    """A length."""

    kind = "distance"
    name = "distance"
    title = "Measure a distance"
    icon = "distance"
    shortcut = "D"
    hint = "Drag from end to end, or click both. Drag a handle to move it, Delete removes it."


class AngleTool(MeasureTool):
    """An angle, by its three points."""

    kind = "angle"
    wanted = 3
    name = "angle"
    title = "Measure an angle"
    icon = "angle"
    shortcut = "Shift+A"
    hint = "Click an arm's end, the corner, the other arm's end; or drag the first arm."


class EllipseTool(MeasureTool):
    """An ellipse, its area and what its pixels hold."""

    kind = "ellipse"
    name = "ellipse"
    title = "Measure an ellipse"
    icon = "ellipse"
    shortcut = "Shift+E"
    hint = "Drag from corner to corner; Shift makes a circle. Shows area, mean, sd, min and max."


class AreaTool(MeasureTool):
    """A polygon, its area and what its pixels hold."""

    kind = "polygon"
    wanted = None
    name = "area"
    title = "Measure an area"
    icon = "area"
    shortcut = "Shift+P"
    hint = "Click corner after corner; Return, a double click or the first corner closes it."


class CoverTool(MeasureTool):
    """A rectangle that is black in everything exported."""

    kind = "cover"
    name = "cover"
    title = "Cover burnt-in text"
    icon = "cover"
    shortcut = "Shift+C"
    hint = "Drag over text in the picture: it is black, on every frame, in all that is exported."


class EditTool(Tool):
    """Moving a measurement or one of its handles; taken up by pressing on one."""

    name = "edit-measurement"
    title = "Move a measurement"
    cursor = Qt.CursorShape.SizeAllCursor

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._held: tuple[ImageView, Measurement, int | None, Pointer] | None = None
        self._moved: Measurement | None = None

    def reaches(self, pointer: Pointer) -> bool:
        """Whether a press there takes hold of something; it is chosen at once if so."""
        document = self._desk.of(pointer.view)
        at = QPointF(pointer.x, pointer.y)
        port = pointer.view.viewport
        items = tuple(reversed(self._desk.items(pointer.view)))
        for item in items:  # a handle under another's line is still the handle
            index = shape.handle_at(item, port, at)
            if index is not None:
                self._held = (pointer.view, item, index, pointer)
                break
        else:
            found = next((item for item in items if shape.touches(item, port, at)), None)
            self._held = None if found is None else (pointer.view, found, None, pointer)
        if self._held is None:
            if document is not None:
                document.select("")
            return False
        if document is not None:
            document.select(self._held[1].id)
        return True

    @property
    def busy(self) -> bool:
        """Whether something is being moved."""
        return self._moved is not None

    def move(self, pointer: Pointer) -> None:
        """Follow the mouse."""
        if self._held is None:
            return
        from dataclasses import replace

        view, item, index, origin = self._held
        down, across = pointer.row - origin.row, pointer.col - origin.col
        points = tuple(
            (row + down, col + across) if index in (None, i) else (row, col)
            for i, (row, col) in enumerate(item.points)
        )
        self._moved = replace(item, points=points)
        self._desk.set_preview(view, self._moved)

    def release(self, pointer: Pointer) -> None:
        """Leave it there: one step to undo."""
        held, moved = self._held, self._moved
        self.cancel()
        if held is not None and moved is not None:
            document = self._desk.of(held[0])
            if document is not None and any(item.id == moved.id for item in document.items):
                document.move(moved.id, moved.points)

    def double_click(self, pointer: Pointer) -> None:
        """A second press is another press."""

    def finish(self) -> None:
        """The view moves on."""
        self.cancel()

    def cancel(self) -> None:
        """Put it back."""
        if self._held is not None:
            self._desk.set_preview(self._held[0], None)
        self._held = self._moved = None
