"""How large the active mask is and what lies under it, on this slice and on all."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from engine.masks.measure import Statistics
from viewer.widgets.section import label

_MM2_PER_CM2 = 100.0


def area_text(pixels: int, mm2: float | None) -> str:
    """Return an area in the unit that suits its size; pixels where the file gives no spacing."""
    if pixels == 0:
        return "empty"
    if mm2 is None:
        return f"{pixels:,} px".replace(",", " ")
    return f"{mm2 / _MM2_PER_CM2:.2f} cm²" if mm2 >= _MM2_PER_CM2 else f"{mm2:.1f} mm²"


def volume_text(ml: float) -> str:
    """Return a volume with the digits that suit its size."""
    return f"{ml:.2f} ml" if ml < 10 else f"{ml:.1f} ml"


class StatisticsTable(QWidget):
    """Rows of a quantity, columns for the slice shown and for all of them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 8, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(0, 1)
        self.cells: dict[tuple[str, str], QLabel] = {}
        self._name = label("", "secondary")
        self._grid.addWidget(self._name, 0, 0)
        self._heads = {}
        for column, part in ((1, "here"), (2, "whole")):
            head = self._heads[part] = label("", "secondary")
            self._grid.addWidget(head, 0, column, Qt.AlignmentFlag.AlignRight)
        for row, name in enumerate(("Size", "Mean", "SD", "Range"), start=1):
            self._grid.addWidget(label(name, "secondary"), row, 0)
            for column, part in ((1, "here"), (2, "whole")):
                cell = self.cells[name, part] = label("", "small")
                cell.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                self._grid.addWidget(cell, row, column, Qt.AlignmentFlag.AlignRight)
        self.hide()

    def show_mask(
        self,
        name: str,
        here: Statistics,
        whole: Statistics | None,
        unit: str,
        word: str,
        frames: int,
        no_volume: str = "",
    ) -> None:
        """Show a mask's statistics on the frame shown, and on all where there are several.

        no_volume: why there is none in ml.
        """
        self._name.setText(name)
        self._heads["here"].setText(f"This {word}" if whole is not None else "")
        drawn = f"{whole.frames} of {frames} {word}s" if whole is not None else ""
        self._heads["whole"].setText(drawn)
        self._fill("here", here, area_text(here.pixels, here.mm2), unit)
        if whole is not None:
            size = f"{whole.pixels:,} px".replace(",", " ")
            if whole.ml is not None:
                size = volume_text(whole.ml)
            self._fill("whole", whole, size, unit, no_volume)
        for (_, part), cell in self.cells.items():
            cell.setVisible(part == "here" or whole is not None)
        self._heads["whole"].setVisible(whole is not None)
        self.show()

    def _fill(
        self, part: str, found: Statistics, size: str, unit: str, no_volume: str = ""
    ) -> None:
        number = f"{found.pixels:,} pixels".replace(",", " ")
        mm2 = f", {found.mm2:.1f} mm²" if found.mm2 is not None else ""
        ml = f", {found.ml:.3f} ml" if found.ml is not None else ""
        why = f". {no_volume}." if no_volume else ""
        self._put("Size", part, size, f"{number}{mm2}{ml}{why}")
        values = {"Mean": found.mean, "SD": found.sd}
        for name, value in values.items():
            text = "–" if value is None else f"{value:.4g} {unit}".strip()
            self._put(name, part, text, f"{name} of the intensities under the mask")
        span = "–"
        if found.low is not None and found.high is not None:
            span = f"{found.low:.4g} to {found.high:.4g}"
        self._put("Range", part, span, "Lowest and highest intensity under the mask")

    def _put(self, name: str, part: str, text: str, tip: str) -> None:
        cell = self.cells[name, part]
        if cell.text() != text:
            cell.setText(text)
        cell.setToolTip(tip)
        cell.setAccessibleName(f"{name}: {text}")
