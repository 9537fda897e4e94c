"""Window and level by dragging."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt

from engine.images.image import Window
from viewer.tools.base import Pointer, Tool

#: Logical pixels of drag that run once through the image's values.
TRAVEL = 500.0


class WindowLevelTool(Tool):
    """Drag right for a wider window, down for a higher centre (darker), as in most viewers."""

    name = "window-level"
    title = "Window and level"
    icon = "window-level"
    shortcut = "W"
    hint = "Drag sideways for contrast, up or down for brightness. Double-click resets."
    cursor = Qt.CursorShape.SizeAllCursor

    def __init__(self) -> None:
        super().__init__()
        self._start: tuple[Pointer, Window] | None = None

    @property
    def busy(self) -> bool:
        """Whether a drag is under way."""
        return self._start is not None

    def press(self, pointer: Pointer) -> None:
        """Remember where the drag began."""
        window = pointer.view.grey_window
        self._start = (pointer, window) if window is not None else None

    def move(self, pointer: Pointer) -> None:
        """Change the window by how far the mouse is from where it began."""
        if self._start is None:
            return
        origin, window = self._start
        unit = pointer.view.value_span / TRAVEL
        pointer.view.set_window(
            replace(
                window,
                centre=window.centre + (pointer.y - origin.y) * unit,
                width=max(window.width + (pointer.x - origin.x) * unit, unit),
                name="",
            )
        )

    def release(self, pointer: Pointer) -> None:
        """End the drag."""
        self._start = None

    def double_click(self, pointer: Pointer) -> None:
        """Go back to the image's own window."""
        pointer.view.reset_window()

    def cancel(self) -> None:
        """Go back to the window before the drag."""
        if self._start is not None:
            origin, window = self._start
            self._start = None
            origin.view.set_window(window)
