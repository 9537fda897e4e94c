"""Whether single exports are de-identified, and what came of one, with what was removed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from viewer.state import AppState
from viewer.widgets.section import label

if TYPE_CHECKING:
    from engine.images.dicom.deidentify import Removed

_KEY = "export/deidentify-one"


@dataclass(frozen=True)
class Written:
    """Files, what the user should know (a sentence each), and what was left out, if anything."""

    paths: list[Path]
    notes: tuple[str, ...] = ()
    removed: Removed | None = None


class ExportPrivacy(QObject):
    """Remembered between starts. The dialog for several cases starts with it."""

    def __init__(self, state: AppState, window: QWidget) -> None:
        super().__init__(window)
        self._state = state
        self._window = window
        self.sheet: RemovedSheet | None = None

    @property
    def on(self) -> bool:
        """Whether what is exported leaves out whose it is."""
        return self._state.settings.flag(_KEY, False)

    def set_on(self, on: bool) -> None:
        """De-identify what is exported from now on, or no longer."""
        self._state.settings.set(_KEY, on)

    def heading(self, text: str) -> str:
        """Return the heading of a dialog that asks where to, saying what will be done."""
        return f"{text}, de-identified" if self.on else text

    def tell(self, written: Written) -> None:
        """Say in the strip what was written, with a way to the list of what was removed."""
        paths, notes = written.paths, written.notes
        if not paths:
            self._state.notice.emit("There was nothing to export.", "info")
            return
        many = f"{len(paths)} files" if len(paths) > 1 else paths[0].name
        sentence = f"{many} written to {paths[0].parent.name}."
        removed = written.removed
        if removed is None:
            self._state.notice.emit(" ".join((sentence, *notes)), "info" if notes else "good")
            return
        sentence = " ".join(
            (sentence[:-1] + ", de-identified; the list is in " + paths[-1].name + ".", *notes)
        )
        # As the strip will show it: names of files may be hidden.
        shown = self._state.privacy.sentence(sentence)
        self._window.notice.offer(shown, "What was removed", lambda: self.show_list(removed))  # type: ignore[attr-defined]
        self._state.notice.emit(sentence, "good")

    def show_list(self, removed: Removed) -> None:
        """Show what was removed or replaced, without values."""
        self.sheet = RemovedSheet(removed, self._window)
        self.sheet.open()


class RemovedSheet(QDialog):
    """The list, as it is in the file beside the export."""

    def __init__(self, removed: Removed, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("What was removed")
        self.text = QPlainTextEdit("\n".join(removed.sentences()))
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setAccessibleName("What was removed or replaced, without the values")
        self.text.setObjectName("exportDetails")
        close = QPushButton("&Close")
        close.setDefault(True)
        close.clicked.connect(self.accept)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 14)
        layout.setSpacing(12)
        layout.addWidget(label("What was removed", "title"))
        layout.addWidget(self.text, 1)
        layout.addLayout(foot)
        self.resize(min(560, parent.width() - 40), min(520, parent.height() - 40))
