"""Bootstrap intervals of the figures: patients are drawn, not images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from engine.evaluation.classification.calibration import ECE_BINS

RESAMPLES = 2000
LEVEL = 0.95

LEAST_DEFINED = 0.95
"""A figure that is undefined in more of the resamples than the rest has no interval."""


class Interval(NamedTuple):
    """The central part of a figure's bootstrap distribution (percentile method)."""

    low: float
    high: float


def resampled_weights(groups: Sequence[object], resamples: int, seed: int) -> NDArray[np.float64]:
    """Return (resamples, N): how often each image is drawn when its group is, with replacement."""
    names, place = np.unique(np.asarray(groups), return_inverse=True)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
    weights: NDArray[np.float64] = drawn[:, place].astype(np.float64)
    return weights


def interval(samples: NDArray[np.float64], level: float = LEVEL) -> Interval | None:
    """Return the central ``level`` of samples (B,), NaN where undefined; None for too many."""
    known = samples[np.isfinite(samples)]
    if known.size < LEAST_DEFINED * samples.size or known.size == 0:
        return None
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def mean_interval(
    values: NDArray[np.float64],
    groups: Sequence[object],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval | None:
    """Return the interval of the mean of ``values`` (N,), drawing groups."""
    weights = resampled_weights(groups, resamples, seed)
    with np.errstate(invalid="ignore"):
        return interval(weights @ values / weights.sum(axis=1))


def intervals(
    logits: NDArray[np.float64],
    target: NDArray[np.int64],
    groups: Sequence[object],
    classes: Sequence[str],
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> dict[str, Interval | None]:
    """Return intervals of what ``measure`` gives of logits (N, C) against class indices (N,).

    groups: of N images, those that are drawn together (a patient's, near-identical ones). Keys:
    "accuracy"; "sensitivity", "specificity", "f1", "auc" weighted by support as "weighted/..."
    and of each class as "CLASS/...".
    """
    weights = resampled_weights(groups, resamples, seed)
    probabilities = softmax(np.asarray(logits, np.float64), axis=1)
    chosen = np.asarray(logits).argmax(1)
    total = weights.sum(axis=1)
    samples = {"accuracy": weights @ (chosen == target) / total}
    weighted: dict[str, NDArray[np.float64]] = {}
    with np.errstate(invalid="ignore", divide="ignore"):
        for index, name in enumerate(classes):
            is_, said = target == index, chosen == index
            support = weights @ is_
            hits = weights @ (is_ & said)
            figures = {
                "sensitivity": hits / support,
                "specificity": weights @ (~is_ & ~said) / (weights @ ~is_),
                "f1": 2 * hits / (support + weights @ said),
                "auc": weighted_areas(is_, probabilities[:, index], weights),
            }
            for figure, values in figures.items():
                samples[f"{name}/{figure}"] = values
                # A class that was not drawn weighs nothing, whatever its figure would be.
                part = np.where(support > 0, values, 0.0) * support / total
                weighted[figure] = weighted.get(figure, 0.0) + part
    samples |= {f"weighted/{figure}": values for figure, values in weighted.items()}
    return {name: interval(values, level) for name, values in samples.items()}


def calibration_interval(
    probabilities: NDArray[np.float64],
    target: NDArray[np.int64],
    groups: Sequence[object],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval | None:
    """Return the interval of the expected calibration error of (N, C), drawing groups.

    It is skewed: an ECE is never negative, and resampling adds noise to each bin.
    """
    weights = resampled_weights(groups, resamples, seed)
    confidence = probabilities.max(1)
    surplus = (probabilities.argmax(1) == target) - confidence
    place = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    bins = np.eye(ECE_BINS)[place]
    gaps = np.abs((weights * surplus) @ bins).sum(axis=1)
    return interval(gaps / weights.sum(axis=1))


class Difference(NamedTuple):
    """A difference of two means or areas on the same images, and its interval."""

    value: float
    low: float
    high: float


def mean_difference(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    groups: Sequence[object],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Difference | None:
    """Return the mean of ``second`` - ``first``, paired by image (N,), drawing groups."""
    values = np.asarray(second, np.float64) - np.asarray(first, np.float64)
    if not values.size:
        return None
    found = mean_interval(values, groups, resamples, seed)
    return None if found is None else Difference(float(values.mean()), *found)


def area_difference(
    positive: NDArray[np.bool_],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    groups: Sequence[object],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Difference | None:
    """Return AUC(second) - AUC(first) of two scores (N,) of the same images, drawing groups."""
    weights = resampled_weights(groups, resamples, seed)
    samples = weighted_areas(positive, second, weights) - weighted_areas(positive, first, weights)
    found = interval(samples)
    whole = np.ones((1, len(positive)))
    value = weighted_areas(positive, second, whole) - weighted_areas(positive, first, whole)
    return None if found is None else Difference(float(value[0]), *found)


def weighted_areas(
    positive: NDArray[np.bool_], score: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the AUC under each row of weights (B, N); NaN where a class weighs nothing.

    The share of pairs in the right order, a tie counting half (Mann and Whitney).
    """
    order = np.argsort(score, kind="stable")
    ordered = score[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    drawn = weights[:, order]
    positives = np.add.reduceat(drawn * positive[order], starts, axis=1)
    negatives = np.add.reduceat(drawn * ~positive[order], starts, axis=1)
    below = np.cumsum(negatives, axis=1) - negatives / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        result: NDArray[np.float64] = (positives * below).sum(axis=1) / (
            positives.sum(axis=1) * negatives.sum(axis=1)
        )
    return result
