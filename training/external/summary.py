"""Figures of an external test, with intervals by patient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.classification import (
    FIGURES,
    calibration_interval,
    expected_calibration_error,
    intervals,
    mean_interval,
    measure,
)
from engine.model.metadata import BRANCHES

Row = dict[str, Any]

LEAST = 20
"""A device with fewer images than this of a class gets no line of its own."""


def performance(rows: Sequence[Row], classes: tuple[str, ...]) -> list[Row]:
    """Return a line a model and output: the figures, each with its interval.

    rows: of predictions.csv. Sensitivity, specificity, F1 and AUC take the last of two classes as
    the positive one; of more classes they are weighted by support.
    """
    return [
        {"model": model, "output": output, **figures(_of(rows, model), output, classes)}
        for model in models(rows)
        for output in BRANCHES
    ]


def by_device(rows: Sequence[Row], classes: tuple[str, ...]) -> list[Row]:
    """Return a line a model and device, of the fused output."""
    found = []
    for device in dict.fromkeys(row["device"] for row in rows):
        for model in models(rows):
            part = [row for row in _of(rows, model) if row["device"] == device]
            counts = [sum(row["label"] == c for row in part) for c in classes]
            if min(counts) >= LEAST:
                line = {"model": model, "device": device or "not said"}
                found.append(line | figures(part, "fusion", classes))
    return found


def figures(rows: Sequence[Row], output: str, classes: tuple[str, ...]) -> Row:
    """Return the figures of one output of one model."""
    probabilities = np.array(
        [[float(row[f"{output}_probability_{c}"]) for c in classes] for row in rows]
    )
    target = np.array([classes.index(row["label"]) for row in rows])
    groups = [row["group"] for row in rows]
    logits = np.log(np.maximum(probabilities, 1e-12))
    values = measure(logits, target, classes)
    sure = intervals(logits, target, groups, classes)
    two = len(classes) == 2
    line: Row = {"images": len(rows), "groups": len(set(groups))}
    for figure in FIGURES:
        key = f"{classes[-1]}/{figure}" if two else f"weighted/{figure}"
        line |= _with(figure, values[figure], sure["accuracy" if figure == "accuracy" else key])
    ece = expected_calibration_error(probabilities, target)
    return line | _with("ece", ece, calibration_interval(probabilities, target, groups))


def coherence(rows: Sequence[Row]) -> list[Row]:
    """Return a line a model and map: RMA and RRA beside chance and a centred Gaussian."""
    found = []
    for model in models(rows):
        for name in dict.fromkeys(row["map"] for row in rows):
            part = [row for row in _of(rows, model) if row["map"] == name]
            scored = [row for row in part if row["rma"] not in (None, "")]
            if not scored:
                continue
            groups = [row["group"] for row in scored]
            line: Row = {
                "model": model,
                "map": name,
                "images": len(scored),
                "without_score": len(part) - len(scored),
            }
            for figure in ("rma", "rra"):
                values = _values(scored, figure)
                line |= _with(figure, float(values.mean()), mean_interval(values, groups))
            for figure in ("chance", "centre_rma", "centre_rra"):
                line[figure] = float(_values(scored, figure).mean())
            found.append(line)
    return found


def familiarity(rows: Sequence[Row]) -> list[Row]:
    """Return a line a model that can say it: how many images are unlike its training images."""
    found = []
    for model in models(rows):
        part = [row for row in _of(rows, model) if row["distance"] not in (None, "")]
        if not part:
            continue
        ratios = _values(part, "distance") / _values(part, "limit")
        unlike = (ratios > 1).astype(np.float64)
        line: Row = {
            "model": model,
            "images": len(part),
            "median_of_limit": float(np.median(ratios)),
        }
        groups = [row["group"] for row in part]
        found.append(line | _with("unlike", float(unlike.mean()), mean_interval(unlike, groups)))
    return found


def models(rows: Sequence[Row]) -> list[str]:
    """Return the names of the models in the order they come in."""
    return list(dict.fromkeys(row["model"] for row in rows))


def _of(rows: Sequence[Row], model: str) -> list[Row]:
    return [row for row in rows if row["model"] == model]


def _values(rows: Sequence[Row], column: str) -> NDArray[np.float64]:
    return np.array([float(row[column]) for row in rows])


def _with(figure: str, value: float | None, sure: tuple[float, float] | None) -> Row:
    low, high = sure if sure is not None else (None, None)
    return {figure: value, f"{figure}_low": low, f"{figure}_high": high}
