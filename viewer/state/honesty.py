"""What is known of each map's honesty, and the measurements that take long, on demand."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from engine.progress import Progress
from engine.saliency.map import SaliencyMap
from engine.saliency.scale import gate_opening

if TYPE_CHECKING:
    from engine.evaluation.deletion.single import Baselines, Deletion
    from engine.evaluation.honesty import Facts
    from engine.evaluation.randomisation import Randomisation
    from viewer.state.app import AppState

_KEPT = 256  # maps whose results are kept: some numbers each
_KEPT_BASELINES = 16

Key = tuple[str, str, int, str, int]


def key_of(saliency: SaliencyMap) -> Key:
    """Return what a map's measurements are kept under."""
    made = saliency.provenance
    return (
        made.checkpoint_sha256,
        made.image_key,
        made.frame,
        saliency.name,
        saliency.target,
    )


@dataclass(frozen=True)
class _Plain:
    """What takes a moment: why there is nothing to show, and how spread out the map is."""

    reason: str | None
    spread: float | None


class Honesty(QObject):
    """Facts of the maps of the frame on screen. ``check`` measures what takes long, and keeps it.

    Deletion and shuffled weights can be measured of the model's own maps alone, not of what was
    computed from several.
    """

    changed = Signal()

    def __init__(self, state: AppState) -> None:
        super().__init__(state)
        self._state = state
        self._plain: OrderedDict[tuple[Key, str], _Plain] = OrderedDict()
        self._deleted: OrderedDict[Key, Deletion] = OrderedDict()
        self._shuffled: OrderedDict[Key, Randomisation] = OrderedDict()
        self._baselines: OrderedDict[tuple[str, str, int], Baselines] = OrderedDict()
        self._checking: Key | None = None
        self.fraction = 0.0
        self.problem = ""
        state.analysis.mapsChanged.connect(self._drop)
        state.scores.changed.connect(self.changed)

    def can_check(self, name: str) -> bool:
        """Whether a map of the frame is there and is the model's own."""
        session = self._state.analysis.session
        found = self._state.analysis.maps.get(name)
        return session is not None and found is not None and name in session.map_names

    def is_checked(self, name: str) -> bool:
        """Whether everything that can be measured has been."""
        found = self._state.analysis.maps.get(name)
        if found is None:
            return False
        return key_of(found) in self._deleted and key_of(found) in self._shuffled

    def is_checking(self, name: str) -> bool:
        """Whether the measurements are under way."""
        found = self._state.analysis.maps.get(name)
        return found is not None and key_of(found) == self._checking

    def facts(self, name: str) -> Facts | None:
        """Return what is known; None where there is no such map yet. May change soon after."""
        found = self._state.analysis.maps.get(name)
        if found is None:
            return None
        from engine.evaluation.honesty import Facts

        key, sign = key_of(found), self._sign(found)
        plain = self._plain.get((key, sign))
        if plain is None:
            self._look(found, key)
        score = self._state.scores.all().get(name)
        return Facts(
            plain.reason if plain is not None else None,
            found.provenance.parameters.get("outside_anatomy"),
            plain.spread if plain is not None else None,
            score if score is not None and score.rma is not None else None,
            self._deleted.get(key),
            self._shuffled.get(key),
            gate_opening(found),
        )

    def _sign(self, found: SaliencyMap) -> str:
        return self._state.scores.sign if found.sign == "signed" else "positive"

    def _look(self, found: SaliencyMap, key: Key) -> None:
        sign = self._sign(found)
        job = f"facts:{found.name}"
        if self._state.jobs.has(job):
            return

        def work(_: Progress) -> _Plain:
            from engine.evaluation.coherence import relevance
            from engine.evaluation.honesty import spread

            reason = relevance(found.values, sign)[1]  # type: ignore[arg-type]
            return _Plain(reason, spread(found.values, sign))  # type: ignore[arg-type]

        def done(plain: _Plain) -> None:
            _keep(self._plain, (key, sign), plain, _KEPT)
            self.changed.emit()

        self._state.jobs.start("Looking at the map", work, done, key=job, shown=False)

    def check(self, name: str) -> None:
        """Measure deletion and shuffled weights of a map, off the GUI thread."""
        state = self._state
        session, image, frame = state.analysis.session, state.image, state.frame
        found = state.analysis.maps.get(name)
        if session is None or image is None or found is None or not self.can_check(name):
            return
        key = key_of(found)
        # One set of passes serves all native maps: what another needs later is there already.
        together = {name: found}
        if not name.startswith("shap-"):
            together |= {
                n: m
                for n, m in state.analysis.maps.items()
                if n in session.map_names and not n.startswith("shap-")
            }
        together = {n: m for n, m in together.items() if key_of(m) not in self._shuffled}
        place = (session.checkpoint.sha256, image.key, frame)
        known = self._baselines.get(place)
        slow = name.startswith("shap-")

        def work(
            progress: Progress,
        ) -> tuple[dict[str, Randomisation], Baselines, Deletion]:
            from engine.evaluation.deletion.single import baselines, delete_image
            from engine.evaluation.randomisation import randomise

            end = 0.8 if slow else 0.25
            shuffled = randomise(session, image, frame, together, progress=progress.part(0.0, end))
            middle = end if known is not None else end + 0.8 * (1 - end)
            given = known or baselines(session, image, frame, progress=progress.part(end, middle))
            deleted = delete_image(
                session, image, frame, {name: found}, given, progress=progress.part(middle, 1.0)
            )
            return shuffled, given, deleted[name]

        def done(result: tuple[dict[str, Randomisation], Baselines, Deletion]) -> None:
            shuffled, given, deleted = result
            for other, value in shuffled.items():
                _keep(self._shuffled, key_of(together[other]), value, _KEPT)
            _keep(self._baselines, place, given, _KEPT_BASELINES)
            _keep(self._deleted, key, deleted, _KEPT)
            self.changed.emit()

        self.problem = ""
        self._checking, self.fraction = key, 0.0
        job = state.jobs.start(
            "Checking whether the map can be believed",
            work,
            done,
            key="honesty",
            lane="model",
            failed=self._failed,
        )
        job.progressed.connect(self._progressed)
        job.ended.connect(lambda: self._ended(key))
        self.changed.emit()

    def cancel(self) -> None:
        """Stop measuring."""
        self._state.jobs.cancel("honesty")

    def _progressed(self, fraction: float, _: str) -> None:
        self.fraction = fraction
        self.changed.emit()

    def _failed(self, sentence: str) -> None:
        self.problem = sentence
        self._state.notice.emit(sentence, "warning")

    def _ended(self, key: Key) -> None:
        if self._checking == key:
            self._checking = None
        self.changed.emit()

    def _drop(self) -> None:
        """Stop measuring what is no longer on screen; a map that comes later would wait for it."""
        shown = {key_of(found) for found in self._state.analysis.maps.values()}
        if self._checking is not None and self._checking not in shown:
            self.cancel()
        self.changed.emit()


def _keep(kept: OrderedDict[Any, Any], key: object, value: object, most: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)
