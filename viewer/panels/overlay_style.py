"""The controls of how a map is drawn: wash, contour lines at levels, outlines of hot spots."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QLineEdit

from viewer import theme
from viewer.canvas.overlay import KINDS
from viewer.overlay_style import TITLES, levels_text, parse_levels
from viewer.state import AppState
from viewer.widgets.section import label

_WRONG = "Give up to nine percentages over 0 and below 100, such as 25, 50, 75."


class StyleRow(QObject):
    """``kind``, ``levels`` with its ``unit``, and ``top``: the panel puts them into its grid."""

    def __init__(self, state: AppState) -> None:
        super().__init__()
        self._state = state
        self._typing = False
        self.kind = QComboBox()
        for kind in KINDS:
            self.kind.addItem(TITLES[kind], kind)
        self.kind.setAccessibleName("How maps are drawn")
        self.kind.setToolTip("How maps are drawn over the image (C: next)")
        self.kind.activated.connect(lambda: state.overlays.restyle(kind=self.kind.currentData()))
        self.levels = QLineEdit()
        self.levels.setAccessibleName("Levels of the contour lines, per cent of the scale")
        self.levels.setToolTip(
            "Lines are drawn where the map reaches these percentages of its scale, "
            "and, for signed maps, dashed at minus these."
        )
        self.levels.textEdited.connect(self._edited)
        self.levels.editingFinished.connect(self._finished)
        self.unit = label("%", "secondary")
        self.top = QDoubleSpinBox()
        self.top.setRange(0.1, 50.0)
        self.top.setDecimals(1)
        self.top.setSingleStep(5.0)
        self.top.setSuffix(" % of pixels")
        self.top.setKeyboardTracking(False)
        self.top.setAccessibleName("Share of the pixels that are outlined, the most relevant first")
        self.top.setToolTip(
            "The most relevant pixels, ranked as RRA ranks them. Where pixels of equal value "
            "cannot be told apart, all of them are within a dashed outline."
        )
        self.top.valueChanged.connect(lambda v: state.overlays.restyle(top=v / 100))

    def refresh(self, enabled: bool) -> None:
        """Show the choice."""
        choice = self._state.overlays.style
        self.kind.setCurrentIndex(self.kind.findData(choice.kind))
        for control in (self.kind, self.levels, self.top):
            control.setEnabled(enabled)
        if not self._typing:
            self._write(choice.levels)
        self.top.blockSignals(True)
        self.top.setValue(100 * choice.top)
        self.top.blockSignals(False)

    def _write(self, levels: tuple[float, ...]) -> None:
        self.levels.setText(levels_text(levels))
        self._mark(True)

    def _edited(self, text: str) -> None:
        self._typing = True
        levels = parse_levels(text)
        self._mark(bool(levels))
        if levels:
            self._state.overlays.restyle(levels=levels)

    def _finished(self) -> None:
        self._typing = False
        if not parse_levels(self.levels.text()):
            self._state.notice.emit(_WRONG, "warning")
        self._write(self._state.overlays.style.levels)

    def _mark(self, good: bool) -> None:
        if bool(self.levels.property("wrong")) == good:
            self.levels.setProperty("wrong", not good)
            theme.repolish(self.levels)
