"""The eraser: the brush the other way round."""

from __future__ import annotations

from viewer.tools.brush import BrushTool


class EraserTool(BrushTool):
    """Erase from the active mask; Alt or Ctrl paints."""

    name = "eraser"
    title = "Eraser"
    icon = "eraser"
    shortcut = "E"
    hint = "Erase. Alt paints, Shift-click erases a line, [ and ] or Shift and wheel set the size."
    erases = True
