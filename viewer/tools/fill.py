"""Filling what an outline encloses."""

from __future__ import annotations

from PySide6.QtCore import Qt

from viewer.tools.base import Pointer, Tool


class FillTool(Tool):
    """Click inside a closed outline to fill it; Shift fills every hole, Alt removes a piece."""

    name = "fill"
    title = "Fill"
    icon = "fill"
    shortcut = "G"
    hint = "Click inside a closed outline. Shift fills all holes, Alt removes the piece clicked."
    draws = True
    cursor = Qt.CursorShape.CrossCursor

    def press(self, pointer: Pointer) -> None:
        """Fill, or remove."""
        view, document = pointer.view, pointer.drawable
        if document is None or not pointer.inside:
            return
        if pointer.reverses:
            if not document.remove_piece(view.frame, pointer.pixel):
                view.notice.emit("There is no marked piece here to remove.")
        elif pointer.shift:
            if not document.fill_holes(view.frame):
                view.notice.emit("The mask has no holes on this frame.")
        elif not document.fill_at(view.frame, pointer.pixel):
            view.notice.emit("Nothing closes this place in; draw a closed outline and click in it.")

    def double_click(self, pointer: Pointer) -> None:
        """Do nothing more than the first click did."""
