"""From what the views are to show to images, masks, maps and scores; reads what is missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from engine.images.case import Case, Series
from engine.images.image import Image
from engine.saliency.derived import title
from viewer.compare.agreement import Agreement
from viewer.compare.checkpoints import Checkpoints
from viewer.compare.maps import Maps, Wanted
from viewer.compare.shelf import Shelf, Shelved
from viewer.state import AppState
from viewer.state.analysis import MapEntry, MapStatus
from viewer.state.contents import Content

if TYPE_CHECKING:
    from engine.evaluation.coherence import Coherence
    from engine.masks.document import MaskDocument
    from engine.masks.mask import Mask
    from engine.session import Prediction, Session

_FUSIONS = ("gate", "concat", "product")
_SHAP = "shap-"


@dataclass(eq=False)
class Subject:
    """What a view shows, as far as it is there.

    here: whether it is the image being read, now: and on the frame that is. map_name: None for
    the bare image; the model's own fusion stands for another's. own_model: whether the maps are
    of the model in use. waiting, fraction: what is being read or computed. problem: why something
    cannot be shown.
    """

    content: Content
    case: Case | None = None
    series: Series | None = None
    image: Image | None = None
    here: bool = True
    now: bool = True
    document: MaskDocument | None = None
    compared: Mask | None = None
    own_model: bool = True
    session: Session | None = None
    map_name: str | None = None
    wanted: Wanted | None = None
    entry: MapEntry | None = None
    prediction: Prediction | None = None
    score: Coherence | None = None
    waiting: str = ""
    fraction: float = 0.0
    problem: str = ""
    guest: str = field(default="", repr=False)  # its map's name among the live scores


class Board(QObject):
    """Knows what every view shows. ``changed``: something has come, or has come further."""

    changed = Signal()

    def __init__(self, state: AppState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.shelf = Shelf(state.jobs, self)
        self.checkpoints = Checkpoints(state.analysis, state.jobs, state.settings, self)
        self.maps = Maps(state.jobs, self)
        self.agreement = Agreement(state.jobs, self)
        self._read: tuple[Series, Image] | None = None
        self.shelf.changed.connect(self.changed)
        self.shelf.read.connect(state.say_left_out)
        for source in (self.checkpoints, self.maps, self.agreement):
            source.changed.connect(self.changed)
        state.seriesOpened.connect(self._opened)
        state.seriesClosed.connect(lambda: self._opened(None))

    # Images

    def is_here(self, view: int) -> bool:
        """Whether a view shows the image being read."""
        return self._state.is_here(view)

    def case(self, view: int) -> Case | None:
        """Return whose image a view shows."""
        return self._state.case if self.is_here(view) else self._state.contents[view].case

    def subject(self, view: int) -> Subject:
        """Return a view's image and masks; another series is read if that has not begun."""
        state, content = self._state, self._state.contents[view]
        if content.empty:
            return Subject(content, here=False, now=False)
        if self.is_here(view):
            return Subject(
                content,
                state.case,
                state.series,
                state.image,
                document=state.masks.document,
                compared=state.masks.compared,
            )
        assert content.series is not None
        found = self.shelf.get(content.series)
        subject = Subject(
            content,
            content.case,
            content.series,
            found.image,
            here=False,
            now=False,
            document=found.document,
            compared=_chosen(found, content.masks),
        )
        if found.image is None:
            subject.fraction, subject.problem = found.fraction, found.error
            subject.waiting = "" if found.error else f"Reading {content.series.title}…"
        return subject

    # Maps

    def look(self, frames: list[int]) -> list[Subject]:
        """Return what every view of the grid shows; ``frames`` are the views'.

        What is missing is begun, and what no view shows any more is given up.
        """
        state = self._state
        subjects = [self.subject(view) for view in range(state.views)]
        for view, (subject, frame) in enumerate(zip(subjects, frames, strict=True)):
            subject.now = subject.here and frame == state.frame
            self._add_map(view, subject, frame)
        self._settle(subjects)
        scores = state.scores.all()
        for subject, frame in zip(subjects, frames, strict=True):
            self._score(subject, frame, scores)
        return subjects

    def live(self, subject: Subject) -> Coherence | None:
        """Return the score of what is being drawn on, as it is now."""
        key = subject.guest or subject.map_name or ""
        return self._state.scores.all().get(key) if subject.now else subject.score

    def request(self, subject: Subject) -> None:
        """Compute a subject's map, also if it takes long."""
        if subject.wanted is not None:
            self.maps.request(subject.wanted)
        elif subject.map_name is not None:
            self._state.analysis.request(subject.map_name)

    def cancel(self, subject: Subject) -> None:
        """Stop what a subject is waiting for."""
        if subject.image is None and subject.series is not None:
            self.shelf.cancel(subject.series)
        elif subject.wanted is not None:
            self.maps.cancel(subject.wanted)
        elif subject.map_name is not None:
            self._state.analysis.cancel(subject.map_name)

    def again(self, subject: Subject) -> None:
        """Try once more what has failed."""
        if subject.image is None and subject.series is not None:
            self.shelf.again(subject.series)
        elif subject.content.checkpoint is not None and subject.session is None:
            self.checkpoints.again(subject.content.checkpoint)
        else:
            self.request(subject)

    def _add_map(self, view: int, subject: Subject, frame: int) -> None:
        analysis, image = self._state.analysis, subject.image
        loading = self.checkpoints.get(subject.content.checkpoint)
        session = subject.session = loading.session
        subject.own_model = session is analysis.session
        name = self._state.overlays[view].map_name
        subject.map_name = name
        if subject.now and subject.own_model:
            subject.prediction = analysis.prediction
            subject.entry = analysis.entries.get(name or "")
            _say_entry(subject)
            return
        if image is None:
            return
        if session is None:
            if subject.content.checkpoint is not None:
                name = self.checkpoints.name(subject.content.checkpoint)
                subject.problem = loading.error
                subject.waiting = "" if loading.error else f"Loading {name}…"
            return
        if name is not None:
            subject.map_name = name = equivalent(name, session)
            if not session.offers(name):
                subject.problem = f"{session.checkpoint.metadata.name} has no map “{title(name)}”."
                return
        subject.wanted = Wanted(session, image, frame, name or "")
        found = self.maps.get(subject.wanted)
        subject.prediction = found.prediction
        subject.entry = found if name is not None else None
        _say_entry(subject)

    def _settle(self, subjects: list[Subject]) -> None:
        self.maps.want([s.wanted for s in subjects if s.wanted is not None])
        guests = {}
        for subject in subjects:
            found = subject.entry.map if subject.entry is not None else None
            if subject.now and subject.wanted is not None and found is not None:
                subject.guest = ":".join(map(str, subject.wanted.key))
                guests[subject.guest] = found
        self._state.score_also(guests)
        contents = [self._state.contents[view] for view in range(self._state.views)]
        self.shelf.keep({c.series for c in contents if c.series is not None})
        self.checkpoints.keep({c.checkpoint for c in contents if c.checkpoint is not None})

    def _score(self, subject: Subject, frame: int, scores: dict[str, Coherence]) -> None:
        if subject.entry is None or subject.entry.map is None:
            return
        if subject.now:
            subject.score = scores.get(subject.guest or subject.entry.name)
            return
        mask = subject.compared
        pixels = mask.frame(frame) if mask is not None else None
        if pixels is not None and pixels.any():
            sign = self._state.scores.sign
            subject.score = self.agreement.get(subject.entry.map, pixels, sign)

    def _opened(self, _: object) -> None:
        """Keep the image that was being read for the views that still show it."""
        state, before = self._state, self._read
        acquired = state.series is not None and state.image is not None and state.axis == 0
        if before is not None and not (acquired and before[0] is state.series):
            contents = [state.contents[view] for view in range(state.views)]
            if any(content.series is before[0] for content in contents):
                self.shelf.put(*before)  # with the masks that were drawn meanwhile
            else:
                self.shelf.drop(before[0])
        self._read = (state.series, state.image) if acquired else None  # type: ignore[assignment]


def equivalent(name: str, session: Session) -> str:
    """Return a map's name in a model: the fused features' is called by the kind of fusion."""
    names = session.map_names
    if name in names:
        return name
    shap = _SHAP if name.startswith(_SHAP) else ""
    if name.removeprefix(_SHAP) in _FUSIONS:
        return next((shap + f for f in _FUSIONS if shap + f in names), name)
    return name


def _say_entry(subject: Subject) -> None:
    """Say how far a subject's map is."""
    entry = subject.entry
    if entry is not None and entry.status is MapStatus.COMPUTING:
        subject.waiting, subject.fraction = f"Computing {title(entry.name)}…", entry.fraction
    elif entry is not None and entry.status is MapStatus.FAILED:
        subject.problem = entry.error


def _chosen(found: Shelved, mask_id: str) -> Mask | None:
    """Return the mask that a view shows alone, else the one that its maps are compared with."""
    masks = found.document.masks if found.document is not None else ()
    return next((mask for mask in masks if mask.id == mask_id), found.compared)
