"""Choosing a mask by clicking on it."""

from __future__ import annotations

from PySide6.QtCore import Qt

from viewer.tools.base import Pointer, Tool


class PickTool(Tool):
    """Click a mask to draw on it from now on; again for the one beneath."""

    name = "pick"
    title = "Pick mask"
    icon = "pointer"
    shortcut = "V"
    hint = "Click a mask to make it the one you draw on; click again for the one beneath."
    cursor = Qt.CursorShape.ArrowCursor

    def press(self, pointer: Pointer) -> None:
        """Choose the topmost mask at the mouse, or the next one down."""
        document = pointer.view.document
        if document is None or not pointer.inside:
            return
        row, col = pointer.pixel
        here = [
            mask
            for mask in reversed(document.masks)
            if mask.visible and mask.frame(pointer.view.frame)[row, col]
        ]
        if not here:
            return
        active = document.active
        following = here.index(active) + 1 if active in here else 0
        document.set_active(here[following % len(here)].id)
