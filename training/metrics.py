"""Predictive performance: accuracy, sensitivity, specificity, F1, AUC, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.metrics import roc_auc_score

ECE_BINS = 10
"""Equal-width confidence bins of the expected calibration error."""

TEMPERATURES = (0.05, 20.0)
"""Bounds of the temperature's search."""


def expected_calibration_error(
    probabilities: NDArray[np.float64], target: NDArray[np.int64]
) -> float:
    """Return the ECE of (N, C) probabilities: bins' |accuracy - confidence|, weighted by size.

    Guo et al., "On calibration of modern neural networks", ICML 2017, equation (3).
    """
    confidence = probabilities.max(1)
    right = probabilities.argmax(1) == target
    bins = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    total = 0.0
    for number in range(ECE_BINS):
        inside = bins == number
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return float(total)


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


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None


def _auc(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> float | None:
    if positive.all() or not positive.any():
        return None
    return float(roc_auc_score(positive, score))


def measure(
    logits: NDArray[np.float64], target: NDArray[np.int64], classes: Sequence[str]
) -> dict[str, Any]:
    """Return every figure of one output: logits (N, C) against class indices (N,).

    ``per_class`` takes each class as positive against the rest; ``weighted`` is their mean
    weighted by support, in which sensitivity equals accuracy (the paper's Table 4). With two
    classes ``accuracy``, ``sensitivity``, ``specificity``, ``f1`` and ``auc`` at the top take the
    last class as positive; with more, they are the weighted ones. None: not defined on these
    data (a class without images).
    """
    logits = np.asarray(logits, np.float64)
    probabilities = softmax(logits, axis=1)
    chosen = logits.argmax(1)
    accuracy = float((chosen == target).mean())
    per_class: dict[str, dict[str, Any]] = {}
    for index, name in enumerate(classes):
        is_, said = target == index, chosen == index
        hits = int((is_ & said).sum())
        per_class[name] = {
            "support": int(is_.sum()),
            "sensitivity": _ratio(hits, is_.sum()),
            "specificity": _ratio((~is_ & ~said).sum(), (~is_).sum()),
            "precision": _ratio(hits, said.sum()),
            "f1": _ratio(2 * hits, is_.sum() + said.sum()),
            "auc": _auc(is_, probabilities[:, index]),
        }
    weighted: dict[str, float | None] = {"accuracy": accuracy}
    for figure in ("sensitivity", "specificity", "f1", "auc"):
        pairs = [(c["support"], c[figure]) for c in per_class.values() if c["support"]]
        weighted[figure] = (
            None
            if any(value is None for _, value in pairs)
            else float(sum(s * v for s, v in pairs) / len(target))
        )
    head = per_class[classes[-1]] if len(classes) == 2 else weighted
    return {
        "count": len(target),
        "accuracy": accuracy,
        **{figure: head[figure] for figure in ("sensitivity", "specificity", "f1", "auc")},
        "nll": negative_log_likelihood(logits, target),
        "ece": expected_calibration_error(probabilities, target),
        "weighted": weighted,
        "per_class": per_class,
    }


def calibrated(
    logits: NDArray[np.float64], target: NDArray[np.int64], groups: Sequence[object]
) -> dict[str, float]:
    """Return the temperature of all predictions, and the ECE before and after.

    ``ece_after`` is honest: each group's (fold's) predictions are divided by a temperature that
    was fitted on the others'. With one group it is fitted and measured on the same.
    """
    logits = np.asarray(logits, np.float64)
    temperature = fit_temperature(logits, target)
    scaled = logits / temperature
    names = np.asarray(groups)
    if len(set(names.tolist())) > 1:
        for name in set(names.tolist()):
            inside = names == name
            scaled[inside] = logits[inside] / fit_temperature(logits[~inside], target[~inside])
    return {
        "temperature": temperature,
        "ece_before": expected_calibration_error(softmax(logits, axis=1), target),
        "ece_after": expected_calibration_error(softmax(scaled, axis=1), target),
        "nll_before": negative_log_likelihood(logits, target),
        "nll_after": negative_log_likelihood(scaled, target),
    }
