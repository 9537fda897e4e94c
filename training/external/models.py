"""The models under test: a run's folds and what they say together, or one fitted checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.images.image import Image
from engine.model.metadata import BRANCHES
from engine.session import Session
from training import cv
from training.evaluate.run import read_config, trained_folds

ENSEMBLE = "ensemble"
"""The folds' mean: of calibrated probabilities, and of maps that each sum to one."""

SHAP = "shap-"


@dataclass(frozen=True)
class Said:
    """What one model says of one image.

    probabilities: calibrated, by output. maps: relevance (rows, cols) by name, all native.
    distance, limit: of familiarity, None where the checkpoint does not describe its images.
    """

    probabilities: dict[str, NDArray[np.float64]]
    maps: dict[str, NDArray[np.float32]]
    distance: float | None = None
    limit: float | None = None


def paths_of(source: Path) -> dict[str, Path]:
    """Return the checkpoints by name: "fold 0" ... of a run, "model" of a checkpoint.

    Raises ``InvalidInputError`` where there is neither.
    """
    if source.is_file():
        return {"model": source}
    done = trained_folds(source, read_config(source))
    return {f"fold {k}": cv.folder_of(source, k) / cv.MODEL for k in done}


def ask(session: Session, image: Image, frame: int) -> Said:
    """Return what one model says."""
    prediction = session.predict(image, frame)
    near = session.familiarity(image, frame)
    names = [name for name in session.map_names if not name.startswith(SHAP)]
    return Said(
        {b: np.array(prediction.branches[b]) for b in BRANCHES},
        {name: session.saliency(image, frame, name, 0).values for name in names},
        None if near is None else near.distance,
        None if near is None else near.limit,
    )


def together(said: list[Said]) -> Said:
    """Return the mean of several models' answers and maps."""
    maps = {}
    for name in said[0].maps:
        shares = []
        for one in said:
            relevance = np.maximum(one.maps[name], 0).astype(np.float64)
            total = relevance.sum()
            shares.append(relevance / total if total > 0 else relevance)
        maps[name] = np.mean(shares, axis=0).astype(np.float32)
    return Said(
        {b: np.mean([one.probabilities[b] for one in said], axis=0) for b in BRANCHES}, maps
    )
