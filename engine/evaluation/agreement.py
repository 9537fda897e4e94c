"""How far readers agree: on where a lesion is (masks), and on what they call it (ratings)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import InvalidInputError


@dataclass(frozen=True)
class Overlap:
    """Two masks of one image.

    dice: 2 |A and B| / (|A| + |B|). jaccard: |A and B| / |A or B|. None where both are empty:
    nothing was drawn that could agree.
    """

    dice: float | None
    jaccard: float | None


def overlap(first: ArrayLike, second: ArrayLike) -> Overlap:
    """Compare two masks of booleans; raise ``InvalidInputError`` where their shapes differ."""
    a, b = np.asarray(first, bool), np.asarray(second, bool)
    if a.shape != b.shape:
        raise InvalidInputError(
            f"Masks of {a.shape} and {b.shape} are not of one image; compare masks of the same one."
        )
    both, either = int(np.count_nonzero(a & b)), int(np.count_nonzero(a | b))
    if either == 0:
        return Overlap(None, None)
    return Overlap(2 * both / (both + either), both / either)


def mean_pairwise_dice(masks: ArrayLike) -> float | None:
    """Return the mean Dice over all pairs of readers' masks (readers, rows, cols).

    Pairs of empty masks are left out; None where no pair is left.
    """
    drawn = np.asarray(masks, bool)
    found = [
        overlap(drawn[i], drawn[j]).dice
        for i in range(len(drawn))
        for j in range(i + 1, len(drawn))
    ]
    known = [dice for dice in found if dice is not None]
    return float(np.mean(known)) if known else None


def fleiss_kappa(ratings: ArrayLike) -> float | None:
    """Return the chance-corrected agreement of several readers (Fleiss 1971).

    ratings: (cases, readers) of categories as integers; every reader rates every case. For two
    readers it is Scott's pi, not Cohen's kappa. None where all ratings are the same category, so
    that chance alone gives full agreement.

    Raises ``InvalidInputError`` for fewer than two readers, or no cases.
    """
    given = np.asarray(ratings)
    if given.ndim != 2 or given.shape[0] < 1 or given.shape[1] < 2:
        raise InvalidInputError("Agreement takes a table of cases and at least two readers.")
    counts = _counts(given)
    readers = given.shape[1]
    observed = ((counts**2).sum(axis=1) - readers) / (readers * (readers - 1))
    chance = float(((counts.sum(axis=0) / counts.sum()) ** 2).sum())
    if chance == 1:
        return None
    return (float(observed.mean()) - chance) / (1 - chance)


def cohen_kappa(
    first: ArrayLike, second: ArrayLike, *, quadratic: bool = False, categories: int | None = None
) -> float | None:
    """Return the chance-corrected agreement of two readers (Cohen 1960).

    first, second: (cases,) of categories 0, 1, ... quadratic: weigh a disagreement by its square
    (Cohen 1968), for ordered categories such as scores of trust. None where both readers use one
    and the same category.

    Raises ``InvalidInputError`` where the two have not rated the same number of cases.
    """
    a, b = np.asarray(first, np.int64), np.asarray(second, np.int64)
    if a.shape != b.shape or a.ndim != 1 or a.size == 0:
        raise InvalidInputError("Two readers are compared on the same cases, one at least.")
    size = categories or int(max(a.max(), b.max())) + 1
    table = np.zeros((size, size))
    np.add.at(table, (a, b), 1 / a.size)
    index = np.arange(size)
    distance = np.abs(index[:, None] - index)
    weight = distance**2 if quadratic else (distance > 0).astype(np.int64)
    expected = float((weight * np.outer(table.sum(axis=1), table.sum(axis=0))).sum())
    if expected == 0:
        return None
    return 1 - float((weight * table).sum()) / expected


def _counts(ratings: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return (cases, categories): how many readers chose each."""
    categories = np.unique(ratings)
    counts: NDArray[np.float64] = (ratings[:, :, None] == categories).sum(axis=1).astype(np.float64)
    return counts
