"""Where masks, settings, cache and log are kept, how large they are, and emptying the cache."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QGridLayout, QPushButton, QWidget

from engine import folders
from engine.progress import Progress
from viewer.preferences.page import Page
from viewer.state import AppState
from viewer.widgets.elided import Elided
from viewer.widgets.section import label

#: What is kept: name, what is in it, the folder.
PLACES: tuple[tuple[str, str, Callable[[], Path]], ...] = (
    ("Masks", "autosaved as you draw; yours to keep or remove", folders.data),
    ("Settings", "these choices, the window's size", folders.settings),
    ("Cache", "maps and thumbnails; can be made again", folders.cache),
    ("Log", "where something went wrong, without patient data", folders.logs),
)


def size_text(size: int) -> str:
    """Return a size in bytes as people read it."""
    value = float(size)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def size_of(folder: Path, progress: Progress | None = None) -> int:
    """Return the bytes below a folder; files that go meanwhile count nothing."""
    total = 0
    for path in folder.rglob("*"):
        if progress is not None:
            progress.check()
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total


def empty(folder: Path) -> None:
    """Remove what is in a folder; what is in use stays."""
    for path in list(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


class StoragePage(Page):
    """Sizes are counted in the background as the page comes up."""

    title = "Storage"

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.head("Where things are kept")
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        self.sizes: dict[str, Elided] = {}
        for number, (name, about, folder) in enumerate(PLACES):
            path = Elided(str(folder()), "secondary", mode=Qt.TextElideMode.ElideMiddle)
            path.setToolTip(str(folder()))
            size = Elided("", "small")
            size.setMinimumWidth(72)
            size.setAlignment(Qt.AlignmentFlag.AlignRight)
            show = QPushButton("Show")
            show.setAccessibleName(f"Show the folder of the {name.lower()}")
            show.clicked.connect(
                lambda *_, folder=folder: QDesktopServices.openUrl(
                    QUrl.fromLocalFile(str(folder()))
                )
            )
            row = 2 * number
            grid.addWidget(label(name), row, 0)
            grid.addWidget(Elided(about, "secondary"), row, 1)
            grid.addWidget(size, row, 2)
            grid.addWidget(show, row, 3, 2, 1, Qt.AlignmentFlag.AlignVCenter)
            grid.addWidget(path, row + 1, 1, 1, 2)
            grid.setRowMinimumHeight(row + 1, 28)
            self.sizes[name] = size
        self.column.addLayout(grid)
        self.head("Cache")
        self.clear = QPushButton("Empty the cache")
        self.clear.clicked.connect(self._empty_cache)
        self.row(self.clear)
        self.explain("Slow maps are then computed again when you ask for them. No mask is lost.")
        self.end()

    def refresh(self) -> None:
        """Count anew."""

        def work(progress: Progress) -> dict[str, int]:
            return {name: size_of(folder(), progress) for name, _, folder in PLACES}

        def done(sizes: dict[str, int]) -> None:
            for name, size in sizes.items():
                self.sizes[name].setText(size_text(size))

        self._state.jobs.start("Counting what is stored", work, done, key="storage", shown=False)

    def _empty_cache(self) -> None:
        def work(_: Progress) -> None:
            empty(folders.cache())

        self._state.jobs.start("Emptying the cache", work, lambda _: self.refresh(), key="cache")
