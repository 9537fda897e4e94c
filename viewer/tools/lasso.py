"""Freehand outlines."""

from __future__ import annotations

from math import hypot

from viewer.tools.base import Pointer
from viewer.tools.outline import Outline
from viewer.tools.outlining import OutlineTool

#: Points closer together than this, image pixels, say nothing more about the line.
CLOSEST = 0.1


class LassoTool(OutlineTool):
    """Draw round a region in one go; Alt or Ctrl erases it instead."""

    name = "lasso"
    title = "Lasso"
    icon = "lasso"
    shortcut = "L"
    hint = "Draw round a region. Alt erases it, Escape gives up."
    handles = False

    @property
    def now(self) -> str:
        """What letting go would do."""
        if self._outline is None:
            return self.hint
        return "Let go to " + ("erase" if self._outline.erase else "mark") + " what lies inside."

    def press(self, pointer: Pointer) -> None:
        """Begin the line."""
        outline = self.begin(pointer)
        if outline is not None:
            outline.points.append((pointer.row, pointer.col))

    def move(self, pointer: Pointer) -> None:
        """Draw on."""
        outline = self._outline
        if outline is None:
            return
        row, col = outline.points[-1]
        outline.erase = pointer.reverses
        if hypot(pointer.row - row, pointer.col - col) >= CLOSEST:
            outline.points.append((pointer.row, pointer.col))
        self.changed.emit()

    def release(self, pointer: Pointer) -> None:
        """Close the line and take what is inside."""
        self.move(pointer)
        self.close()

    def finish(self) -> None:
        """Close the line where it is."""
        self.close()

    def fill(self, outline: Outline) -> None:
        """Take what the line goes round, also twice."""
        outline.document.fill_lasso(outline.frame, outline.points, erase=outline.erase)
