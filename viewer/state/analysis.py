"""What the model says of the frame on screen: the prediction, and the maps as they get ready."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from engine.images.image import Image
from engine.progress import Progress
from engine.saliency.derived import part_of, parts_of, title
from engine.saliency.map import SaliencyMap
from viewer.jobs import Jobs
from viewer.state.opened import Opened, first_installed

if TYPE_CHECKING:
    from engine.evaluation.familiarity import Familiarity
    from engine.model.catalogue import Choice
    from engine.session import Prediction, Session

_SETTLE_MS = 120  # while the reader scrolls through slices, only the one stopped at is predicted
_KEPT_FRAMES = 16  # results kept, so that going back a few slices costs nothing


def is_derived(name: str) -> bool:
    """Whether a map is computed from others, or from the pixels."""
    return parts_of(name) is not None or part_of(name) is not None


def is_slow(name: str) -> bool:
    """Whether a map is only computed when asked for."""
    return "shap-" in name


class MapStatus(Enum):
    """Where a map is."""

    ABSENT = "absent"
    COMPUTING = "computing"
    READY = "ready"
    FAILED = "failed"


@dataclass
class MapEntry:
    """One map of the frame on screen."""

    name: str
    status: MapStatus = MapStatus.ABSENT
    map: SaliencyMap | None = None
    fraction: float = 0.0
    error: str = ""


@dataclass
class _Result:
    prediction: Prediction
    familiarity: Familiarity | None = None
    maps: dict[str, SaliencyMap] = field(default_factory=dict)


class Analysis(QObject):
    """Owns the session. Everything it starts for a frame is dropped when the frame changes."""

    sessionChanged = Signal()
    predictionChanged = Signal()
    mapChanged = Signal(str)
    mapsChanged = Signal()

    def __init__(self, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self.session: Session | None = None
        self.loading = False
        self.problem = ""
        self.checkpoint: Path | None = None
        self.device = "auto"
        self.precision = "auto"
        self.automatic = False
        self.choice: Choice | None = None  # why this model, where it was chosen by the image
        self._choosing = False
        self._opened = Opened()
        self.prediction: Prediction | None = None
        self.familiarity: Familiarity | None = None  # None too where the checkpoint cannot say
        self.busy = False
        self.entries: dict[str, MapEntry] = {}
        self.derived: tuple[str, ...] = ()
        self._image: Image | None = None
        self._frame = 0
        self._modality = ""
        self._results: OrderedDict[int, _Result] = OrderedDict()
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._predict)

    # The model

    def load(self, checkpoint: Path, device: str = "auto", precision: str = "auto") -> None:
        """Load a checkpoint in the background; the one in use stays until it is there."""
        self.loading = True
        self.problem = ""
        for name in self.entries:  # a SHAP map takes minutes, and the model's lane is one thread
            self._jobs.cancel(f"map:{name}")
        self.sessionChanged.emit()

        def work(progress: Progress) -> object:
            from engine.session import Session

            return Session.open(checkpoint, device=device, precision=precision)

        def done(session: Session) -> None:
            self.checkpoint, self.device, self.precision = checkpoint, device, precision
            self.automatic = self._choosing = False
            self.choice = None
            self._use(session)

        self._jobs.start(
            "Loading the model", work, done, key="session", lane="model", failed=self._no_model
        )

    def move_to(self, device: str, precision: str = "auto") -> None:
        """Run the same checkpoint on another device or in another precision."""
        if self.automatic:
            self.choose_by_image(device, precision)
        elif self.checkpoint is not None:
            self.load(self.checkpoint, device, precision)

    def choose_by_image(self, device: str = "auto", precision: str = "auto") -> None:
        """From here on let every image be answered by the installed model that suits it.

        Until there is an image, the first one is made ready.
        """
        self.automatic = True
        self.device, self.precision = device, precision
        self._choose()

    def _choose(self) -> None:
        """Choose the model for the image on screen in the background; nothing is said meanwhile."""
        image, modality = self._image, self._modality
        device, precision = self.device, self.precision
        self._choosing = True
        self.loading = self.session is None
        self.problem = ""
        for name in self.entries:
            self._jobs.cancel(f"map:{name}")

        def work(_: Progress) -> tuple[Choice | None, Path, Session]:
            if image is None:
                first = first_installed()
                return None, first.path, self._opened.session(first.path, device, precision)
            return self._opened.choose(image, modality, device, precision)

        def done(result: tuple[Choice | None, Path, Session]) -> None:
            self.choice, self.checkpoint, session = result
            self._choosing = False
            if session is self.session:
                self.loading = False
                self.sessionChanged.emit()
                self._restart(at_once=True)
            else:
                self._use(session)

        self._jobs.start(
            "Choosing the model", work, done, key="session", lane="model", failed=self._no_choice
        )
        self.sessionChanged.emit()

    def _no_choice(self, sentence: str) -> None:
        # Another image's model must not answer for this one.
        self._choosing = False
        self.session = self.choice = self.checkpoint = None
        self._no_model(sentence)
        self._restart()

    def _use(self, session: Session) -> None:
        self.session = session
        self.loading = False
        self.sessionChanged.emit()
        self._results.clear()
        self._restart()

    def _no_model(self, sentence: str) -> None:
        self.loading = False
        self.problem = sentence
        self._jobs.failed.emit(sentence)
        self.sessionChanged.emit()
        if self._choosing:  # which loading this one had stopped
            self._choose()

    # The frame on screen

    @property
    def map_names(self) -> tuple[str, ...]:
        """The maps this checkpoint has, native ones first, then those asked for besides."""
        if self.session is None:
            return ()
        offered = (name for name in self.derived if self.session.offers(name))
        return (*self.session.map_names, *offered)

    def derive(self, name: str) -> None:
        """Offer a map computed from others (a difference) beside the model's own, and compute it.

        It stays on the list, for other frames and images too.
        """
        if self.session is None or not self.session.offers(name):
            return
        if name not in self.map_names:
            self.derived = (*self.derived, name)
            self.entries.setdefault(name, MapEntry(name))
            self.sessionChanged.emit()
            self.mapsChanged.emit()
        self.request(name)

    def redo(self, name: str) -> None:
        """Compute a map again that rests on something that has changed (the mirror axis)."""
        if name in self.entries:
            self._jobs.cancel(f"map:{name}")
            self.entries[name] = MapEntry(name)
            for result in self._results.values():
                result.maps.pop(name, None)
            self.request(name)

    @property
    def fusion(self) -> str:
        """The name of the fused features' map ("gate", "concat" or "product"), "" without one."""
        return next((n for n in ("gate", "concat", "product") if n in self.map_names), "")

    @property
    def maps(self) -> dict[str, SaliencyMap]:
        """The maps that are ready."""
        return {name: e.map for name, e in self.entries.items() if e.map is not None}

    def set_image(self, image: Image | None, frame: int = 0, modality: str = "") -> None:
        """Turn to another image; modality: where something beside its file says it."""
        self._image, self._frame, self._modality = image, frame, modality
        self._results.clear()
        if self.automatic and image is not None:
            self._choose()
        self._restart(at_once=True)

    def set_frame(self, frame: int) -> None:
        """Turn to another frame of the same image."""
        self._frame = frame
        self._restart()

    def _restart(self, *, at_once: bool = False) -> None:
        self._settle.stop()
        self._jobs.cancel("predict")
        for entry in self.entries.values():
            self._jobs.cancel(f"map:{entry.name}")
        self.entries = {name: MapEntry(name) for name in self.map_names}
        self.prediction = self.familiarity = None
        result = self._results.get(self._frame)
        if result is not None:
            self._results.move_to_end(self._frame)
            self.prediction, self.familiarity = result.prediction, result.familiarity
            for name, found in result.maps.items():
                self.entries[name] = MapEntry(name, MapStatus.READY, found, 1.0)
        complete = result is not None and all(
            is_slow(n) or self.entries[n].map is not None for n in self.entries
        )
        self.busy = self._image is not None and not complete
        self.busy = self.busy and (self._choosing or self.session is not None)
        self.predictionChanged.emit()
        self.mapsChanged.emit()
        if self.busy:
            self._settle.start(0 if at_once else _SETTLE_MS)

    def _predict(self) -> None:
        session, image, frame = self.session, self._image, self._frame
        if session is None or image is None or self._choosing:
            return
        for entry in self.entries.values():
            if not is_slow(entry.name):
                entry.status = MapStatus.COMPUTING
        self.mapsChanged.emit()

        def work(progress: Progress) -> _Result:
            prediction = session.predict(image, frame, progress)
            return _Result(prediction, session.familiarity(image, frame))

        job = self._jobs.start(
            "Predicting",
            work,
            lambda result: self._predicted(frame, result),
            key="predict",
            lane="model",
            failed=self._failed,
        )
        self.busy = True
        job.ended.connect(self._stopped)

    def _stopped(self) -> None:
        """The reader has cancelled the prediction, or it was given up for another one."""
        if self.busy and not self._settle.isActive():
            self.busy = False
            for entry in self.entries.values():
                if entry.status is MapStatus.COMPUTING:
                    entry.status = MapStatus.ABSENT
            self.predictionChanged.emit()
            self.mapsChanged.emit()

    def _failed(self, sentence: str) -> None:
        self.busy = False
        for entry in self.entries.values():
            if entry.status is MapStatus.COMPUTING:
                entry.status, entry.error = MapStatus.FAILED, sentence
        self._jobs.failed.emit(sentence)
        self.predictionChanged.emit()
        self.mapsChanged.emit()

    def _predicted(self, frame: int, result: _Result) -> None:
        if frame != self._frame:
            return
        self.prediction, self.familiarity = result.prediction, result.familiarity
        self.busy = False
        self._results[frame] = result
        while len(self._results) > _KEPT_FRAMES:
            self._results.popitem(last=False)
        self.predictionChanged.emit()
        for name in self.map_names:
            if not is_slow(name):
                self.request(name)

    # Maps

    def request(self, name: str) -> None:
        """Compute a map of the frame on screen, unless it is there or on its way."""
        session, image, frame = self.session, self._image, self._frame
        entry = self.entries.get(name)
        if session is None or image is None or entry is None or entry.map is not None:
            return
        if self._choosing:
            return
        key = f"map:{name}"
        if self._jobs.has(key):
            return
        entry.status, entry.fraction, entry.error = MapStatus.COMPUTING, 0.0, ""
        self.mapChanged.emit(name)

        def work(progress: Progress) -> SaliencyMap:
            found = session.saliency(image, frame, name, progress=progress)
            found.range  # noqa: B018  kept by the map: sorting all pixels is not for the GUI thread
            return found

        job = self._jobs.start(
            title(name),
            work,
            lambda found: self._mapped(frame, name, found),
            key=key,
            lane="model",
            failed=lambda sentence: self._map_failed(name, sentence),
            shown=is_slow(name),
        )
        job.progressed.connect(lambda fraction, _: self._progressed(name, fraction))
        job.ended.connect(lambda: self._ended(name))

    def cancel(self, name: str) -> None:
        """Stop computing a map."""
        self._jobs.cancel(f"map:{name}")

    def _mapped(self, frame: int, name: str, found: SaliencyMap) -> None:
        if frame != self._frame or name not in self.entries:
            return
        self.entries[name] = MapEntry(name, MapStatus.READY, found, 1.0)
        if frame in self._results:
            self._results[frame].maps[name] = found
        self.mapChanged.emit(name)

    def _map_failed(self, name: str, sentence: str) -> None:
        if name in self.entries:
            self.entries[name] = MapEntry(name, MapStatus.FAILED, error=sentence)
            self.mapChanged.emit(name)
        self._jobs.failed.emit(sentence)

    def _progressed(self, name: str, fraction: float) -> None:
        entry = self.entries.get(name)
        if entry is not None and entry.status is MapStatus.COMPUTING:
            entry.fraction = fraction
            self.mapChanged.emit(name)

    def _ended(self, name: str) -> None:
        entry = self.entries.get(name)
        if entry is not None and entry.status is MapStatus.COMPUTING:
            entry.status = MapStatus.ABSENT  # cancelled
            self.mapChanged.emit(name)
