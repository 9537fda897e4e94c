"""The log as it would be sent, to be read before it is saved or copied."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from viewer import dialogs, log
from viewer.settings import Settings
from viewer.state import AppState
from viewer.widgets.section import label
from viewer.widgets.wrapped import Wrapped


def known_words(state: AppState) -> set[str]:
    """Return what names the cases on the list: titles, patients, studies, files."""
    words: set[str] = set()
    for group in state.cases.groups:
        for case in group.cases:
            words |= {case.title, case.patient_id, case.study}
            for series in case.series:
                words |= {path.stem for path in series.paths}
                words |= {path.parent.name for path in series.paths}
    image = state.image
    if image is not None:
        identity = image.identity
        words |= {str(v) for v in vars(identity).values() if isinstance(v, str) and v}
    for path in state.settings.recent:
        words |= {path.stem, path.parent.name}
    return words - PLAIN


#: Words in titles that say nothing of a patient and are in sentences of the log.
PLAIN = frozenset(
    ("the", "and", "demo", "images", "image", "case", "series", "viewer", "engine", "resources")
)


class LogSheet(QDialog):
    """What is shown is what is saved, to the letter."""

    def __init__(self, state: AppState, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Save the log")
        self._settings: Settings = state.settings
        session = state.analysis.session
        device = f"{session.device}, {session.precision}" if session is not None else ""
        self.text = log.report(known_words(state), device)
        self.preview = QPlainTextEdit(self.text)
        self.preview.setReadOnly(True)
        self.preview.setTabChangesFocus(True)
        self.preview.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.preview.setAccessibleName("The log as it will be saved")
        self._says = label("", "secondary")
        save = QPushButton("Save…")
        save.clicked.connect(self._save)
        copy = QPushButton("Copy")
        copy.clicked.connect(self._copy)
        close = QPushButton("Close")
        close.clicked.connect(self.close)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self._says, 1)
        for button in (save, copy, close):
            button.setAutoDefault(False)
            foot.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 12)
        layout.setSpacing(10)
        layout.addWidget(label("The log", "title"))
        layout.addWidget(
            Wrapped(
                "This is all that is saved. Names, paths, UIDs, numbers of patients and quoted "
                "texts have been replaced; read it once before you send it.",
                "secondary",
            )
        )
        layout.addWidget(self.preview, 1)
        layout.addLayout(foot)
        self.resize(min(860, parent.width() - 40), min(600, parent.height() - 40))

    def write(self, path: Path) -> None:
        """Write what is shown, and say where, or why not."""
        try:
            path.write_text(self.text, encoding="utf-8")
        except OSError:
            self._says.setText(f"{path.name} cannot be written; choose a folder of yours.")
        else:
            self._says.setText(f"Saved as {path.name}.")

    def _save(self) -> None:
        path = dialogs.choose_target(
            self, self._settings, "Save the log", "saliscope-log.txt", "Text (*.txt)"
        )
        if path is not None:
            self.write(path)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text)
        self._says.setText("Copied.")
