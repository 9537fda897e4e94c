"""The training cases most alike to the frame being read: from a folder that the user names once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from engine.images.case import Case
from engine.progress import Progress
from viewer import dialogs
from viewer.compare.arrangements import ALIKE, Arrangements
from viewer.state import AppState

if TYPE_CHECKING:
    from engine.evaluation.library import Library

FOLDER = "folder/training"
"""The setting that holds the folder's path, for this user on this machine alone."""


class Similar(QObject):
    """Asks for the folder, searches it off the GUI thread, and lays out what is found.

    Features are kept by the model and by what the files hold, so only the first search of a folder
    takes long.
    """

    def __init__(self, state: AppState, arrangements: Arrangements, window: QWidget) -> None:
        super().__init__(window)
        self._state = state
        self._arrangements = arrangements
        self._window = window

    @property
    def folder(self) -> Path | None:
        """The folder that is searched, None while there is none."""
        named = self._state.settings.text(FOLDER)
        return Path(named) if named and Path(named).is_dir() else None

    def choose(self) -> None:
        """Let the user choose the folder, and search it where there is something to compare."""
        if self._ask() is not None and self._state.image is not None:
            self.search()

    def search(self) -> None:
        """Show the training cases most alike to the frame being read."""
        state = self._state
        if not self._arrangements.names():
            return
        folder = self.folder or self._ask()
        session, image, frame = state.analysis.session, state.image, state.frame
        if folder is None or session is None or image is None or state.series is None:
            return
        own = tuple(path for one in state.case.series for path in one.paths) if state.case else ()

        def work(progress: Progress) -> Library:
            from engine.evaluation.library import nearest

            return nearest(session, image, frame, folder, ALIKE, without=own, progress=progress)

        def done(found: Library) -> None:
            if state.image is image:
                self._show(found)

        state.jobs.start("Searching the training cases", work, done, key="similar")

    def _ask(self) -> Path | None:
        return dialogs.choose_folder(
            self._window,
            self._state.settings,
            "Choose the folder of the training cases",
            FOLDER,
        )

    def _show(self, found: Library) -> None:
        state = self._state
        cases: list[Case] = [one.case for one in found.found]
        state.privacy.learn(cases)  # before a name of theirs is shown
        self._arrangements.show_alike(found.found, cases)
        missed = f" {_count(found.unreadable, 'file')} could not be read." * bool(found.unreadable)
        state.notice.emit(
            f"Searched {_count(found.cases, 'case')} ({_count(found.frames, 'image')}) of the "
            f"folder of training cases, by what this model sees in them.{missed}",
            "info",
        )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}".replace(",", " ")
