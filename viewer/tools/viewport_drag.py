"""What moving and magnifying share: a drag that changes where the image is shown."""

from __future__ import annotations

from viewer.canvas.viewport import Viewport
from viewer.tools.base import Pointer, Tool


class ViewportDrag(Tool):
    """A drag from a viewport that it can go back to; ``dragged`` says to which one it leads."""

    def __init__(self) -> None:
        super().__init__()
        self._start: tuple[Pointer, Viewport] | None = None

    @property
    def busy(self) -> bool:
        """Whether a drag is under way."""
        return self._start is not None

    def dragged(self, viewport: Viewport, origin: Pointer, pointer: Pointer) -> Viewport:
        """Return what is shown once the mouse has come from ``origin`` to ``pointer``."""
        raise NotImplementedError

    def press(self, pointer: Pointer) -> None:
        """Remember where the drag began."""
        self._start = (pointer, pointer.view.viewport)

    def move(self, pointer: Pointer) -> None:
        """Show what the drag leads to."""
        if self._start is not None:
            origin, viewport = self._start
            pointer.view.set_viewport(self.dragged(viewport, origin, pointer))

    def release(self, pointer: Pointer) -> None:
        """End the drag."""
        self._start = None

    def cancel(self) -> None:
        """Go back to what was shown before the drag."""
        if self._start is not None:
            origin, viewport = self._start
            self._start = None
            origin.view.set_viewport(viewport)
