"""Under the views: which slice, where it lies in mm, and the keys of a player for loops."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QSizePolicy,
    QSlider,
    QToolButton,
    QWidget,
)

from engine.images.image import Image
from engine.images.orientation import slice_position
from viewer import icons
from viewer.cine import FASTEST, SLOWEST, Cine, moves
from viewer.state import AppState
from viewer.widgets.section import label

HEIGHT = 32


def place(image: Image, frame: int) -> str:
    """Say where a frame lies: "H 34.2 mm", the time of a loop, or ""."""
    position = slice_position(image, frame)
    if position is not None:
        return f"{position.towards} {position.mm:.1f} mm".strip()
    times = image.display.frame_times_ms
    return f"{times[frame] / 1000:.2f} s" if len(times) == image.frames else ""


class SliceBar(QFrame):
    """Hidden while the image has one frame."""

    def __init__(self, state: AppState, cine: Cine, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sliceBar")
        self.setFixedHeight(HEIGHT)
        self._state, self._cine = state, cine
        self.play = QToolButton()
        self.play.setIconSize(QSize(16, 16))
        self.play.clicked.connect(cine.toggle)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.slider.setPageStep(10)
        self.slider.setAccessibleName("Slice")
        self.slider.valueChanged.connect(state.set_frame)
        self.text = label("", "small")
        self.text.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.text.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self.rate = QDoubleSpinBox()
        self.rate.setRange(SLOWEST, FASTEST)
        self.rate.setDecimals(1)
        self.rate.setKeyboardTracking(False)
        self.rate.setFixedWidth(116)
        self.rate.valueChanged.connect(cine.set_rate)
        self.way = QToolButton()
        self.way.setIconSize(QSize(16, 16))
        self.way.clicked.connect(lambda: cine.set_sweep(not cine.sweep))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 0, 12, 0)
        layout.setSpacing(8)
        layout.addWidget(self.play)
        layout.addWidget(self.slider, 1)
        layout.addWidget(self.text)
        layout.addWidget(self.rate)
        layout.addWidget(self.way)
        state.seriesOpened.connect(self._open)
        state.seriesClosed.connect(self._open)
        state.frameChanged.connect(self._show)
        cine.changed.connect(self._follow)
        self._open()

    def retheme(self) -> None:
        """Take the icons of the current theme."""
        self._follow()

    def _open(self, *_: object) -> None:
        image = self._state.image
        self.setVisible(image is not None and image.frames > 1)
        if image is not None:
            self.slider.blockSignals(True)
            self.slider.setRange(0, image.frames - 1)
            self.slider.blockSignals(False)
            metrics = self.text.fontMetrics()
            widest = max(
                metrics.horizontalAdvance(self._words(image, f)) for f in (0, image.frames - 1)
            )
            self.text.setMinimumWidth(widest + 16)
            self._show(self._state.frame)
        self._follow()

    def _words(self, image: Image, frame: int) -> str:
        where = place(image, frame)
        return f"{frame + 1} / {image.frames}" + (f"  ·  {where}" if where else "")

    def _show(self, frame: int) -> None:
        image = self._state.image
        if image is None:
            return
        self.slider.blockSignals(True)
        self.slider.setValue(frame)
        self.slider.blockSignals(False)
        self.text.setText(self._words(image, frame))

    def _follow(self) -> None:
        cine = self._cine
        verb = "Pause" if cine.playing else "Play"
        self.play.setIcon(icons.icon("pause" if cine.playing else "play", size=16))
        self.play.setToolTip(f"{verb} (tap Space)")
        self.play.setAccessibleName(verb)
        self.way.setIcon(icons.icon("sweep" if cine.sweep else "loop", size=16))
        says = (
            "Sweeps to and fro; click to loop" if cine.sweep else "Loops; click to sweep to and fro"
        )
        self.way.setToolTip(says)
        self.way.setAccessibleName(says)
        image = self._state.image
        moving = image is not None and moves(image)
        for part in (self.rate, self.way):  # of slices, only while they run
            part.setVisible(moving or cine.playing)
        self.rate.setSuffix(" fps" if moving else " slices/s")
        said = "Frames a second; the file's own where it says" if moving else "Slices a second"
        self.rate.setToolTip(said)
        self.rate.setAccessibleName(said)
        self.rate.blockSignals(True)
        self.rate.setValue(cine.rate)
        self.rate.blockSignals(False)
