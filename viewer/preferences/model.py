"""Which model is loaded as the program starts, and where and how precisely it runs."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtWidgets import QComboBox, QPushButton, QWidget

from viewer.models import Models
from viewer.preferences.page import Page
from viewer.state import AppState
from viewer.widgets.elided import Elided

_PRECISIONS = (
    ("auto", "Choose by device"),
    ("float32", "float32: slower, the reference"),
    ("bfloat16", "bfloat16: faster where the device has it"),
)


class ModelPage(Page):
    """The same choices as the chips in the bar above."""

    title = "Model, performance"

    def __init__(self, state: AppState, models: Models, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._models = models
        self.head("Model")
        self._model = Elided("")
        self.column.addWidget(self._model)
        load = QPushButton("Load a checkpoint…")
        load.clicked.connect(models.ask)
        self.details = QPushButton("About this model…")
        self.details.clicked.connect(models.show_details)
        self.row(load, self.details)
        self.explain("The one used last is loaded at the next start.")
        self.head("Device")
        self.device = QComboBox()
        self.device.setAccessibleName("Device")
        self.device.activated.connect(lambda _: models.move(device=self.device.currentData()))
        self.row(self.device)
        self.head("Precision")
        self.precision = QComboBox()
        self.precision.setAccessibleName("Precision")
        for key, text in _PRECISIONS:
            self.precision.addItem(text, key)
        self.precision.activated.connect(
            lambda _: models.move(precision=self.precision.currentData())
        )
        self.row(self.precision)
        self._why = self.explain("")
        self.end()
        state.analysis.sessionChanged.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what holds now."""
        analysis = self._state.analysis
        session = analysis.session
        self.details.setEnabled(session is not None)
        if session is not None:
            about = session.checkpoint.metadata
            self._model.setText(f"{about.name} {about.version}")
        else:
            self._model.setText(
                "The model is loading…" if analysis.loading else "No model is loaded"
            )
        settings = self._state.settings
        device = analysis.device if session else settings.text("model/device", "auto")
        precision = analysis.precision if session else settings.text("model/precision", "auto")
        self.device.clear()
        self.device.addItem("Choose the best there is", "auto")
        if "torch" in sys.modules:  # asking for devices would import it; the window does not wait
            from engine.model.device import available

            for found in available():
                self.device.addItem(found.label, found.key)
        elif device != "auto":
            self.device.addItem(device, device)
        self.device.setCurrentIndex(max(self.device.findData(device), 0))
        self.precision.setCurrentIndex(max(self.precision.findData(precision), 0))
        self._why.setText(session.precision_reason if session is not None else "")
        checkpoint = analysis.checkpoint
        self._model.setToolTip(Path(checkpoint).name if checkpoint is not None else "")
