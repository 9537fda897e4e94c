"""Whether a probability of 0.8 is right eight times in ten: ECE, reliability, temperature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

ECE_BINS = 10
"""Equal-width confidence bins of the expected calibration error."""

TEMPERATURES = (0.05, 20.0)
"""Bounds of the temperature's search."""


class Bin(NamedTuple):
    """The predictions whose confidence lies in one of the ECE's bins: [low, high)."""

    low: float
    high: float
    images: int
    confidence: float
    accuracy: float


def reliability(
    probabilities: NDArray[np.float64], target: NDArray[np.int64], bins: int = ECE_BINS
) -> tuple[Bin, ...]:
    """Return the bins that hold any of the (N, C) probabilities, in ascending order.

    confidence, accuracy: their means in the bin. The last bin includes 1.
    """
    confidence = probabilities.max(1)
    right = probabilities.argmax(1) == target
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    found = []
    for number in range(bins):
        inside = place == number
        if inside.any():
            found.append(
                Bin(
                    number / bins,
                    (number + 1) / bins,
                    int(inside.sum()),
                    float(confidence[inside].mean()),
                    float(right[inside].mean()),
                )
            )
    return tuple(found)


def expected_calibration_error(
    probabilities: NDArray[np.float64], target: NDArray[np.int64]
) -> float:
    """Return the ECE of (N, C) probabilities: bins' |accuracy - confidence|, weighted by size.

    Guo et al., "On calibration of modern neural networks", ICML 2017, equation (3).
    """
    bins = reliability(probabilities, target)
    return sum(b.images * abs(b.accuracy - b.confidence) for b in bins) / len(target)


def negative_log_likelihood(logits: NDArray[np.float64], target: NDArray[np.int64]) -> float:
    """Return the mean cross-entropy of (N, C) logits."""
    return float(-log_softmax(logits, axis=1)[np.arange(len(target)), target].mean())


def fit_temperature(logits: NDArray[np.float64], target: NDArray[np.int64]) -> float:
    """Return the T > 0 that minimises the cross-entropy of logits / T (Guo et al. 2017)."""
    found = minimize_scalar(
        lambda log: negative_log_likelihood(logits / np.exp(log), target),
        bounds=tuple(np.log(TEMPERATURES)),
        method="bounded",
    )
    return float(np.exp(found.x))


def cross_fitted(
    logits: NDArray[np.float64], target: NDArray[np.int64], groups: Sequence[object]
) -> NDArray[np.float64]:
    """Divide each group's (fold's) logits (N, C) by a temperature fitted on the others'.

    With one group it is fitted on that one.
    """
    names = np.asarray(groups)
    scaled = np.array(logits, np.float64)
    for name in set(names.tolist()):
        inside = names == name
        rest = ~inside if not inside.all() else inside
        scaled[inside] /= fit_temperature(logits[rest], target[rest])
    return scaled


def calibrated(
    logits: NDArray[np.float64], target: NDArray[np.int64], groups: Sequence[object]
) -> dict[str, float]:
    """Return the temperature of all predictions, and the ECE before and after.

    ``ece_after`` is honest: each group's (fold's) predictions are divided by a temperature that
    was fitted on the others'. With one group it is fitted and measured on the same.
    """
    logits = np.asarray(logits, np.float64)
    scaled = cross_fitted(logits, target, groups)
    return {
        "temperature": fit_temperature(logits, target),
        "ece_before": expected_calibration_error(softmax(logits, axis=1), target),
        "ece_after": expected_calibration_error(softmax(scaled, axis=1), target),
        "nll_before": negative_log_likelihood(logits, target),
        "nll_after": negative_log_likelihood(scaled, target),
    }
