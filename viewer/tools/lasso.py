"""Freehand outlines."""

from __future__ import annotations

from math import hypot
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter

from viewer.tools.base import Pointer, Tool
from viewer.tools.outline import Outline

if TYPE_CHECKING:
    from viewer.canvas.view import ImageView

#: Points closer together than this, image pixels, say nothing more about the line.
CLOSEST = 0.1


class LassoTool(Tool):
    """Draw round a region in one go; Alt or Ctrl erases it instead."""

    name = "lasso"
    title = "Lasso"
    icon = "lasso"
    shortcut = "L"
    hint = "Draw round a region. Alt erases it, Escape gives up."
    draws = True
    cursor = Qt.CursorShape.CrossCursor

    def __init__(self) -> None:
        super().__init__()
        self._outline: Outline | None = None

    @property
    def busy(self) -> bool:
        """Whether a line is being drawn."""
        return self._outline is not None

    def press(self, pointer: Pointer) -> None:
        """Begin the line."""
        document = pointer.drawable
        if document is not None:
            self._outline = Outline(document, pointer.view.frame, [(pointer.row, pointer.col)])

    def move(self, pointer: Pointer) -> None:
        """Draw on."""
        outline = self._outline
        if outline is None:
            return
        row, col = outline.points[-1]
        outline.erase = pointer.alt or pointer.control
        if hypot(pointer.row - row, pointer.col - col) >= CLOSEST:
            outline.points.append((pointer.row, pointer.col))
        self.changed.emit()

    def release(self, pointer: Pointer) -> None:
        """Close the line and take what is inside."""
        self.move(pointer)
        self.finish()

    def finish(self) -> None:
        """Close the line where it is."""
        outline, self._outline = self._outline, None
        if outline is not None:
            self.changed.emit()
            if len(outline.points) >= 3:
                outline.document.fill_lasso(outline.frame, outline.points, erase=outline.erase)

    def cancel(self) -> None:
        """Give the line up."""
        if self._outline is not None:
            self._outline = None
            self.changed.emit()

    def step_back(self) -> bool:
        """Give the line up."""
        was = self.busy
        self.cancel()
        return was

    def paint(self, painter: QPainter, view: ImageView) -> None:
        """Paint the line."""
        if self._outline is not None:
            self._outline.paint(painter, view, handles=False)
