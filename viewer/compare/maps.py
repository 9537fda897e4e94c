"""Maps that the analysis of the frame being read does not have: other images, other models."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from engine.images.image import Image
from engine.progress import Progress
from engine.saliency.derived import title
from engine.saliency.map import SaliencyMap
from viewer.jobs import Jobs
from viewer.state.analysis import MapEntry, MapStatus, is_slow

if TYPE_CHECKING:
    from engine.session import Prediction, Session

Key = tuple[str, str, int, str]

_SETTLE_MS = 120  # as in the analysis: only the slice that the reader stops at is computed
_KEPT = 32  # beyond those that are shown; the session keeps the native ones as well


@dataclass(frozen=True, eq=False)
class Wanted:
    """One map of one frame by one model; "" for the prediction alone."""

    session: Session
    image: Image
    frame: int
    name: str

    @property
    def key(self) -> Key:
        """What tells this map from every other."""
        return self.session.checkpoint.sha256, self.image.key, self.frame, self.name


@dataclass(eq=False)
class Found(MapEntry):
    """A map's state, and what the model says of its frame."""

    prediction: Prediction | None = None


class Maps(QObject):
    """Computes what ``want`` names, after the reader has settled; slow maps only when asked."""

    changed = Signal()

    def __init__(self, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._found: OrderedDict[Key, Found] = OrderedDict()
        self._wanted: dict[Key, Wanted] = {}
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._start)

    def get(self, wanted: Wanted) -> Found:
        """Return what there is of a map."""
        found = self._found.get(wanted.key)
        return found if found is not None else Found(wanted.name)

    def want(self, wanted: list[Wanted]) -> None:
        """Say which maps the views show now; the others are given up."""
        now = {one.key: one for one in wanted}
        for key in [key for key in self._wanted if key not in now]:
            found = self._found.get(key)
            if found is not None and found.map is None and found.status is not MapStatus.FAILED:
                del self._found[key]
                self._jobs.cancel(_job(key))
        turned = now.keys() != self._wanted.keys()
        self._wanted = now
        for key in now:
            if key in self._found:
                self._found.move_to_end(key)
        spare = [key for key in self._found if key not in now]
        for key in spare[: max(len(spare) - _KEPT, 0)]:
            del self._found[key]
        missing = any(key not in self._found and not is_slow(key[3]) for key in now)
        if missing and (turned or not self._settle.isActive()):
            self._settle.start()

    def request(self, wanted: Wanted) -> None:
        """Compute a map now, also a slow one, unless it is there or on its way."""
        found = self._found.get(wanted.key)
        if found is not None and (found.map is not None or found.status is MapStatus.COMPUTING):
            return
        self._compute(wanted)
        self.changed.emit()

    def cancel(self, wanted: Wanted) -> None:
        """Stop computing a map."""
        self._jobs.cancel(_job(wanted.key))

    def _start(self) -> None:
        started = False
        for key, wanted in self._wanted.items():
            if key not in self._found and not is_slow(wanted.name):
                self._compute(wanted)
                started = True
        if started:
            self.changed.emit()

    def _compute(self, wanted: Wanted) -> None:
        key, name = wanted.key, wanted.name
        session, image, frame = wanted.session, wanted.image, wanted.frame
        found = self._found[key] = Found(name, MapStatus.COMPUTING)

        def work(progress: Progress) -> tuple[Prediction, SaliencyMap | None]:
            prediction = session.predict(image, frame, progress)
            if not name:
                return prediction, None
            drawn = session.saliency(image, frame, name, progress=progress)
            drawn.range  # noqa: B018  kept by the map: not for the GUI thread
            return prediction, drawn

        def done(result: tuple[Prediction, SaliencyMap | None]) -> None:
            found.prediction, found.map = result
            found.status, found.fraction = MapStatus.READY, 1.0
            self.changed.emit()

        def failed(sentence: str) -> None:
            found.status, found.error = MapStatus.FAILED, sentence
            self.changed.emit()

        def progressed(fraction: float, _: str) -> None:
            found.fraction = fraction
            if is_slow(name):
                self.changed.emit()

        def ended() -> None:
            if found.status is MapStatus.COMPUTING:  # cancelled
                if self._found.get(key) is found:
                    del self._found[key]
                self.changed.emit()

        job = self._jobs.start(
            title(name) if name else "Predicting",
            work,
            done,
            key=_job(key),
            lane="model",
            failed=failed,
            shown=is_slow(name),
        )
        job.progressed.connect(progressed)
        job.ended.connect(ended)


def _job(key: Key) -> str:
    return "compare:" + ":".join(map(str, key))
