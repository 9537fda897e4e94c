"""Splits: K folds and an inner validation part, stratified, and never through a group."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from engine.errors import InvalidInputError

VALIDATION_PART = 6
"""One in this many of a fold's training images watches for overfitting (early stopping)."""


@dataclass(frozen=True)
class Fold:
    """Indices into a data set's records, ascending; no group is in two of the three."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def folds(labels: Sequence[int], groups: Sequence[str], count: int, seed: int) -> tuple[Fold, ...]:
    """Return ``count`` folds; every record is tested in exactly one.

    Each fold's training images give one in VALIDATION_PART of theirs to validation, again
    stratified and grouped. ``InvalidInputError`` where there are too few groups for that.
    """
    target, group = np.asarray(labels), np.asarray(groups)
    if count < 2:
        raise InvalidInputError(f"{count} folds cannot be made; give --folds 2 or more.")
    fewest = min(len(set(group[target == c].tolist())) for c in set(target.tolist()))
    if fewest < count + 1:
        raise InvalidInputError(
            f"The smallest class lies in {fewest} patients or groups of images, too few for "
            f"{count} folds with a validation part each; give fewer --folds or more images."
        )
    outer = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # Told when a class has fewer records than folds; groups are what counts, checked above.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        return tuple(
            _with_validation(target, group, rest, test, seed + 1000 + number)
            for number, (rest, test) in enumerate(outer.split(target, target, group))
        )


def _with_validation(
    target: NDArray[np.int64],
    group: NDArray[np.str_],
    rest: NDArray[np.int64],
    test: NDArray[np.int64],
    seed: int,
) -> Fold:
    """Divide ``rest``: training must see every class, validation should."""
    classes = set(target.tolist())
    fewest = min(len(set(group[rest][target[rest] == c].tolist())) for c in classes)
    parts = min(VALIDATION_PART, max(2, fewest))
    inner = StratifiedGroupKFold(parts, shuffle=True, random_state=seed)
    best: tuple[int, Fold] | None = None
    for train, validation in inner.split(rest, target[rest], group[rest]):
        if set(target[rest][train].tolist()) != classes:
            continue
        seen = len(set(target[rest][validation].tolist()))
        if best is None or seen > best[0]:
            best = seen, Fold(np.sort(rest[train]), np.sort(rest[validation]), np.sort(test))
    if best is None:
        raise InvalidInputError(
            "A class would be missing from a fold's training images; give fewer --folds."
        )
    return best[1]
