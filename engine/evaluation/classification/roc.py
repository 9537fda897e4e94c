"""Receiver operating characteristic: one curve, the area under it, a band over folds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

GRID = np.linspace(0, 1, 101)
"""False-positive rates at which curves are averaged."""


class Band(NamedTuple):
    """Curves averaged over folds at the same false-positive rates, each (GRID.size,)."""

    false_positives: NDArray[np.float64]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]


def area(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> float | None:
    """Return the AUC, or None where one of the two classes has no image."""
    if positive.all() or not positive.any():
        return None
    return float(roc_auc_score(positive, score))


def roc(
    positive: NDArray[np.bool_], score: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return false- and true-positive rates from (0, 0) to (1, 1), or None as ``area`` does."""
    if positive.all() or not positive.any():
        return None
    false_positives, true_positives, _ = roc_curve(positive, score)
    return false_positives, true_positives


def band(
    curves: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> Band:
    """Average curves vertically (Fawcett, Pattern Recognition Letters 27:861-874, 2006).

    The deviation is the sample's (n - 1); zero for one curve. Raises ``ValueError`` for none.
    """
    if not curves:
        raise ValueError("there is no curve to average")
    # Where a curve rises vertically np.interp takes its top; at 0 that is not where curves begin.
    heights = np.stack([np.interp(GRID, x, y) for x, y in curves])
    heights[:, 0] = 0.0
    deviation = heights.std(axis=0, ddof=1) if len(curves) > 1 else np.zeros_like(GRID)
    return Band(GRID, heights.mean(axis=0), deviation)
