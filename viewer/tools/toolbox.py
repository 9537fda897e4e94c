"""All tools, in the order in which they are shown."""

from __future__ import annotations

from viewer.tools.base import Tool
from viewer.tools.brush import BrushSize, BrushTool
from viewer.tools.eraser import EraserTool
from viewer.tools.fill import FillTool
from viewer.tools.lasso import LassoTool
from viewer.tools.livewire import LivewireTool
from viewer.tools.pan import PanTool
from viewer.tools.pick import PickTool
from viewer.tools.polygon import PolygonTool
from viewer.tools.region import RegionTool
from viewer.tools.threshold_brush import ThresholdBrushTool
from viewer.tools.window_level import WindowLevelTool
from viewer.tools.zoom import ZoomTool

#: The tool that a view starts with.
DEFAULT = WindowLevelTool.name


class Toolbox:
    """One instance of each tool, and the size that the brushes and the eraser share."""

    def __init__(self) -> None:
        self.brush_size = BrushSize()
        self.threshold_brush = ThresholdBrushTool(self.brush_size)
        self.livewire = LivewireTool()
        self.region = RegionTool()
        self.tools: tuple[Tool, ...] = (
            WindowLevelTool(),
            PanTool(),
            ZoomTool(),
            PickTool(),
            BrushTool(self.brush_size),
            EraserTool(self.brush_size),
            self.threshold_brush,
            PolygonTool(),
            LassoTool(),
            self.livewire,
            self.region,
            FillTool(),
        )

    def __getitem__(self, name: str) -> Tool:
        """Return a tool by its name; ``KeyError`` if there is none."""
        for tool in self.tools:
            if tool.name == name:
                return tool
        raise KeyError(name)
