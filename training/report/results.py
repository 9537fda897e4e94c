"""What a run's folder holds, read for a report."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidInputError
from training import aggregation, cv, state
from training.evaluate import __main__ as evaluation
from training.evaluate.run import read_config
from training.external import __main__ as external

Row = dict[str, str]

OUTPUTS = ("global", "local", "fusion")


@dataclass(frozen=True, eq=False)
class Results:
    """A run's predictions out of fold, and its evaluation where there is one.

    logits: (N, classes) by output. target, folds, groups: of the N images. summary: what
    ``training.evaluate`` summed up, and the rows that it did so from; None and empty where it
    has not been run.
    """

    name: str
    folder: Path
    config: dict[str, Any]
    logits: dict[str, NDArray[np.float64]]
    target: NDArray[np.int64]
    folds: NDArray[np.int64]
    groups: tuple[str, ...]
    summary: dict[str, Any] | None
    coherence: list[Row]
    deletion: list[Row]
    external: tuple[dict[str, Any], ...] = ()
    aggregation: dict[str, Any] | None = None
    """What ``training.aggregation`` found, where it has been run."""

    presence: dict[str, Any] | None = None
    """How well the gates tell whether there is a lesion, where images without one are known."""

    @property
    def dataset(self) -> str:
        """The data set's name."""
        return str(self.config["dataset"])

    @property
    def guidance(self) -> float:
        """The weight of lesion masks in training; 0 for none."""
        return float(self.config["guidance"] or 0)

    @property
    def masks(self) -> int | None:
        """How many masks guided the training: 0 without guidance, None for all there are."""
        given = self.config.get("masks")
        return 0 if not self.guidance else None if given is None else int(given)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return tuple(self.config["classes"])

    @property
    def fusion(self) -> str:
        """The fusion's name: gate, concat or product."""
        return str(self.config["architecture"]["fusion"])

    @property
    def strip(self) -> Path | None:
        """The blurred images that ``training.evaluate`` kept, if it did."""
        path = self.folder / evaluation.FOLDER / evaluation.STRIP
        return path if path.is_file() else None

    def over_all(self, part: str) -> list[dict[str, Any]]:
        """Return the summary rows ("coherence" or "deletion") over all images."""
        return [row for row in self.part(part) if row["subset"] == "all"]

    def part(self, part: str) -> list[dict[str, Any]]:
        """Return all summary rows of "coherence" or "deletion"."""
        return [] if self.summary is None else list(self.summary[part])


def load(folder: Path, name: str | None = None) -> Results:
    """Read a run; ``InvalidInputError`` where it has no predictions out of fold."""
    config = read_config(folder)
    path = folder / cv.PREDICTIONS
    if not path.is_file():
        raise InvalidInputError(
            f"{folder} has not finished its folds; finish it with training.cv --out {folder}."
        )
    classes = tuple(config["classes"])
    logits, target, folds = cv.read_predictions(path, classes)
    groups = tuple(row["group"] for row in state.read_csv(path))
    place = folder / evaluation.FOLDER
    summary = None
    scores: list[Row] = []
    deletions: list[Row] = []
    if (place / evaluation.SUMMARY).is_file():
        summary = json.loads((place / evaluation.SUMMARY).read_text("utf-8"))
        scores = state.read_csv(place / evaluation.COHERENCE)
        deletions = state.read_csv(place / evaluation.DELETION)
    return Results(
        name or folder.resolve().name,
        folder,
        config,
        logits,
        target,
        folds,
        groups,
        summary,
        scores,
        deletions,
        tuple(
            json.loads(found.read_text("utf-8"))
            for found in sorted((folder / external.FOLDER).glob(f"*/{external.SUMMARY}"))
        ),
        json.loads((place / aggregation.FILE).read_text("utf-8"))
        if (place / aggregation.FILE).is_file()
        else None,
        json.loads((folder / cv.METRICS).read_text("utf-8")).get("presence")
        if (folder / cv.METRICS).is_file()
        else None,
    )
