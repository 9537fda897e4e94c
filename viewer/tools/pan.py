"""Moving the image under the view."""

from __future__ import annotations

from PySide6.QtCore import Qt

from viewer.canvas.viewport import Viewport
from viewer.tools.base import Pointer
from viewer.tools.viewport_drag import ViewportDrag


class PanTool(ViewportDrag):
    """Drag the image: the point that was taken hold of stays under the mouse."""

    name = "pan"
    title = "Move"
    icon = "pan"
    shortcut = "M"
    hint = "Drag the image. In every tool: middle drag, or hold Space."
    cursor = Qt.CursorShape.OpenHandCursor

    def dragged(self, viewport: Viewport, origin: Pointer, pointer: Pointer) -> Viewport:
        """Return the viewport moved by the drag."""
        return viewport.panned(pointer.x - origin.x, pointer.y - origin.y)
