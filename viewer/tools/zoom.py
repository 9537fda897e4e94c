"""Magnifying by dragging."""

from __future__ import annotations

from math import exp

from PySide6.QtCore import Qt

from viewer.canvas.viewport import Viewport
from viewer.tools.base import Pointer
from viewer.tools.viewport_drag import ViewportDrag

#: Logical pixels of drag that magnify by e (2.7).
TRAVEL = 150.0


class ZoomTool(ViewportDrag):
    """Drag up to magnify, down to shrink, about the point that was pressed."""

    name = "zoom"
    title = "Zoom"
    icon = "zoom"
    shortcut = "Z"
    hint = "Drag up to magnify, down to shrink. In every tool: right drag, or Ctrl and the wheel."
    cursor = Qt.CursorShape.SizeVerCursor

    def dragged(self, viewport: Viewport, origin: Pointer, pointer: Pointer) -> Viewport:
        """Return the viewport magnified by how far the mouse has come up."""
        return viewport.zoomed(exp((origin.y - pointer.y) / TRAVEL), origin.x, origin.y)
