"""The work itself, phase by phase: native maps, deletion by them, SHAP."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.deletion import on_input, output_of
from engine.images.image import Image
from engine.images.preprocess import to_model_input
from engine.progress import Progress
from engine.saliency.map import SaliencyMap
from engine.session import Session
from training import state
from training.cache import Files, lesion_mask
from training.datasets import Record
from training.evaluate import coherence, deletion, strip
from training.evaluate.rows import Rows
from training.evaluate.run import Run, stratified

if TYPE_CHECKING:
    from torch import Tensor

    from engine.saliency.together import Explainer

SHAP = "shap-"

BACKGROUND_IMAGES = 16
"""Training images that SHAP compares with; as many as ``training.fit`` ships."""


@dataclass(frozen=True)
class Settings:
    """What decides the figures (seed, samples, sigma), and how they are computed.

    deletion_precision: of the passes that follow deletion, which are thousands.
    """

    seed: int
    samples: int
    sigma: float
    batch: int
    device: str
    precision: str
    deletion_precision: str = "float32"


@dataclass
class Evaluator:
    """Adds what is missing to the two tables."""

    run: Run
    settings: Settings
    coherence: Rows
    deletion: Rows

    def __post_init__(self) -> None:
        self._files = Files()
        self._session: tuple[int, Session] | None = None
        self._explainer: tuple[int, Explainer] | None = None
        self._explained: tuple[int, dict[str, SaliencyMap]] = -1, {}

    def native(self, progress: Progress) -> None:
        """Score all native maps of every image whose mask is known."""
        known = [i for i, r in enumerate(self.run.dataset.records) if _mask_known(r)]

        def score(index: int, session: Session, _: Progress) -> None:
            names = (*_native(session), coherence.RANDOM)
            self._score(index, session, self.coherence.missing(index, names))

        self._each(known, score, progress, "native maps")

    def native_deletion(self, chosen: Collection[int], progress: Progress) -> None:
        """Delete pixels of the chosen images by each native map and at random."""

        def delete(index: int, session: Session, part: Progress) -> None:
            names = _native(session)
            random = self.deletion.missing(index, deletion.baselines(names))
            self._delete(index, session, self.deletion.missing(index, names), random, part)

        self._each(chosen, delete, progress, "deletion by native maps")

    def shap(self, scored: Collection[int], deleted: Collection[int], progress: Progress) -> None:
        """Explain by SHAP: score those images, and delete pixels of these."""

        def explain(index: int, session: Session, part: Progress) -> None:
            names = tuple(name for name in session.map_names if name.startswith(SHAP))
            to_score = self.coherence.missing(index, names) if index in scored else ()
            to_delete = self.deletion.missing(index, names) if index in deleted else ()
            missing = tuple(dict.fromkeys((*to_score, *to_delete)))
            if not missing:
                return
            self._explained = index, self._attribute(index, session, missing, part.part(0, 0.8))
            self._score(index, session, to_score)
            self._delete(index, session, to_delete, (), part.part(0.8, 1))

        self._each({*scored, *deleted}, explain, progress, "SHAP")

    def _attribute(
        self, index: int, session: Session, names: tuple[str, ...], progress: Progress
    ) -> dict[str, SaliencyMap]:
        """Return SHAP's maps of one image, all from the same passes."""
        from engine.saliency.together import Explainer

        fold = self.run.folds[index]
        if self._explainer is None or self._explainer[0] != fold:
            settings = self.settings
            made = Explainer(
                session, settings.samples, seed=settings.seed, compared=self._compared(session)
            )
            self._explainer = fold, made
        record = self.run.dataset.records[index]
        image = self._files.read(record.path)
        found = self._targets(session, image, record.frame)
        targets = {name.removeprefix(SHAP): found[output_of(name)] for name in names}
        return self._explainer[1].attribute(image, record.frame, targets, progress)

    def _compared(self, session: Session) -> Tensor | None:
        """Return what SHAP compares with: images of the fold's training, where none are shipped.

        Black in their place explains a dark lesion by nothing: it differs from it by nothing.
        """
        if session.checkpoint.shap_background is not None:
            return None
        assert self._session is not None
        fold, preprocessing = self._session[0], session.checkpoint.metadata.preprocessing
        order = stratified(self.run.dataset.labels, self.settings.seed)
        inputs = []
        for index in [i for i in order if self.run.folds[i] != fold][:BACKGROUND_IMAGES]:
            record = self.run.dataset.records[index]
            image = self._files.read(record.path)
            inputs.append(to_model_input(image, record.frame, preprocessing).tensor)
        import torch

        return torch.from_numpy(np.stack(inputs))

    def strip(self, path: Path) -> None:
        """Write the example of deletion by the fused map, of the last class, where there is one."""
        name = self.run.config["architecture"]["fusion"]
        classes = self.run.dataset.classes
        row = strip.choose(state.read_csv(self.deletion.path), name, classes[-1], len(classes) - 1)
        if row is not None:
            index = int(row["index"])
            record = self.run.dataset.records[index]
            image = self._files.read(record.path)
            session, sigma = self._open(self.run.folds[index]), self.settings.sigma
            strip.write(path, row, session, image, record.frame, sigma, self._seed(index))

    def _seed(self, index: int) -> int:
        """Return an image's own seed, of its order of ties and its baseline."""
        return int(np.random.default_rng((self.settings.seed, index)).integers(2**31))

    def _each(
        self,
        chosen: Collection[int],
        work: Callable[[int, Session, Progress], None],
        progress: Progress,
        what: str,
    ) -> None:
        """Do ``work`` for the chosen records, fold by fold, those of one file in a row."""
        chosen = set(chosen)
        order = [i for fold in self.run.done for i in self.run.held_out(fold) if i in chosen]
        for done, index in enumerate(order):
            text = f"{what}, image {done + 1} of {len(order)}"
            progress.report(done / len(order), text)
            session = self._open(self.run.folds[index])
            start, stop = done / len(order), (done + 1) / len(order)
            work(index, session, _named(progress.part(start, stop), text))
        progress.report(1.0, what)

    def _open(self, fold: int) -> Session:
        if self._session is None or self._session[0] != fold:
            self._session = None  # frees the last one first
            settings = self.settings
            self._session = fold, self.run.session(fold, settings.device, settings.precision)
        return self._session[1]

    def _score(self, index: int, session: Session, names: tuple[str, ...]) -> None:
        if not names:
            return
        record = self.run.dataset.records[index]
        image = self._files.read(record.path)
        mask = lesion_mask(self._files, record, image.shape) if record.mask_paths else None
        if mask is None:
            mask = np.zeros(image.shape, bool)
        targets = self._targets(session, image, record.frame)
        maps: list[tuple[str, NDArray[np.float32], int | None]] = []
        for name in names:
            if name == coherence.RANDOM:
                forward = session.forward(image, record.frame)
                seed = (self.settings.seed, index)
                noise = coherence.random_map(session, forward, image.shape, seed)
                maps.append((name, noise, None))
            else:
                found = self._map(index, session, image, name, targets)
                maps.append((name, found.values, found.target))
        self.coherence.append(coherence.rows(self._about(index), maps, mask))

    def _delete(
        self,
        index: int,
        session: Session,
        names: tuple[str, ...],
        random: tuple[str, ...],
        progress: Progress,
    ) -> None:
        if not names and not random:
            return
        record = self.run.dataset.records[index]
        image = self._files.read(record.path)
        targets = self._targets(session, image, record.frame)
        maps = {}
        for name in names:
            found = self._map(index, session, image, name, targets)
            maps[name] = on_input(session, found)
        prepared = to_model_input(image, record.frame, session.checkpoint.metadata.preprocessing)
        self.deletion.append(
            deletion.rows(
                self._about(index),
                session,
                prepared,
                maps,
                random,
                targets,
                seed=self._seed(index),
                sigma=self.settings.sigma,
                batch=self.settings.batch,
                precision=self.settings.deletion_precision,
                progress=progress,
            )
        )

    def _map(
        self, index: int, session: Session, image: Image, name: str, targets: dict[str, int]
    ) -> SaliencyMap:
        if name.startswith(SHAP):
            assert self._explained[0] == index
            return self._explained[1][name]
        frame = self.run.dataset.records[index].frame
        return session.saliency(image, frame, name, targets[output_of(name)])

    def _targets(self, session: Session, image: Image, frame: int) -> dict[str, int]:
        """Return the class that each output predicts: the one that its maps explain."""
        branches = session.predict(image, frame).branches
        return {output: int(np.argmax(p)) for output, p in branches.items()}

    def _about(self, index: int) -> dict[str, Any]:
        return {**self.run.dataset.records[index].cells(index), "fold": self.run.folds[index]}


def _native(session: Session) -> tuple[str, ...]:
    return tuple(name for name in session.map_names if not name.startswith(SHAP))


def _mask_known(record: Record) -> bool:
    return bool(record.mask_paths) or record.known_empty


def _named(progress: Progress, text: str) -> Progress:
    """Return a progress that always says ``text``: an image's own steps are too quick to read."""
    named = progress.part(0, 1)
    return Progress(lambda fraction, _: named.report(fraction, text))
