"""Running through the slices by dragging."""

from __future__ import annotations

from PySide6.QtCore import Qt

from viewer.tools.base import Pointer, Tool

#: Logical pixels of drag a slice where the stack is short; long stacks fit in the view's height.
PIXELS_PER_SLICE = 8.0


class ScrollTool(Tool):
    """Drag down for later slices, up for earlier ones."""

    name = "scroll"
    title = "Slices"
    hint = "Drag up or down to run through the slices."
    cursor = Qt.CursorShape.SizeVerCursor

    def __init__(self) -> None:
        super().__init__()
        self._start: tuple[Pointer, int] | None = None

    @property
    def busy(self) -> bool:
        """Whether a drag is under way."""
        return self._start is not None

    def press(self, pointer: Pointer) -> None:
        """Remember the slice that the drag began on."""
        self._start = (pointer, pointer.view.frame)

    def move(self, pointer: Pointer) -> None:
        """Show the slice that lies as far from the first as the mouse does."""
        if self._start is None:
            return
        origin, frame = self._start
        view = pointer.view
        step = min(PIXELS_PER_SLICE, view.surface.height() / max(view.frames, 1))
        view.request_frame(frame + round((pointer.y - origin.y) / max(step, 1.0)))

    def release(self, pointer: Pointer) -> None:
        """End the drag."""
        self._start = None

    def cancel(self) -> None:
        """Go back to the slice that the drag began on."""
        if self._start is not None:
            origin, frame = self._start
            self._start = None
            origin.view.request_frame(frame)
