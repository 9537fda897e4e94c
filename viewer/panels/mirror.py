"""Left against right, for paired limbs: the axis, what each side has, and a profile of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QPushButton, QWidget

from engine.errors import SaliscopeError
from engine.images.image import Image
from engine.images.orientation import edge_labels
from engine.progress import Progress
from engine.saliency.derived import PIXELS, mirror_name, part_of, title
from viewer import theme
from viewer.state import AppState
from viewer.state.analysis import is_derived, is_slow
from viewer.widgets.remark import Remark
from viewer.widgets.section import Section, label
from viewer.widgets.wrapped import Wrapped

if TYPE_CHECKING:
    from engine.saliency.mirror import Asymmetry

_HEIGHT = 84
_POOR = 0.6
"""Dice of the body with its mirror image below which its halves are not alike: most pixels of the
smaller half have a counterpart above it."""
_SIDES = {"R": "right", "L": "left", "A": "front", "P": "back", "H": "head", "F": "feet"}


class ProfilePlot(QWidget):
    """Relevance by distance from the axis: the left side solid, the right dashed."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(_HEIGHT)
        self.found: Asymmetry | None = None
        self.setAccessibleName("Profile of both sides by distance from the mirror axis")
        self.setToolTip(
            "Sum of each column by its distance from the axis, from the axis (left end) outwards: "
            "the image's left side solid, its right side dashed. Mirror images would coincide."
        )

    def show_profile(self, found: Asymmetry | None) -> None:
        """Plot both sides; nothing for None."""
        self.found = found
        self.setVisible(found is not None)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint axis, curves and which is which."""
        found = self.found
        if found is None:
            return
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(12))
        area = QRectF(self.rect()).adjusted(1, 4, -1, -18)
        painter.setPen(QPen(tokens.colour("line_strong"), 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        painter.drawLine(area.topLeft(), area.bottomLeft())
        top = max(float(found.left.max()), float(found.right.max())) or 1.0
        reach = float(found.distance[-1]) or 1.0
        for values, name, style in (
            (found.left, "answer", Qt.PenStyle.SolidLine),
            (found.right, "accent", Qt.PenStyle.DashLine),
        ):
            painter.setPen(QPen(tokens.colour(name), 1.6, style))
            painter.drawPolyline(
                QPolygonF(
                    [
                        QPointF(
                            area.left() + d / reach * area.width(),
                            area.bottom() - v / top * area.height(),
                        )
                        for d, v in zip(found.distance.tolist(), values.tolist(), strict=True)
                    ]
                )
            )
        below = QRectF(area.left(), area.bottom() + 1, area.width(), 17)
        painter.setPen(tokens.colour("secondary"))
        painter.drawText(below, theme.LEFT_MIDDLE, "axis")
        painter.drawText(below, theme.RIGHT_MIDDLE, f"{reach:.0f} px outwards")


class MirrorPanel(Section):
    """Follows the active view's map, or the pixels of the bare image, on the frame being read.

    ``axisShown``: the column to mark in the views, None for none. Folded, it computes nothing.
    """

    axisShown = Signal(object)

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__("Left and right", parent)
        self._state = state
        self._found: tuple[Image, int, NDArray[np.bool_], float] | None = None
        self.overlap = 0.0
        self.asymmetry: Asymmetry | None = None
        self.axis = QDoubleSpinBox()
        self.axis.setDecimals(1)
        self.axis.setSingleStep(0.5)
        self.axis.setKeyboardTracking(False)
        self.axis.setAccessibleName("Column that the image is mirrored at")
        self.axis.setToolTip(
            "The column that the image is mirrored at, found where the body is most like its own "
            "mirror image; change it if it is not between the limbs."
        )
        self.axis.valueChanged.connect(self._moved)
        self._find = _link("Find", "Find the axis in the image again", self._find_again)
        self._sides = Wrapped("", "small")
        self.plot = ProfilePlot()
        self._remark = Remark()
        self._map = _link("Map, left–right", "Show the map minus its mirror image", self._show_map)
        self._pixels = _link(
            "Pixels, left–right", "Show the image minus its mirror image", self._show_pixels
        )
        row = QHBoxLayout()
        says = label("Axis at column")
        says.setBuddy(self.axis)
        row.addWidget(says)
        row.addWidget(self.axis, 1)
        row.addWidget(self._find)
        links = QHBoxLayout()
        for link in (self._map, self._pixels):
            links.addWidget(link)
        links.addStretch(1)
        self.body.addLayout(row)
        self.body.addWidget(self._sides)
        self.body.addWidget(self.plot)
        self.body.addWidget(self._remark)
        self.body.addLayout(links)
        for signal in (
            state.seriesOpened,
            state.seriesClosed,
            state.frameChanged,
            state.overlays.changed,
            state.activeViewChanged,
            state.analysis.mapChanged,
            state.analysis.mapsChanged,
            self.folded,
        ):
            signal.connect(self.refresh)
        self.refresh()

    @property
    def map_name(self) -> str:
        """The map whose sides are compared; "" for the pixels."""
        name = self._state.overlays[self._state.active_view].map_name or ""
        name = part_of(name) or name  # of a mirrored map, the map
        return "" if is_derived(name) or name not in self._state.analysis.maps else name

    def refresh(self, *_: object) -> None:
        """Compare the sides of what the active view shows."""
        state = self._state
        image, frame = state.image, state.frame
        if self.is_folded or image is None:
            self._found = None
            self._clear("Open an image of both limbs to compare their sides." * (image is None))
            return
        if self._found is None or self._found[:2] != (image, frame):
            self._found = None
            self._clear("")
            self._look(image, frame)
            return
        self._show()

    def _clear(self, text: str) -> None:
        self.asymmetry = None
        self._sides.setText("")
        self.plot.show_profile(None)
        self._remark.say(text)
        for part in (self.axis, self._find, self._map, self._pixels):
            part.setEnabled(False)
        self.axisShown.emit(None)

    def _look(self, image: Image, frame: int) -> None:
        """Find body and axis off the GUI thread."""
        session = self._state.analysis.session

        def work(_: Progress) -> tuple[NDArray[np.bool_], float, float]:
            from engine.saliency.anatomy import foreground
            from engine.saliency.mirror import find_axis, overlap_at

            grey = image.grey(frame)
            body = foreground(-grey if image.display.inverted else grey)
            if session is not None:
                col = session.mirror_axis(image, frame)
                return body, col, overlap_at(body, col)
            axis = find_axis(body)
            return body, axis.col, axis.overlap

        def done(result: tuple[NDArray[np.bool_], float, float]) -> None:
            if (image, frame) != (self._state.image, self._state.frame):
                return
            body, col, self.overlap = result
            self._found = (image, frame, body, col)
            self.axis.blockSignals(True)
            self.axis.setRange(0.5, max(image.shape[1] - 1.5, 0.5))
            self.axis.setValue(col)
            self.axis.blockSignals(False)
            self.refresh()

        self._state.jobs.start("Finding the mirror axis", work, done, key="mirror", shown=False)

    def _show(self) -> None:
        from engine.saliency.mirror import asymmetry

        assert self._found is not None
        image, frame, body, col = self._found
        name = self.map_name
        values = self._state.analysis.maps[name].values if name else image.grey(frame)
        if not name:  # air is not 0 in every unit
            values = values - np.float32(np.nanmin(values))
        try:
            found = self.asymmetry = asymmetry(values, col, body)
        except SaliscopeError as error:
            self._clear(str(error))
            return
        for part in (self.axis, self._find, self._pixels):
            part.setEnabled(True)
        self._pixels.setEnabled(self._state.analysis.session is not None)
        self._map.setEnabled(bool(name))
        self.plot.show_profile(found)
        what = f"{title(name)}'s relevance" if name else "the pixels' sum"
        share = found.left_share
        left, right, _, _ = edge_labels(image, frame)
        if share is None:
            self._sides.setText(f"There is nothing of {what} on either side.")
        else:
            percent = [f"{part:.0%}".replace("%", " %") for part in (share, 1 - share)]
            self._sides.setText(
                f"Of {what} in the body, {percent[0]} lies left (solid{_patient(left)}), "
                f"{percent[1]} right (dashed{_patient(right)})."
            )
        self._remark.say(
            "The body's halves are hardly alike at this axis: this is not an image of paired "
            "limbs, or the axis is not between them."
            if self.overlap < _POOR
            else "",
            "warning",
        )
        self.axisShown.emit(col)

    def _moved(self, value: float) -> None:
        if self._found is None:
            return
        from engine.saliency.mirror import overlap_at

        image, frame, body, _ = self._found
        col = round(2 * value) / 2
        self.overlap = overlap_at(body, col)
        self._found = (image, frame, body, col)
        session = self._state.analysis.session
        if session is not None:
            session.set_mirror_axis(image, frame, col)
            self._redo()
        self._show()

    def _find_again(self) -> None:
        session = self._state.analysis.session
        if session is not None and self._state.image is not None:
            session.set_mirror_axis(self._state.image, self._state.frame, None)
        self._found = None
        self.refresh()
        self._redo()

    def _redo(self) -> None:
        """Have the maps that were mirrored at the axis before computed again."""
        for name in self._state.analysis.derived:
            if name.endswith(mirror_name("")) and not is_slow(name):
                self._state.analysis.redo(name)

    def _show_map(self) -> None:
        self._derive(mirror_name(self.map_name))

    def _show_pixels(self) -> None:
        self._derive(PIXELS)

    def _derive(self, name: str) -> None:
        self._state.analysis.derive(name)
        self._state.overlays.show(self._state.active_view, name)


def _patient(letters: str) -> str:
    """Return the patient's side that a side of the image is, as far as the file says."""
    side = _SIDES.get(letters[:1], "")
    return f", the patient's {side}" if side in ("left", "right") else ""


def _link(text: str, tip: str, act: object) -> QPushButton:
    button = QPushButton(text)
    button.setProperty("role", "link")
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.clicked.connect(act)
    return button
