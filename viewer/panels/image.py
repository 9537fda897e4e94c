"""What the file says of the image: size, spacing, slice, and what to beware of."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from engine.images.case import Case
from viewer.panels.slices import place
from viewer.state import AppState
from viewer.state.privacy import Privacy
from viewer.widgets.elided import Elided
from viewer.widgets.remark import Remark
from viewer.widgets.section import Section, label

NAMES = (
    *("Patient", "Study", "Series", "Sequence", "File"),
    *("Modality", "Size", "Spacing", "Frame", "Position"),
)


class ImagePanel(Section):
    """Facts in rows; the reader's notes as a remark."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__("Image", parent)
        self._state = state
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnMinimumWidth(0, 68)
        self._grid.setColumnStretch(1, 1)
        self._values: dict[str, Elided] = {}
        self._labels: dict[str, QWidget] = {}
        for row, name in enumerate(NAMES):
            self._labels[name] = label(name, "secondary")
            self._grid.addWidget(self._labels[name], row, 0)
            value = Elided("", "small", mode=Qt.TextElideMode.ElideMiddle)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._grid.addWidget(value, row, 1)
            self._values[name] = value
        self._facts = QWidget()
        self._facts.setLayout(self._grid)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self.body.addWidget(self._facts)
        self._remark = Remark()
        self.body.addWidget(self._remark)
        state.seriesOpened.connect(self.refresh)
        state.seriesClosed.connect(self.refresh)
        state.frameChanged.connect(self.refresh)
        state.privacy.changed.connect(self.refresh)
        self.refresh()

    @property
    def facts(self) -> dict[str, str]:
        """What is shown."""
        return {name: value.text() for name, value in self._values.items()}

    def refresh(self, *_: object) -> None:
        """Show the image on screen."""
        image, series = self._state.image, self._state.series
        self._facts.setVisible(image is not None)
        if image is None:
            self._remark.say("No image is open.")
            return
        rows, cols = image.shape
        geometry, identity = image.geometry, image.identity
        kind = "colour" if image.is_colour else image.pixels.dtype.name
        privacy, case = self._state.privacy, self._state.case
        known = case is not None and bool(case.patient_id or case.study or case.study_date)
        study = (case.study, case.study_date) if case is not None else ()
        how = (series.sequence, *series.details) if series is not None else ()
        facts = {
            "Patient": _patient(case, privacy) if case is not None and known else "",
            "Study": privacy.clean(", ".join(part for part in study if part)),
            "Series": privacy.clean(series.title if series is not None else image.title),
            "Sequence": ", ".join(part for part in how if part),
            "File": identity.source_paths[0].name if identity.source_paths else "–",
            "Modality": identity.modality or "not known",
            "Size": f"{cols} × {rows}, {kind}",
            "Spacing": _spacing(geometry.spacing, geometry.slice_spacing),
            "Frame": f"{self._state.frame + 1} of {image.frames}",
            "Position": place(image, self._state.frame),
        }
        if len(identity.source_paths) > 1 and len(identity.source_paths) == image.frames:
            facts["File"] = identity.source_paths[self._state.frame].name
        if privacy.hidden:
            facts["File"] = "hidden with the names"
        for name, text in facts.items():
            self._values[name].setText(text)
            self._values[name].setToolTip("")
            self._values[name].setVisible(bool(text))
            self._labels[name].setVisible(bool(text))
        of_scan = series.notes if series is not None and not image.left_out else ()
        notes = list(dict.fromkeys((*image.notes, *of_scan)))
        if image.left_out and privacy.hidden:
            notes[0] = image.said_of_left_out("a file")
        self._remark.say("\n".join(notes))


def _patient(case: Case, privacy: Privacy) -> str:
    if privacy.hidden or case.patient_id in ("", case.title):
        return privacy.case(case)
    return f"{case.title} ({case.patient_id})"


def _spacing(spacing: tuple[float, float] | None, between: float | None) -> str:
    if spacing is None:
        return "not in the file: areas are in pixels"
    text = f"{spacing[1]:.3g} × {spacing[0]:.3g}"
    if between:
        text += f" × {abs(between):.3g}"
    return f"{text} mm"
