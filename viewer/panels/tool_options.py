"""The line over the views: what the tool in hand does now, and what can be set about it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QSizePolicy,
    QWidget,
)

from viewer.state import AppState
from viewer.tools.base import Tool
from viewer.tools.brush import LARGEST, LARGEST_MM, SMALLEST, SMALLEST_MM, BrushTool
from viewer.tools.region import RegionTool
from viewer.tools.threshold_brush import ThresholdBrushTool
from viewer.tools.toolbox import Toolbox
from viewer.widgets.elided import Elided
from viewer.widgets.section import label

HEIGHT = 32
_SPACING = 8


class ToolOptions(QFrame):
    """Shows the options of one tool at a time, and its hint; remembers what was set.

    ``done``: a number was typed; the keys are the views' again.
    """

    done = Signal()

    def __init__(self, state: AppState, toolbox: Toolbox, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("toolOptions")
        self.setFixedHeight(HEIGHT)
        self._state = state
        self._size = toolbox.brush_size
        self._range = toolbox.threshold_brush.range
        self._region = toolbox.region.choice
        self._tool: Tool | None = None
        self._cut = False
        self.title = label("", "small")
        self.diameter = _spin("Diameter of the brush")
        self.unit = QComboBox()
        self.unit.setAccessibleName("Unit of the brush's diameter")
        self.unit.setToolTip("A brush in mm is as large on any image, and round on the patient")
        for unit in ("px", "mm"):
            self.unit.addItem(unit, unit)
        self.low, self.high = _spin("Lowest intensity painted"), _spin("Highest intensity painted")
        for spin in (self.low, self.high):
            spin.setRange(-1e6, 1e6)
        self.tolerance = _spin("Tolerance of the region")
        self.tolerance.setRange(0.1, 100.0)
        self.tolerance.setSuffix(" %")
        self.tolerance.setToolTip(
            "How far from the clicked pixel's value, in parts of how far the image's values reach"
        )
        self.through = QCheckBox("Through slices")
        self.through.setToolTip("Grow the region through all slices of the stack")
        self._hint = Elided("", "secondary")
        self._hint.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._hint.setAccessibleName("What the tool does")
        says = {text: label(text, "secondary") for text in ("Size", "Intensity", "to", "Tolerance")}
        self._parts: dict[str, tuple[QWidget, ...]] = {
            "brush": (says["Size"], self.diameter, self.unit),
            "range": (says["Intensity"], self.low, says["to"], self.high),
            "region": (says["Tolerance"], self.tolerance, self.through),
        }
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 0, 12, 0)
        layout.setSpacing(_SPACING)
        layout.addWidget(self.title)
        for spin, width in (
            (self.diameter, 64),
            (self.low, 76),
            (self.high, 76),
            (self.tolerance, 68),
        ):
            spin.setFixedWidth(width)
            spin.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        for parts in self._parts.values():
            for part in parts:
                layout.addWidget(part, 0, Qt.AlignmentFlag.AlignVCenter)
        layout.addSpacing(4)
        layout.addWidget(self._hint, 1)
        self.diameter.valueChanged.connect(self._set_size)
        self.unit.activated.connect(lambda: self._size.set_unit(self.unit.currentData()))
        self.low.valueChanged.connect(self._set_range)
        self.high.valueChanged.connect(self._set_range)
        self.tolerance.valueChanged.connect(lambda v: self._region.set_tolerance(v / 100))
        self.through.toggled.connect(self._region.set_through)
        for changed in (self._size.changed, self._range.changed, self._region.changed):
            changed.connect(self.refresh)
        state.seriesOpened.connect(self.refresh)
        for spin in (self.diameter, self.low, self.high, self.tolerance):
            spin.lineEdit().returnPressed.connect(self.done)
        self._restore()
        self.refresh()

    @property
    def hint(self) -> str:
        """What is said about the tool now."""
        return self._hint.text()

    def show_tool(self, tool: Tool) -> None:
        """Show a tool's options, and follow what it does."""
        if self._tool is not None:
            self._tool.changed.disconnect(self._say)
        self._tool = tool
        tool.changed.connect(self._say)
        self.title.setText(tool.title)
        kinds = {
            "brush": isinstance(tool, BrushTool),
            "range": isinstance(tool, ThresholdBrushTool),
            "region": isinstance(tool, RegionTool),
        }
        for kind, parts in self._parts.items():
            for part in parts:
                part.setVisible(kinds[kind])
        self.refresh()
        self._say()

    def refresh(self, *_: object) -> None:
        """Show the options as they are."""
        size, image = self._size, self._state.image
        mm = size.unit == "mm"
        scale = image is None or image.geometry.spacing is not None
        least, most = (SMALLEST_MM, LARGEST_MM) if mm else (SMALLEST, LARGEST)
        _quietly(
            self.diameter, range=(2 * least, 2 * most), value=2 * (size.mm if mm else size.radius)
        )
        self.unit.setCurrentIndex(self.unit.findData(size.unit))
        self.unit.setEnabled(scale)
        if not scale:
            self.unit.setToolTip("This file does not say how large its pixels are: pixels are used")
        known = self._range.image is not None and self._range.image is image
        for spin, value in ((self.low, self._range.low), (self.high, self._range.high)):
            spin.setEnabled(known)
            _quietly(spin, value=value if known else 0.0)
        _quietly(self.tolerance, value=100 * self._region.tolerance)
        self.through.blockSignals(True)
        self.through.setChecked(self._region.through)
        self.through.blockSignals(False)
        self.through.setEnabled(image is None or image.frames > 1)
        self._keep()

    def _say(self) -> None:
        if self._tool is None:
            return
        if self._hint.text() != self._tool.now or self._cut:
            self._cut = False
            self._hint.setText(self._tool.now)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Say as much as there is room for."""
        super().resizeEvent(event)
        self._say()

    def _fit(self) -> None:
        """Let the tool's name, which the strip shows too, give way to its hint, then say less."""
        tool, metrics = self._tool, self._hint.fontMetrics()
        if tool is None:
            return
        options = [part for parts in self._parts.values() for part in parts if not part.isHidden()]
        taken = sum(max(part.sizeHint().width(), part.minimumWidth()) for part in options)
        room = self.width() - 24 - 4 - _SPACING * (len(options) + 2) - taken
        needed = metrics.horizontalAdvance(tool.now)
        named = room - self.title.sizeHint().width() - _SPACING >= needed
        self.title.setVisible(named)
        if not named and needed > room and tool.brief and tool.now == tool.hint:
            self._cut = True
            self._hint.setText(tool.brief)
        self._hint.setToolTip(tool.now)

    def _set_size(self, diameter: float) -> None:
        if self._size.unit == "mm":
            self._size.set_mm(diameter / 2)
        else:
            self._size.set_radius(diameter / 2)

    def _set_range(self) -> None:
        if self._range.image is not None:
            self._range.set_range(self._range.image, self.low.value(), self.high.value())

    # Remembering

    def _restore(self) -> None:
        settings = self._state.settings
        self._size.set_radius(settings.number("brush/radius", self._size.radius))
        self._size.set_mm(settings.number("brush/mm", self._size.mm))
        self._size.set_unit("mm" if settings.text("brush/unit") == "mm" else "px")
        self._region.set_tolerance(settings.number("region/tolerance", self._region.tolerance))
        self._region.set_through(settings.flag("region/through", False))

    def _keep(self) -> None:
        settings = self._state.settings
        settings.set("brush/radius", self._size.radius)
        settings.set("brush/mm", self._size.mm)
        settings.set("brush/unit", self._size.unit)
        settings.set("region/tolerance", self._region.tolerance)
        settings.set("region/through", self._region.through)


def _spin(name: str) -> QDoubleSpinBox:
    spin = QDoubleSpinBox()
    spin.setAccessibleName(name)
    spin.setToolTip(name)
    spin.setDecimals(1)
    spin.setKeyboardTracking(False)
    return spin


def _quietly(spin: QDoubleSpinBox, value: float, range: tuple[float, float] | None = None) -> None:
    spin.blockSignals(True)
    if range is not None:
        spin.setRange(*range)
    spin.setValue(value)
    spin.blockSignals(False)
