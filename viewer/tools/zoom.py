"""Magnifying by dragging."""

from __future__ import annotations

from math import exp

from PySide6.QtCore import Qt

from viewer.canvas.viewport import Viewport
from viewer.tools.base import Pointer, Tool

#: Logical pixels of drag that magnify by e (2.7).
TRAVEL = 150.0


class ZoomTool(Tool):
    """Drag up to magnify, down to shrink, about the point that was pressed."""

    name = "zoom"
    title = "Zoom"
    icon = "zoom"
    shortcut = "Z"
    hint = "Drag up to magnify, down to shrink. In every tool: right drag, or Ctrl and the wheel."
    cursor = Qt.CursorShape.SizeVerCursor

    def __init__(self) -> None:
        super().__init__()
        self._start: tuple[Pointer, Viewport] | None = None

    @property
    def busy(self) -> bool:
        """Whether a drag is under way."""
        return self._start is not None

    def press(self, pointer: Pointer) -> None:
        """Remember the point that stays in place."""
        self._start = (pointer, pointer.view.viewport)

    def move(self, pointer: Pointer) -> None:
        """Magnify by how far the mouse is from where it began."""
        if self._start is None:
            return
        origin, viewport = self._start
        factor = exp((origin.y - pointer.y) / TRAVEL)
        pointer.view.set_viewport(viewport.zoomed(factor, origin.x, origin.y))

    def release(self, pointer: Pointer) -> None:
        """End the drag."""
        self._start = None

    def cancel(self) -> None:
        """Go back to the zoom before the drag."""
        if self._start is not None:
            origin, viewport = self._start
            self._start = None
            origin.view.set_viewport(viewport)
