"""Other checkpoints than the one in use: loaded when a view first asks, shared by all views."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from engine.progress import Progress
from viewer.jobs import Jobs
from viewer.settings import Settings
from viewer.state.analysis import Analysis

if TYPE_CHECKING:
    from engine.session import Session

#: Checkpoints used lately, as a menu lists them.
LISTED = 8


@dataclass(eq=False)
class Loading:
    """A checkpoint on its way. where: the device and precision it was asked for."""

    path: Path
    session: Session | None = None
    error: str = ""
    where: tuple[str, str] = ("auto", "auto")


class Checkpoints(QObject):
    """Sessions by file. The model in use is the analysis' own and is not loaded twice."""

    changed = Signal()

    def __init__(
        self, analysis: Analysis, jobs: Jobs, settings: Settings, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._analysis = analysis
        self._jobs = jobs
        self._settings = settings
        self._loaded: dict[Path, Loading] = {}
        analysis.sessionChanged.connect(self._follow)

    def get(self, path: Path | None) -> Loading:
        """Return a checkpoint, None for the one in use; it is loaded if that has not begun."""
        analysis = self._analysis
        if path is None or path == analysis.checkpoint:
            return Loading(path or Path(), analysis.session, analysis.problem)
        found = self._loaded.get(path)
        if found is None:
            where = analysis.device, analysis.precision
            found = self._loaded[path] = Loading(path, where=where)
            self._load(found)
        return found

    def again(self, path: Path) -> None:
        """Try once more what has failed."""
        self._loaded.pop(path, None)
        self.changed.emit()

    def keep(self, used: set[Path]) -> None:
        """Let go of the checkpoints that no view uses."""
        for path in [path for path in self._loaded if path not in used]:
            del self._loaded[path]  # first: what is cancelled while it is wanted has failed
            self._jobs.cancel(f"session:{path}")

    @property
    def known(self) -> list[Path]:
        """Checkpoints that ship with the program or were loaded lately, and are still there."""
        from viewer.models import shipped

        lately = [Path(text) for text in self._settings.text("compare/checkpoints").split("\n")]
        now = [self._analysis.checkpoint] if self._analysis.checkpoint is not None else []
        paths = dict.fromkeys([*shipped(), *now, *self._loaded, *lately])
        return [path for path in paths if path.suffix and path.is_file()]

    def remember(self, path: Path) -> None:
        """List a checkpoint from now on."""
        old = [text for text in self._settings.text("compare/checkpoints").split("\n") if text]
        new = [str(path), *(text for text in old if text != str(path))]
        self._settings.set("compare/checkpoints", "\n".join(new[:LISTED]))

    def name(self, path: Path | None) -> str:
        """Return what a checkpoint calls itself, its file's name until it is loaded."""
        found = self.get(path) if path is None else self._peek(path)
        if found is None or found.session is None:
            return path.stem if path is not None else "Model"
        about = found.session.checkpoint.metadata
        return f"{about.name} {about.version}"

    def _peek(self, path: Path) -> Loading | None:
        if path == self._analysis.checkpoint:
            return self.get(None)
        return self._loaded.get(path)

    def _follow(self) -> None:
        if self._analysis.checkpoint is not None:
            self.remember(self._analysis.checkpoint)
        for path, found in list(self._loaded.items()):
            moved = found.where != (self._analysis.device, self._analysis.precision)
            if moved or path == self._analysis.checkpoint:
                del self._loaded[path]  # a view that wants it has it loaded where the other runs
                self._jobs.cancel(f"session:{path}")
        self.changed.emit()

    def _load(self, found: Loading) -> None:
        path, (device, precision) = found.path, found.where

        def work(_: Progress) -> Session:
            from engine.session import Session

            return Session.open(path, device=device, precision=precision)

        def done(session: Session) -> None:
            found.session = session
            self.remember(path)
            self.changed.emit()

        def failed(sentence: str) -> None:
            found.error = sentence
            self.changed.emit()

        def ended() -> None:
            if found.session is None and not found.error and self._loaded.get(path) is found:
                found.error = f"Loading {path.stem} was cancelled."
                self.changed.emit()

        job = self._jobs.start(
            f"Loading {path.stem}", work, done, key=f"session:{path}", lane="model", failed=failed
        )
        job.ended.connect(ended)
