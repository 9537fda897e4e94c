"""Deletion of an image's pixels by each of its maps, as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from engine.evaluation.deletion import RANDOM, STEPS, Trace, delete, output_of, random_relevance
from engine.images.preprocess import ModelInput
from engine.progress import Progress
from engine.session import Session

RAW = "uncalibrated "
"""Before an output's name: its probabilities before the temperature."""

PERCENT = tuple(round(100 * k / STEPS) for k in range(STEPS + 1))

COLUMNS = (
    *("index", "image", "frame", "group", "fold", "label", "map", "output", "target"),
    *("ds", "ds_uncalibrated"),
    *(f"morf_{p}" for p in PERCENT),
    *(f"lerf_{p}" for p in PERCENT),
)
"""The curves are the calibrated probability of the class ``target`` at ``output``."""


def baselines(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the random order's rows: one for each output that maps explain."""
    return tuple(f"{RANDOM}-{o}" for o in dict.fromkeys(map(output_of, names)))


def rows(
    about: dict[str, Any],
    session: Session,
    prepared: ModelInput,
    maps: Mapping[str, NDArray[np.float32]],
    random: tuple[str, ...],
    targets: Mapping[str, int],
    *,
    seed: int,
    sigma: float,
    batch: int,
    precision: str | None = None,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Delete by ``maps`` (on the model's input) and, where ``random`` names rows, at random.

    targets: the explained class by output. precision: of the passes, None for the session's.
    """
    given: dict[str, NDArray[Any]] = dict(maps)
    if random:
        given[RANDOM] = random_relevance(prepared.valid.shape, seed)
    temperature = session.checkpoint.metadata.temperature

    def classify(inputs: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
        calibrated = session.probabilities(inputs, precision)
        # A softmax's logarithm is its logits, but for a constant that the softmax drops.
        raw = {
            RAW + output: softmax(np.log(np.maximum(p, 1e-300)) * temperature[output], axis=1)
            for output, p in calibrated.items()
        }
        return {**calibrated, **raw}

    traces = delete(
        classify,
        prepared.tensor,
        prepared.valid,
        given,
        seed=seed,
        sigma=sigma,
        batch=batch,
        progress=progress,
    )
    found = [_row(about, name, output_of(name), traces[name], targets) for name in maps]
    return found + [
        _row(about, name, name.removeprefix(f"{RANDOM}-"), traces[RANDOM], targets)
        for name in random
    ]


def _row(
    about: dict[str, Any], name: str, output: str, trace: Trace, targets: Mapping[str, int]
) -> dict[str, Any]:
    curves = trace.curves(output, targets[output])
    return {
        **about,
        "map": name,
        "output": output,
        "target": targets[output],
        "ds": curves.score,
        "ds_uncalibrated": trace.curves(RAW + output, targets[output]).score,
        **{f"morf_{p}": float(q) for p, q in zip(PERCENT, curves.morf, strict=True)},
        **{f"lerf_{p}": float(q) for p, q in zip(PERCENT, curves.lerf, strict=True)},
    }
