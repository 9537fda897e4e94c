"""Growing, shrinking and smoothing by an amount: the dialog, and what it asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QFormLayout,
    QVBoxLayout,
    QWidget,
)

from engine.errors import MaskError
from engine.images.gaps import after
from engine.images.image import Geometry
from engine.progress import Progress
from viewer.dialogs import accept_or_cancel
from viewer.settings import Settings
from viewer.widgets.section import label

if TYPE_CHECKING:
    from engine.masks.mask import Mask
    from viewer.masking.work import Frames

What = Literal["grow", "shrink", "smooth"]
Unit = Literal["px", "mm"]
Where = Literal["slice", "each", "through"]

TITLES: dict[What, str] = {"grow": "Grow", "shrink": "Shrink", "smooth": "Smooth"}
WHERES: dict[Where, str] = {
    "slice": "This slice",
    "each": "Each drawn slice by itself",
    "through": "Through the slices, in space",
}


@dataclass(frozen=True)
class Reshape:
    """What to do to a mask, by how much, and on which slices."""

    what: What
    amount: float
    unit: Unit
    where: Where

    def spacing(self, geometry: Geometry) -> tuple[float, float]:
        """Return the distance between rows and columns in the unit asked for."""
        return geometry.spacing if self.unit == "mm" and geometry.spacing else (1.0, 1.0)

    def frames(self, mask: Mask, geometry: Geometry, progress: Progress) -> Frames:
        """Do it on each drawn slice, or through them."""
        from engine.masks import operations, volume

        flat = self.spacing(geometry)
        if self.where == "through":
            if geometry.gaps:
                raise MaskError(missing(geometry))
            step = abs(geometry.slice_spacing or 1.0) if self.unit == "mm" else 1.0
            solid = {"grow": volume.grow, "shrink": volume.shrink, "smooth": volume.smooth}
            return solid[self.what](mask, self.amount, (step, *flat), progress)
        plane = {
            "grow": operations.grow,
            "shrink": operations.shrink,
            "smooth": operations.smooth,
        }[self.what]
        return volume.each_frame(mask, lambda p: plane(p, self.amount, flat), progress)


def missing(geometry: Geometry) -> str:
    """Say why nothing is done through the slices of a stack of which some are missing."""
    return (
        f"Slices are missing {after(geometry.gaps)}, so nothing can be done through them; choose "
        "“Each drawn slice by itself”."
    )


class ReshapeDialog(QDialog):
    """Asks what, by how much and where; remembers the answer."""

    def __init__(
        self, parent: QWidget, settings: Settings, geometry: Geometry, frames: int
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self.setWindowTitle("Grow, shrink or smooth the mask")
        self.what = QComboBox()
        for what, text in TITLES.items():
            self.what.addItem(text, what)
        self.amount = QDoubleSpinBox()
        self.amount.setRange(0.1, 100.0)
        self.amount.setSingleStep(0.5)
        self.amount.setDecimals(1)
        self.unit = QComboBox()
        self.unit.addItem("pixels", "px")
        if geometry.spacing is not None:
            self.unit.addItem("mm", "mm")
        self.where = QComboBox()
        for where, text in WHERES.items():
            if where == "slice" or frames > 1:
                self.where.addItem(text, where)
        form = QFormLayout()
        form.setVerticalSpacing(8)
        for text, field in (
            ("Operation", self.what),
            ("By", self.amount),
            ("In", self.unit),
            ("On", self.where),
        ):
            field.setAccessibleName(text)
            form.addRow(text, field)
        self._says = label("", "secondary")
        self._says.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 12)
        layout.setSpacing(12)
        layout.addLayout(form)
        layout.addWidget(self._says)
        layout.addWidget(accept_or_cancel(self))
        self._geometry = geometry
        for box in (self.what, self.unit, self.where):
            box.currentIndexChanged.connect(self._explain)
        self._restore()
        self._explain()

    @property
    def asked(self) -> Reshape:
        """What has been chosen."""
        return Reshape(
            self.what.currentData(),
            self.amount.value(),
            self.unit.currentData(),
            self.where.currentData(),
        )

    def accept(self) -> None:
        """Remember, and close."""
        asked = self.asked
        for name in ("what", "amount", "unit", "where"):
            self._settings.set(f"reshape/{name}", getattr(asked, name))
        super().accept()

    def _restore(self) -> None:
        for box, name in ((self.what, "what"), (self.unit, "unit"), (self.where, "where")):
            box.setCurrentIndex(max(box.findData(self._settings.text(f"reshape/{name}")), 0))
        self.amount.setValue(self._settings.number("reshape/amount", 2.0))

    def _explain(self) -> None:
        asked = self.asked
        text = {
            "grow": "Adds every pixel within this distance of the mask.",
            "shrink": "Takes away every pixel within this distance of the mask's outline.",
            "smooth": "Rounds the outline: details smaller than this go.",
        }[asked.what]
        step = self._geometry.slice_spacing
        if asked.where == "through" and self._geometry.gaps:
            text = missing(self._geometry)
        elif asked.where == "through" and asked.unit == "mm" and step:
            text += f" Slices are {abs(step):.3g} mm apart."
        elif asked.where == "through" and asked.unit == "mm":
            text += " The file does not say how far its slices are apart: 1 mm is taken."
        self._says.setText(text)
