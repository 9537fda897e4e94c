"""Which map lies over the active view, and how it is coloured."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QImage, QPixmap
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QWidget,
)

from engine.saliency.derived import title
from engine.saliency.map import SaliencyMap
from engine.saliency.scale import is_shut
from viewer.canvas import colours
from viewer.canvas.overlay import Overlay, OverlayStyle
from viewer.canvas.overlay_lines import lines_of
from viewer.compare.titles import SHUT
from viewer.panels.overlay_style import StyleRow
from viewer.state import AppState
from viewer.state.analysis import MapStatus, is_slow
from viewer.widgets.remark import Remark, Tone
from viewer.widgets.section import Section, label

_SWATCH = QSize(40, 12)
_WORTH_SAYING = 0.05
_DIFFERENCE = "?"  # no map is called so


def swatch(name: str) -> QIcon:
    """Return a colour table as a small picture."""
    table = colours.table(name)
    at = np.linspace(0, len(table) - 1, 2 * _SWATCH.width()).round().astype(int)
    line = np.ascontiguousarray(np.broadcast_to(table[at], (2 * _SWATCH.height(), len(at), 3)))
    image = QImage(
        line.data, line.shape[1], line.shape[0], line.strides[0], QImage.Format.Format_RGB888
    )
    return QIcon(QPixmap.fromImage(image.copy()))


class OverlayPanel(Section):
    """The choice of map is the active view's; colours and opacity are shared by all views."""

    differenceRequested = Signal()

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__("Overlay", parent)
        self._state = state
        self.map = QComboBox()
        self.map.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.map.setMinimumContentsLength(8)
        self.opacity = _slider("Opacity of the overlay")
        self.threshold = _slider("Threshold: hide values below this share of the scale")
        self.colours = QComboBox()
        self.colours.setIconSize(_SWATCH)
        self.locked = QCheckBox("Same scale for all maps")
        self.style_row = StyleRow(state)
        self._opacity_value, self._threshold_value = label(), label()
        self._remark = Remark()
        self._compute = QPushButton()
        self._compute.setProperty("role", "link")
        self._compute.clicked.connect(self._on_compute)
        self.map.setAccessibleName("Map over the active view")
        self.map.setToolTip("Map over the active view; the next one by key")
        self.map.setProperty("action", "next-map")
        self.colours.setAccessibleName("Colours of the overlay")
        self.colours.setToolTip(
            "Colours, even in perception and safe for colour-blind readers. "
            "Signed maps always diverge around a neutral grey."
        )
        self.locked.setToolTip(
            "On: one colour stands for one value in every view. Off: each map has its own range."
        )
        self._grid = grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        grid.setColumnMinimumWidth(0, 68)
        grid.setColumnStretch(1, 1)
        self._says: dict[str, QLabel] = {}
        for row, (text, control, value) in enumerate(
            (
                ("Map", self.map, None),
                ("Style", self.style_row.kind, None),
                ("Levels", self.style_row.levels, self.style_row.unit),
                ("Hottest", self.style_row.top, None),
                ("Opacity", self.opacity, self._opacity_value),
                ("Threshold", self.threshold, self._threshold_value),
                ("Colours", self.colours, None),
                ("Scale", self.locked, None),
            )
        ):
            says = label(text)
            says.setBuddy(control)
            grid.addWidget(says, row, 0)
            self._says[text] = says
            grid.addWidget(control, row, 1, 1, 1 if value else 2)
            control.setMinimumHeight(27)
            if value is not None:
                value.setMinimumWidth(44)
                value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                grid.addWidget(value, row, 2)
        self.body.addLayout(grid)
        self.body.addWidget(self._remark)
        ask = QHBoxLayout()
        ask.addWidget(self._compute)
        ask.addStretch(1)
        self.body.addLayout(ask)
        self._signed: bool | None = None
        self._list_colours(False)
        self.map.activated.connect(self._on_map)
        self.opacity.valueChanged.connect(lambda v: state.overlays.restyle(opacity=v / 100))
        self.threshold.valueChanged.connect(lambda v: state.overlays.restyle(threshold=v / 100))
        self.colours.activated.connect(self._on_colours)
        self.locked.toggled.connect(
            lambda on: state.overlays.restyle(scale="locked" if on else "map")
        )
        state.overlays.changed.connect(self.refresh)
        state.activeViewChanged.connect(self.refresh)
        state.viewsChanged.connect(self.refresh)
        state.analysis.sessionChanged.connect(self.refresh)
        state.analysis.mapsChanged.connect(self.refresh)
        state.analysis.mapChanged.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Show the active view's choice."""
        state = self._state
        choice = state.overlays[state.active_view]
        entries: list[tuple[str, str]] = [("None", "")]
        for name in state.analysis.map_names:
            entry = state.analysis.entries.get(name)
            text = title(name)
            if entry is not None and entry.status is MapStatus.COMPUTING and is_slow(name):
                text += f"  ·  {entry.fraction:.0%}"
            elif is_slow(name) and (entry is None or entry.map is None):
                text += "  ·  not computed"
            entries.append((text, name))
        if len(state.analysis.map_names) > 1:
            entries.append(("Difference of two maps…", _DIFFERENCE))
        now = [(self.map.itemText(i), self.map.itemData(i)) for i in range(self.map.count())]
        if now != entries:
            self.map.clear()
            for text, name in entries:
                self.map.addItem(text, name)
        self.map.setCurrentIndex(max(self.map.findData(choice.map_name or ""), 0))
        self.map.setEnabled(len(entries) > 1)
        for slider, value, number in (
            (self.opacity, choice.opacity, self._opacity_value),
            (self.threshold, choice.threshold, self._threshold_value),
        ):
            slider.blockSignals(True)
            slider.setValue(round(100 * value))
            slider.blockSignals(False)
            number.setText(f"{value:.0%}".replace("%", " %"))
        found = state.analysis.maps.get(choice.map_name or "")
        signed = found is not None and found.sign == "signed"
        self._list_colours(signed)
        now_used = choice.signed_colours if signed else choice.colours
        self.colours.setCurrentIndex(max(self.colours.findData(now_used), 0))
        self.locked.blockSignals(True)
        self.locked.setChecked(choice.scale == "locked")
        self.locked.blockSignals(False)
        shown = choice.map_name
        self.style_row.refresh(shown is not None)
        for text, kind, parts in (
            ("Levels", "contours", (self.style_row.levels, self.style_row.unit)),
            ("Hottest", "hot-spots", (self.style_row.top,)),
            ("Threshold", "wash", (self.threshold, self._threshold_value)),
        ):
            for part in (self._says[text], *parts):
                part.setVisible(choice.kind == kind)
        for control in (self.opacity, self.threshold, self.colours, self.locked):
            control.setEnabled(shown is not None)
        self.set_title("Overlay", title(shown) if shown else "none")
        self._say(shown)

    def _say(self, name: str | None) -> None:
        entry = self._state.analysis.entries.get(name) if name else None
        text = ""
        if entry is not None and is_slow(entry.name):
            if entry.status is MapStatus.COMPUTING:
                text = f"{title(entry.name)} is being computed, {entry.fraction:.0%}."
            elif entry.status is MapStatus.ABSENT:
                text = f"{title(entry.name)} takes a while and is computed when you ask for it."
            elif entry.status is MapStatus.FAILED:
                text = entry.error
        lines = self._lines_note(entry.map) if entry is not None and entry.map else ""
        if entry is not None and entry.map is not None and is_shut(entry.map):
            self._remark.say(SHUT, "warning")
            self._compute.setVisible(False)
            return
        waiting = entry is not None and bool(text)
        outside = _outside(entry.map) if entry is not None and entry.map is not None else 0.0
        if not text and outside >= _WORTH_SAYING:
            from engine.evaluation.honesty import MOSTLY_OUTSIDE

            text = f"{outside:.0%} of this map lies outside the body."
            # A warning where the judgement below is one, too.
            tone: Tone = "warning" if outside >= MOSTLY_OUTSIDE else "info"
            self._remark.say(f"{text} {lines}".strip().replace("%", " %"), tone)
        else:
            self._remark.say((text or lines).replace("%", " %"))
        self._compute.setVisible(waiting)
        if entry is not None and waiting:
            computing = entry.status is MapStatus.COMPUTING
            self._compute.setText("Cancel" if computing else f"Compute {title(entry.name)}")

    def _lines_note(self, found: SaliencyMap) -> str:
        """Return what lines cannot show of a map: ties, and levels that it does not reach."""
        choice = self._state.overlays.style
        style = OverlayStyle(kind=choice.kind, levels=choice.levels, top=choice.top)
        return lines_of(Overlay(found, style)).note

    def _list_colours(self, signed: bool) -> None:
        """Offer the tables that suit the map."""
        if signed != self._signed:
            self._signed = signed
            self.colours.clear()
            for name in colours.names(signed):
                self.colours.addItem(swatch(name), name.replace("-", " – "), name)

    def _on_colours(self) -> None:
        chosen = self.colours.currentData()
        if self._signed:
            self._state.overlays.restyle(signed_colours=chosen)
        else:
            self._state.overlays.restyle(colours=chosen)

    def _on_map(self) -> None:
        if self.map.currentData() == _DIFFERENCE:
            self.refresh()  # the map that is shown stays chosen meanwhile
            self.differenceRequested.emit()
            return
        self._state.overlays.show(self._state.active_view, self.map.currentData() or None)

    def _on_compute(self) -> None:
        name = self._state.overlays[self._state.active_view].map_name
        entry = self._state.analysis.entries.get(name or "")
        if entry is None:
            return
        if entry.status is MapStatus.COMPUTING:
            self._state.analysis.cancel(entry.name)
        else:
            self._state.analysis.request(entry.name)


def _outside(found: SaliencyMap) -> float:
    """Return the share of a map's relevance that lies on background or padding."""
    share = found.provenance.parameters.get("outside_anatomy")
    return float(share) if share is not None else 0.0


def _slider(what: str) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(0, 100)
    slider.setPageStep(10)
    slider.setAccessibleName(what)
    slider.setToolTip(what)
    return slider
