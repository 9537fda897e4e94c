"""Opening files, folders, the demo, and what was open when the program did not close in order."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QWidget

import resources
from viewer import dialogs
from viewer.models import Models
from viewer.state import AppState
from viewer.state.storage import kept_of_last
from viewer.widgets.notice import NoticeStrip


class Opening(QObject):
    """Asks, and hands the paths to the state."""

    def __init__(
        self, state: AppState, models: Models, notice: NoticeStrip, window: QWidget
    ) -> None:
        super().__init__(window)
        self._state = state
        self._models = models
        self._notice = notice
        self._window = window

    def ask_files(self) -> None:
        """Let the user choose files."""
        paths = dialogs.choose_files(self._window, self._state.settings)
        if paths:
            self._state.open_paths(paths)

    def ask_folder(self) -> None:
        """Let the user choose a folder."""
        path = dialogs.choose_folder(self._window, self._state.settings, "Open a folder")
        if path is not None:
            self._state.open_paths([path])

    def demo(self, *, show: bool = True) -> None:
        """List the cases that ship with the program, and show the first."""
        folder = resources.path("demo", "images")
        if folder.is_dir():
            self._state.open_paths([folder], demo=True, show=show)

    def start_soon(
        self,
        paths: list[Path],
        checkpoint: Path | None = None,
        map_name: str = "",
        frame: int | None = None,
    ) -> None:
        """Open what the command line names, else the demo, once the window has been painted.

        The model loads meanwhile; nothing of it is imported before there is a window to look at.
        """

        def begin() -> None:
            if map_name:
                self._state.overlays.show(self._state.active_view, map_name)
            if frame is not None:
                self._state.first_frame = frame
            self.demo(show=not paths)
            if paths:
                self._state.open_paths(paths)
            self._models.load_first(checkpoint)

        QTimer.singleShot(0, lambda: QTimer.singleShot(0, begin))

    def offer_last(self) -> None:
        """After a crash, offer the files that were open."""
        last = list(self._state.settings.open_paths)
        if last:
            kept = kept_of_last(self._state.settings)
            self._notice.say(
                "Saliscope did not close in order. "
                + (
                    f"Your drawing has been kept: {kept}." if kept else "Your masks have been kept."
                ),
                "info",
                "Open it again" if self._state.privacy.hidden else f"Open {last[0].name} again",
                lambda: self._state.open_paths(last),
            )
