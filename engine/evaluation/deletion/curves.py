"""MoRF and LeRF curves of one image: all maps and all outputs of the model in the same passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.evaluation.deletion.perturb import BLUR_SIGMA, blurred, counts, order, perturbed
from engine.progress import Progress

STEPS = 10
"""Each step replaces a further 1 / STEPS of the image's pixels."""

BATCH = 16
"""Inputs classified at once by default."""

RANDOM = "random"
"""The name under which the baseline goes: a map of noise."""

Classify = Callable[[NDArray[np.float32]], Mapping[str, NDArray[np.float64]]]
"""Model inputs (N, 3, H, W) to probabilities (N, classes) by output: a session's do."""


@dataclass(frozen=True, eq=False)
class Curves:
    """Probability of the explained class at 0, 1 / steps, ... 1 of the pixels replaced.

    morf, lerf: (steps + 1,), equal at both ends.
    """

    morf: NDArray[np.float64]
    lerf: NDArray[np.float64]

    @property
    def score(self) -> float:
        """DS: the mean over the steps (without the untouched image) of LeRF - MoRF.

        From -1 to 1; 0 for a map that ranks as well as chance.
        """
        return float((self.lerf - self.morf)[1:].mean())


@dataclass(frozen=True, eq=False)
class Trace:
    """Every output's probabilities along both orders: by output, (steps + 1, classes)."""

    morf: Mapping[str, NDArray[np.float64]]
    lerf: Mapping[str, NDArray[np.float64]]

    def curves(self, output: str, target: int) -> Curves:
        """Return the curves of one output and class."""
        return Curves(self.morf[output][:, target], self.lerf[output][:, target])


def random_relevance(shape: tuple[int, int], seed: int) -> NDArray[np.float64]:
    """Return the baseline's map: noise, so that pixels go in random order."""
    return np.random.default_rng(seed).random(shape)


def delete(
    classify: Classify,
    tensor: NDArray[np.float32],
    valid: NDArray[np.bool_],
    maps: Mapping[str, ArrayLike],
    *,
    seed: int,
    steps: int = STEPS,
    sigma: float = BLUR_SIGMA,
    batch: int = BATCH,
    progress: Progress | None = None,
) -> dict[str, Trace]:
    """Return the traces of all maps of one image, by name.

    tensor: the model input (3, H, W). valid: (H, W), where it is image; padding is left alone.
    maps: relevance (H, W) by name. seed: of the order of ties. The untouched and the wholly
    blurred image are classified once for all maps. Cancelled between batches.

    Raises ``InvalidInputError`` for a map of another shape, or one that is not finite.
    """
    replacement = blurred(tensor, valid, sigma)
    orders = {name: order(values, valid, seed) for name, values in maps.items()}
    replaced = counts(int(valid.sum()), steps)
    jobs = [
        (name, least, step) for name in maps for least in (False, True) for step in range(1, steps)
    ]

    def inputs() -> Iterator[NDArray[np.float32]]:
        yield tensor
        yield perturbed(tensor, replacement, np.flatnonzero(valid))
        for name, least, step in jobs:
            ranked = orders[name][::-1] if least else orders[name]
            yield perturbed(tensor, replacement, ranked[: replaced[step]])

    answers = _classified(classify, inputs(), len(jobs) + 2, batch, progress)
    traces = {}
    for place, name in enumerate(maps):
        start = 2 + place * 2 * (steps - 1)
        both = []
        for first in (start, start + steps - 1):
            both.append(
                {
                    output: np.concatenate([rows[:1], rows[first : first + steps - 1], rows[1:2]])
                    for output, rows in answers.items()
                }
            )
        traces[name] = Trace(*both)
    return traces


def _classified(
    classify: Classify,
    inputs: Iterator[NDArray[np.float32]],
    total: int,
    batch: int,
    progress: Progress | None,
) -> dict[str, NDArray[np.float64]]:
    """Classify ``inputs`` in batches, made as they are needed."""
    found: dict[str, list[NDArray[np.float64]]] = {}
    for start in range(0, total, batch):
        if progress is not None:
            progress.report(start / total, f"deleting pixels, pass {start} of {total}")
        size = min(batch, total - start)
        for output, rows in classify(np.stack([next(inputs) for _ in range(size)])).items():
            found.setdefault(output, []).append(np.asarray(rows, np.float64))
    if progress is not None:
        progress.report(1.0)
    return {output: np.concatenate(rows) for output, rows in found.items()}
