"""What the program remembers of what was opened, and what it never writes down."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QCheckBox, QPushButton, QWidget

from viewer.actions import Actions
from viewer.preferences.page import Page
from viewer.settings import Settings


class PrivacyPage(Page):
    """``save_log`` shows the log and saves it."""

    title = "Privacy"

    def __init__(
        self,
        settings: Settings,
        actions: Actions,
        save_log: Callable[[], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self.head("Names on the screen")
        self.hide_names = QCheckBox("Hide patients' names and numbers")
        hide = actions["hide-names"]
        self.hide_names.setChecked(hide.isChecked())
        self.hide_names.clicked.connect(lambda on: hide.trigger() if on != hide.isChecked() else 0)
        hide.toggled.connect(self.hide_names.setChecked)
        self.row(self.hide_names)
        self._key = self.explain("")
        actions.keysChanged.connect(lambda: self._say_key(actions))
        self._say_key(actions)
        self.head("Files opened lately")
        self.recent = QCheckBox("Remember them, for File › Open recent")
        self.recent.clicked.connect(self._remember)
        self.row(self.recent)
        self.forget = QPushButton("Forget them now")
        self.forget.clicked.connect(self._forget)
        self.row(self.forget)
        self._says = self.explain("")
        self.head("Log")
        save = QPushButton("Look at the log and save it…")
        save.clicked.connect(save_log)
        self.row(save)
        self.explain(
            "The log says where the program went wrong, never with whose image: texts of files, "
            "names, paths, UIDs and numbers of patients are left out as it is written, and again "
            "as it is saved."
        )
        self.head("What leaves this machine")
        self.explain(
            "Nothing by itself: the program opens no connection. Exports and the log go where you "
            "put them. Masks and the cache stay in your own folders (see Storage)."
        )
        self.end()
        self.refresh()

    def refresh(self) -> None:
        """Show what holds now."""
        self.recent.setChecked(self._settings.remembers_files)
        count = len(self._settings.recent)
        self.forget.setEnabled(count > 0)
        files = f"{count} file or folder" if count == 1 else f"{count} files and folders"
        text = f"{files} on the list." if count else "The list is empty."
        if not self._settings.remembers_files:
            text += (
                " What is open is still noted until the program closes, so that it can be offered "
                "again after a crash."
            )
        self._says.setText(text)

    def _say_key(self, actions: Actions) -> None:
        keys = actions.keys_text("hide-names")
        self._key.setText(f"By key: {keys}." if keys else "No key is given to this now.")

    def _remember(self, on: bool) -> None:
        self._settings.remember_files(on)
        self.refresh()

    def _forget(self) -> None:
        self._settings.clear_recent()
        self.refresh()
