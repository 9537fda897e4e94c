"""A run of ``training.cv``, opened again: its data, its folds, and a session for each model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import InvalidInputError
from engine.session import Session
from training import cv, datasets, state
from training.datasets import Dataset


@dataclass(frozen=True)
class Run:
    """folds: of each record, the fold that held it out. done: the folds that are trained."""

    folder: Path
    config: dict[str, Any]
    dataset: Dataset
    folds: tuple[int, ...]
    done: tuple[int, ...]

    def model(self, fold: int) -> Path:
        """The checkpoint of a fold."""
        return cv.folder_of(self.folder, fold) / cv.MODEL

    def session(self, fold: int, device: str, precision: str) -> Session:
        """Open the model of a fold."""
        return Session.open(self.model(fold), device, precision)

    def held_out(self, fold: int) -> list[int]:
        """Return the records of a fold, those of one file in a row."""
        found = [i for i, k in enumerate(self.folds) if k == fold]
        records = self.dataset.records
        return sorted(found, key=lambda i: (str(records[i].path), records[i].frame))


def read_config(folder: Path) -> dict[str, Any]:
    """Return what a run was begun with; ``InvalidInputError`` where there is no run."""
    return state.read_json(
        folder / cv.CONFIG, f"{folder} holds no run; give the folder that training.cv --out wrote."
    )


def trained_folds(folder: Path, config: dict[str, Any]) -> tuple[int, ...]:
    """Return a run's folds that are done; ``InvalidInputError`` where none is."""
    done = tuple(k for k in range(int(config["folds"])) if cv.is_done(folder, k))
    if not done:
        raise InvalidInputError(f"No fold of {folder} is trained yet; go on with training.cv.")
    return done


def open_run(folder: Path, data: Path) -> Run:
    """Open a run and load its data set from ``data``.

    Raises ``InvalidInputError`` where the data are not those of the run, or no fold is trained.
    """
    config = read_config(folder)
    dataset = datasets.load(config["dataset"], data, tuple(config["classes"]))
    table = state.read_csv(folder / cv.FOLDS)
    before = [(row["image"], row["label"], row["group"]) for row in table]
    if before != [(r.name, r.label, r.group) for r in dataset.records]:
        raise InvalidInputError(
            f"The images at {data} are not those that {folder} was trained on; "
            "give the same folder with --data."
        )
    folds = tuple(int(row["fold"]) for row in table)
    return Run(folder, config, dataset, folds, trained_folds(folder, config))


def stratified(labels: list[int], seed: int) -> list[int]:
    """Return all indices in an order whose every beginning holds the classes in proportion.

    Subsets are beginnings of it, so that a larger one goes on from a smaller one.
    """
    rng = np.random.default_rng(seed)
    places: list[tuple[float, int]] = []
    for c in sorted(set(labels)):
        members = rng.permutation(np.flatnonzero(np.asarray(labels) == c))
        places += [((n + 0.5) / len(members), int(i)) for n, i in enumerate(members)]
    return [i for _, i in sorted(places)]
