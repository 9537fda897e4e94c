"""What the program remembers between starts: window, recent paths, theme, overlay choices."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PySide6.QtCore import QByteArray, QSettings

from engine import folders, keeping

_RECENT = 12


class Settings:
    """A typed face over one INI file in the user's settings folder.

    ``passing`` settings start empty and are forgotten: a screenshot leaves no trace.
    """

    def __init__(self, *, passing: bool = False) -> None:
        self._folder = TemporaryDirectory(prefix="saliscope-") if passing else None
        folder = Path(self._folder.name) if self._folder is not None else folders.settings()
        path = folder / "viewer.ini"
        self._store = QSettings(str(path), QSettings.Format.IniFormat)
        #: What was found damaged, one sentence each.
        self.problems: list[str] = []
        self._store.allKeys()  # which reads all of it: Qt does so no sooner than it must
        if self._store.status() == QSettings.Status.FormatError:
            self._keep(path)

    def _keep(self, path: Path) -> None:
        """Keep a damaged file's text: what of it is not understood goes when it is next written."""
        try:
            aside = keeping.copy_aside(path)
        except OSError:
            aside = None
        name = f"; the old file is kept as {aside.name}" if aside is not None else ""
        self.problems.append(
            f"The settings were damaged, and some of them begin afresh{name} in {path.parent}."
        )

    def set_aside(self, name: str, what: str) -> None:
        """Keep a text that cannot be understood under a name of its own, and say so."""
        base = f"{name}-damaged-{date.today().isoformat()}"
        kept, number = base, 2
        while self._store.contains(kept):
            kept, number = f"{base}-{number}", number + 1
        self._store.setValue(kept, self._store.value(name))
        self._store.remove(name)
        self.problems.append(
            f"{what} in the settings could not be read and begins afresh; the old text is kept as "
            f"{kept} in {self._store.fileName()}."
        )

    def text(self, name: str, default: str = "") -> str:
        """Return a string."""
        return str(self._store.value(name, default))

    def number(self, name: str, default: float) -> float:
        """Return a number, the default where the stored one is not one."""
        try:
            return float(str(self._store.value(name, default)))
        except ValueError:
            return default

    def flag(self, name: str, default: bool) -> bool:
        """Return a truth value."""
        return str(self._store.value(name, default)).lower() in ("true", "1")

    def bytes(self, name: str) -> QByteArray:
        """Return a byte string (a window's geometry), empty where there is none."""
        value = self._store.value(name)
        return value if isinstance(value, QByteArray) else QByteArray()

    def set(self, name: str, value: Any) -> None:
        """Store a value; written by Qt soon after and at exit."""
        self._store.setValue(name, value)

    @property
    def recent(self) -> tuple[Path, ...]:
        """Paths opened lately, latest first; those that are gone are left out."""
        return tuple(path for path in self._paths("recent") if path.exists())

    def add_recent(self, paths: list[Path]) -> None:
        """Put paths at the head of the recent ones, where they are remembered at all."""
        if not self.remembers_files:
            return
        new = [path.absolute() for path in paths]
        old = [path for path in self._paths("recent") if path not in new]
        self._store.setValue("recent", [str(path) for path in (new + old)[:_RECENT]])

    def clear_recent(self) -> None:
        """Forget the recent paths."""
        self._store.remove("recent")

    @property
    def remembers_files(self) -> bool:
        """Whether paths that were opened are remembered."""
        return self.flag("privacy/recent", True)

    def remember_files(self, on: bool) -> None:
        """Remember paths from now on, or forget those there are and remember no more."""
        self.set("privacy/recent", on)
        if not on:
            self.clear_recent()

    @property
    def open_paths(self) -> tuple[Path, ...]:
        """What was open when the program last ran and did not close in order."""
        return tuple(path for path in self._paths("open") if path.exists())

    def set_open_paths(self, paths: list[Path]) -> None:
        """Note what is open now, on disk at once: a crash must not take it along."""
        self._store.setValue("open", [str(path) for path in paths])
        self._store.sync()

    @property
    def open_image(self) -> tuple[str, int, int, int] | None:
        """The image that was open then: its key, frames, rows and columns."""
        parts = self.text("open-image").split("/")
        if len(parts) != 4 or not all(part.isdigit() for part in parts[1:]):
            return None
        return parts[0], int(parts[1]), int(parts[2]), int(parts[3])

    def set_open_image(self, key: str, frames: int, rows: int, cols: int) -> None:
        """Note which image is open now, on disk at once."""
        self._store.setValue("open-image", f"{key}/{frames}/{rows}/{cols}")
        self._store.sync()

    def _paths(self, name: str) -> list[Path]:
        value: Any = self._store.value(name, [])
        items = [value] if isinstance(value, str) else value or []  # INI keeps one item bare
        return [Path(str(item)) for item in items if str(item)]
