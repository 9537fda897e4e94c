"""What the tools that draw outlines share: one is begun, shown, and filled or given up."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter

from viewer.tools.base import Pointer, Tool
from viewer.tools.outline import Outline

if TYPE_CHECKING:
    from viewer.canvas.view import ImageView


class OutlineTool(Tool):
    """Draws an outline on one frame of one document and fills it.

    handles: whether its points are shown as corners.
    """

    draws = True
    cursor = Qt.CursorShape.CrossCursor
    handles: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self._outline: Outline | None = None

    @property
    def busy(self) -> bool:
        """Whether an outline has been begun."""
        return self._outline is not None

    def begin(self, pointer: Pointer) -> Outline | None:
        """Begin an outline on what the view shows; None where that cannot be drawn on."""
        document = pointer.drawable
        if document is not None:
            self._outline = Outline(document, pointer.view.frame, erase=pointer.reverses)
        return self._outline

    def fill(self, outline: Outline) -> None:
        """Take what an outline of three points or more goes round."""
        raise NotImplementedError

    def close(self) -> None:
        """End the outline where it is, and fill it."""
        outline, self._outline = self._outline, None
        if outline is not None:
            self.changed.emit()
            if len(outline.points) >= 3:
                self.fill(outline)

    def cancel(self) -> None:
        """Give the outline up."""
        if self._outline is not None:
            self._outline = None
            self.changed.emit()

    def step_back(self) -> bool:
        """Give the outline up."""
        was = self.busy
        self.cancel()
        return was

    def paint(self, painter: QPainter, view: ImageView) -> None:
        """Paint the outline."""
        if self._outline is not None:
            self._outline.paint(painter, view, self.handles)


class CornerTool(OutlineTool):
    """An outline of corners that are clicked one by one."""

    def double_click(self, pointer: Pointer) -> None:
        """Close; the corner was set by the first of the two clicks."""
        if self._outline is not None:
            self._outline.erase = pointer.reverses
            self.close()

    def key(self, view: ImageView, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Enter closes, Backspace takes the last corner back."""
        if self._outline is None:
            return False
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.close()
            return True
        if key in (Qt.Key.Key_Backspace, Qt.Key.Key_Delete):
            return self.step_back()
        return False
