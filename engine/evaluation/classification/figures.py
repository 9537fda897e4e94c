"""Accuracy, sensitivity, specificity, F1, AUC of one output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from engine.evaluation.classification.calibration import (
    expected_calibration_error,
    negative_log_likelihood,
)
from engine.evaluation.classification.roc import area

FIGURES = ("accuracy", "sensitivity", "specificity", "f1", "auc")
"""What the paper's Table 4 has of each output."""


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
            "auc": area(is_, probabilities[:, index]),
        }
    weighted: dict[str, float | None] = {"accuracy": accuracy}
    for figure in FIGURES[1:]:
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
        **{figure: head[figure] for figure in FIGURES[1:]},
        "nll": negative_log_likelihood(logits, target),
        "ece": expected_calibration_error(probabilities, target),
        "weighted": weighted,
        "per_class": per_class,
    }


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None
