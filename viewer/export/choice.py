"""What is to be exported: boxes to tick, remembered from one time to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)

from viewer.settings import Settings
from viewer.widgets.remark import Remark
from viewer.widgets.section import label

if TYPE_CHECKING:
    from engine.export.wanted import Wanted

_MASKS = (
    ("png", "PNG", "A picture for each drawn frame, 0 and 255, of the image's size"),
    ("nifti", "NIfTI", "On the image's own grid"),
    ("nrrd", "NRRD", "For 3D Slicer"),
    ("dicom-seg", "DICOM Segmentation", "Refers to the source images, so DICOM alone has it"),
    ("coco", "COCO RLE", "With the pictures that it names"),
    ("label-studio", "Label Studio", "Brush tasks, with the pictures that they name"),
)
_FIGURES = (("png", "PNG"), ("pdf", "PDF"), ("svg", "SVG"))
_DPI = (300, 600)
_COLUMNS = 3

_FUSION, _NATIVE, _ALL = "fusion", "native", "all"
_MAPS = (
    (_NATIVE, "All but SHAP's"),
    (_FUSION, "The fusion's alone"),
    (_ALL, "All; SHAP takes minutes a frame"),
)

NO_MODEL = "No model is loaded, so reports and figures come without maps and answers."


class Choice(QWidget):
    """Says what is ticked as ``wanted``."""

    changed = Signal()

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(6)
        for column in range(_COLUMNS):
            self._grid.setColumnStretch(column, 1)
        layout.addLayout(self._grid)
        self._row = 0
        self.masks = {
            name: self._box(f"mask-{name}", text, tip, name in ("png", "nifti"))
            for name, text, tip in _MASKS
        }
        self._add("Masks", list(self.masks.values()))
        self.overlays = self._box(
            "overlays", "Overlays", "Maps and outlines at the image's own size, to lay on it"
        )
        self.arrays = self._box("arrays", "Maps as numbers", "Relevance of every pixel, as .npy")
        self.images = self._box(
            "images", "The images", "DICOM as DICOM, pictures as PNG, volumes as NIfTI"
        )
        self._add("Pictures and numbers", [self.overlays, self.arrays, self.images])
        self.report = self._box(
            "report", "Report", "A page of PDF: image, maps, answer, agreement, masks, provenance"
        )
        self.scores = self._box(
            "scores", "Scores", "One table, CSV: every map against every mask, beside chance"
        )
        self._add("Reports", [self.report, self.scores])
        self.figures = {
            name: self._box(f"figure-{name}", text, f"Figures for print as {text}")
            for name, text in _FIGURES
        }
        self.dpi = self._combo("dpi", [(str(n), f"{n} dots an inch") for n in _DPI])
        self.dpi.setAccessibleName("Resolution of PNG figures")
        self._add("Figures for print", [*self.figures.values()], self.dpi)
        self.maps = self._combo("maps", list(_MAPS))
        self.maps.setAccessibleName("Which maps")
        self._add("Maps", [], self.maps)
        self.deidentify = self._box(
            "deidentify",
            "De-identify",
            "Remove or replace all that DICOM PS3.15's basic profile names, and list what it was",
        )
        self.patient = self._box(
            "patient", "Name the patient", "In reports and in the JSON beside masks"
        )
        self.names = self._combo(
            "names", [("number", "Folders by case number"), ("file", "Folders by file name")]
        )
        self.names.setAccessibleName("How folders are called")
        self.names.setToolTip("DICOM cases are numbered in any case: their names tell patients")
        self._add("Privacy", [self.deidentify, self.patient], self.names)
        self._remark = Remark()
        layout.addWidget(self._remark)
        layout.addStretch(1)
        self.deidentify.toggled.connect(self._follow)
        self._follow()

    def set_model(self, there: bool) -> None:
        """Offer what needs a model, or say that there is none."""
        for part in (self.arrays, self.scores, self.maps):
            part.setEnabled(there)
        self._remark.say("" if there else NO_MODEL)

    @property
    def wanted(self) -> Wanted:
        """What is ticked."""
        from engine.export.wanted import Wanted

        which = self.maps.currentData()
        values: dict[str, Any] = {
            "masks": tuple(name for name, box in self.masks.items() if box.isChecked()),
            "overlays": self.overlays.isChecked(),
            "arrays": self.arrays.isChecked() and self.arrays.isEnabled(),
            "figures": tuple(name for name, box in self.figures.items() if box.isChecked()),
            "dpi": int(self.dpi.currentData()),
            "report": self.report.isChecked(),
            "scores": self.scores.isChecked() and self.scores.isEnabled(),
            "images": self.images.isChecked(),
            "maps": () if which == _NATIVE else (which,),
            "deidentify": self.deidentify.isChecked(),
            "include_patient": self.patient.isChecked() and self.patient.isEnabled(),
            "naming": self.names.currentData(),
        }
        return Wanted(**values)

    def _follow(self) -> None:
        self.patient.setEnabled(not self.deidentify.isChecked())
        self.names.setEnabled(not self.deidentify.isChecked())

    def _add(self, title: str, boxes: list[QCheckBox], other: QWidget | None = None) -> None:
        """Add a part: its heading, its boxes in the columns that all parts share, and a list."""
        heading = label(title.upper(), "heading")
        if self._row:
            heading.setContentsMargins(0, 8, 0, 0)
        self._grid.addWidget(heading, self._row, 0, 1, _COLUMNS)
        self._row += 1
        for number, box in enumerate(boxes):
            self._grid.addWidget(box, self._row + number // _COLUMNS, number % _COLUMNS)
        self._row += -(-len(boxes) // _COLUMNS)
        if other is not None:
            row = QHBoxLayout()
            row.addWidget(other)
            row.addStretch(1)
            self._grid.addLayout(row, self._row, 0, 1, _COLUMNS)
            self._row += 1

    def _box(self, name: str, text: str, tip: str, default: bool = False) -> QCheckBox:
        box = QCheckBox(text)
        box.setToolTip(tip)
        box.setAccessibleDescription(tip)
        # A name on paper is chosen every time, and never by habit.
        kept = name != "patient"
        box.setChecked(self._settings.flag(f"export/{name}", default) if kept else False)

        def keep(on: bool) -> None:
            if kept:
                self._settings.set(f"export/{name}", on)
            self.changed.emit()

        box.toggled.connect(keep)
        return box

    def _combo(self, name: str, entries: list[tuple[str, str]]) -> QComboBox:
        combo = QComboBox()
        for value, text in entries:
            combo.addItem(text, value)
        combo.setCurrentIndex(max(combo.findData(self._settings.text(f"export/{name}")), 0))
        combo.currentIndexChanged.connect(
            lambda _: self._settings.set(f"export/{name}", combo.currentData())
        )
        combo.currentIndexChanged.connect(lambda _: self.changed.emit())
        return combo
