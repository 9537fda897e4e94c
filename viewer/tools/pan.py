"""Moving the image under the view."""

from __future__ import annotations

from PySide6.QtCore import Qt

from viewer.canvas.viewport import Viewport
from viewer.tools.base import Pointer, Tool


class PanTool(Tool):
    """Drag the image."""

    name = "pan"
    title = "Move"
    icon = "pan"
    shortcut = "M"
    hint = "Drag the image. In every tool: middle drag, or hold Space."
    cursor = Qt.CursorShape.OpenHandCursor

    def __init__(self) -> None:
        super().__init__()
        self._start: tuple[Pointer, Viewport] | None = None

    @property
    def busy(self) -> bool:
        """Whether a drag is under way."""
        return self._start is not None

    def press(self, pointer: Pointer) -> None:
        """Take hold of the image."""
        self._start = (pointer, pointer.view.viewport)

    def move(self, pointer: Pointer) -> None:
        """Keep the point that was taken hold of under the mouse."""
        if self._start is None:
            return
        origin, viewport = self._start
        pointer.view.set_viewport(viewport.panned(pointer.x - origin.x, pointer.y - origin.y))

    def release(self, pointer: Pointer) -> None:
        """Let go."""
        self._start = None

    def cancel(self) -> None:
        """Put the image back."""
        if self._start is not None:
            origin, viewport = self._start
            self._start = None
            origin.view.set_viewport(viewport)
