"""Describe a model's training images by their features, and set the limit on images held out.

The limit comes from the cross-validation: each fold's network describes its own training images,
and the images of the fold's test part, which it has not seen, are measured against them. So every
image has one distance, out of fold. Distances are in standard deviations and comparable between
networks, whose features are not.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from engine.errors import InvalidInputError
from engine.evaluation.familiarity import Limit, Reference, describe, limit
from engine.model import checkpoint
from engine.model.network import FusionNetwork, Outputs
from engine.progress import Progress
from training import state
from training.asking import EVALUATION_BATCH
from training.folds import Fold
from training.samples import Samples

TABLE = "familiarity.csv"
"""In a cross-validation's folder: every image's distance, out of fold."""


@torch.no_grad()
def features(
    network: FusionNetwork,
    samples: Samples,
    indices: NDArray[np.int64],
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Return the pooled features of images, in float32 on the samples' device: (n, D)."""
    network.eval()
    parts = []
    for start in range(0, len(indices), EVALUATION_BATCH):
        if progress is not None:
            progress.report(start / len(indices), "features")
        here = torch.from_numpy(np.asarray(indices[start : start + EVALUATION_BATCH]))
        images = samples.pixels.normalise(samples.images(here.to(samples.device)))
        outputs: Outputs = network(images.contiguous(memory_format=torch.channels_last))
        parts.append(outputs.pooled.float().cpu())
    return torch.cat(parts).numpy()


def of_training_images(
    network: FusionNetwork, samples: Samples, indices: NDArray[np.int64]
) -> Reference:
    """Return what a checkpoint keeps of its training images."""
    return describe(features(network, samples, indices))


def out_of_fold(
    models: list[Path],
    split: tuple[Fold, ...],
    samples: Samples,
    table: Path,
    name: str,
    progress: Progress | None = None,
) -> Limit:
    """Return the limit, from each fold's model and its test images; write the table.

    models: the folds' checkpoints. name: of the data set, for the limit's source. Where the table
    is there, no network is run.
    """
    fold_of = {int(i): number for number, fold in enumerate(split) for i in fold.test}
    distances = _read(table, fold_of)
    if distances is None:
        distances = {}
        for number, (path, fold) in enumerate(zip(models, split, strict=True)):
            part = None
            if progress is not None:
                part = progress.part(number / len(split), (number + 1) / len(split))
            network = checkpoint.load(path).network().to(samples.device)
            network.to(memory_format=torch.channels_last)
            both = np.concatenate([fold.train, fold.test])
            values = features(network, samples, both, part)
            known = describe(values[: len(fold.train)])
            measured = known.distance(values[len(fold.train) :])
            distances |= dict(zip(fold.test.tolist(), measured.tolist(), strict=True))
        lines = [f"{i},{fold_of[i]},{distances[i]!r}\n" for i in sorted(distances)]
        state.write_text(table, "index,fold,distance\n" + "".join(lines))
    return limit(
        [distances[i] for i in sorted(distances)],
        f"out of fold, {len(split)} folds of {name}; each fold's own network and training images",
    )


def _read(table: Path, fold_of: dict[int, int]) -> dict[int, float] | None:
    """Return the distances of a table that is there; ``InvalidInputError`` for another's."""
    if not table.is_file():
        return None
    try:
        rows = [
            (int(row["index"]), int(row["fold"]), float(row["distance"]))
            for row in state.read_csv(table)
        ]
    except (ValueError, KeyError, TypeError):
        rows = []
    if {i: fold for i, fold, _ in rows} != fold_of:
        raise InvalidInputError(
            f"{table} is not of this cross-validation's folds; delete it to have it made again."
        )
    return {i: distance for i, _, distance in rows}
