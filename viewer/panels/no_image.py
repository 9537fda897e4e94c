"""What stands where the views are while no image is open: what to drop, what to open."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from viewer import icons, theme
from viewer.state import AppState
from viewer.widgets.section import label


class NoImage(QWidget):
    """An invitation; while an image is being opened, says which."""

    openRequested = Signal()
    folderRequested = Signal()

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.addStretch(1)
        self._picture = QLabel()
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._says = label()
        self._says.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._more = label("", "secondary")
        self._more.setAlignment(Qt.AlignmentFlag.AlignCenter)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        self._buttons: list[QPushButton] = []
        for text, signal in (
            ("Open files…", self.openRequested),
            ("Open folder…", self.folderRequested),
        ):
            button = QPushButton(text)
            button.clicked.connect(signal)
            buttons.addWidget(button)
            self._buttons.append(button)
        buttons.addStretch(1)
        for widget in (self._picture, self._says, self._more):
            layout.addWidget(widget)
        layout.addLayout(buttons)
        layout.addStretch(1)
        state.seriesOpening.connect(self.refresh)
        state.seriesFailed.connect(self.refresh)
        state.seriesOpened.connect(self.refresh)
        state.seriesClosed.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Say what the state asks for, with the icon of the current theme."""
        state = self._state
        scale = self.devicePixelRatioF()
        self._picture.setPixmap(icons.pixmap("image", theme.current().secondary, 40, scale))
        if state.opening is not None:
            self._says.setText(f"Opening {state.privacy.series(state.opening)}…")
            self._more.setText("")
        else:
            self._says.setText("Drop an image or a folder here")
            self._more.setText("DICOM, NIfTI, PNG, JPEG, TIFF or BMP")
        for button in self._buttons:
            button.setVisible(state.opening is None)
