"""The scores of ``coherence`` while the mask is being drawn: a stroke costs what it changed."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import InvalidInputError
from engine.evaluation.coherence.fixedpoint import FixedPoint
from engine.evaluation.coherence.prior import CENTRE_PRIOR
from engine.evaluation.coherence.scores import (
    EMPTY_MASK,
    Coherence,
    Sign,
    expected_hits,
    relevance,
)

_BUCKET_BITS = 10
_BUCKET = 1 << _BUCKET_BITS


class RankedMap:
    """What can be prepared of a map before a mask is drawn; shared by any number of masks.

    reason: why the map cannot be scored, or None. Only then the others are there:
    rank: int32 (rows * cols), each pixel's place in ascending order of relevance; ties in any
        order.
    ascending: the relevance in that order.
    """

    def __init__(self, values: ArrayLike, sign: Sign = "positive") -> None:
        relevant, self.reason = relevance(values, sign)
        self.shape: tuple[int, int] = relevant.shape
        self.size = relevant.size
        self.sign = sign
        if self.reason is not None:
            return
        flat = relevant.ravel()
        order = np.argsort(flat)
        self.rank = np.empty(self.size, np.int32)
        self.rank[order] = np.arange(self.size, dtype=np.int32)
        self.ascending = flat[order]
        self.scale = FixedPoint(float(self.ascending[-1]), self.size)
        self.total = self.scale.sum(self.ascending)


class _Marks:
    """Which ranks of one map lie in the mask, and their relevance.

    The marks are counted by buckets of ranks, so that those below any rank are had from one sum
    over buckets and one count within a bucket: O(sqrt(pixels)).
    """

    def __init__(self, ranked: RankedMap) -> None:
        self.ranked = ranked
        self.area = 0
        self._marks = np.zeros(ranked.size, bool)
        self._buckets = np.zeros((ranked.size >> _BUCKET_BITS) + 1, np.int64)
        self._inside = 0

    def clear(self) -> None:
        self.area = self._inside = 0
        self._marks.fill(False)
        self._buckets.fill(0)

    def set(self, pixels: NDArray[np.int64], value: bool) -> None:
        """Put pixels (flat indices) into the mask or take them out; those that are stay so."""
        ranks = self.ranked.rank[pixels]
        ranks = ranks[self._marks[ranks] != value]
        if ranks.size == 0:
            return
        ranks.sort()  # brings repeated pixels together, and makes what follows kind to the cache
        ranks = ranks[np.concatenate(([True], ranks[1:] != ranks[:-1]))]
        self._marks[ranks] = value
        sign = 1 if value else -1
        counts = np.bincount(ranks >> _BUCKET_BITS)
        self._buckets[: counts.size] += sign * counts
        self.area += sign * ranks.size
        self._inside += sign * self.ranked.scale.sum(self.ranked.ascending[ranks])

    def mass_accuracy(self) -> float:
        return self._inside / self.ranked.total

    def rank_accuracy(self) -> float:
        ascending = self.ranked.ascending
        threshold = ascending[ascending.size - self.area]
        first = int(np.searchsorted(ascending, threshold, "left"))
        stop = int(np.searchsorted(ascending, threshold, "right"))
        below, up_to = self._count(first), self._count(stop)
        return expected_hits(
            self.area,
            ahead=ascending.size - stop,
            ahead_inside=self.area - up_to,
            tied=stop - first,
            tied_inside=up_to - below,
        )

    def _count(self, rank: int) -> int:
        """Return the number of marks below ``rank``."""
        bucket = rank >> _BUCKET_BITS
        within = self._marks[bucket << _BUCKET_BITS : rank]
        return int(self._buckets[:bucket].sum()) + int(np.count_nonzero(within))


class LiveCoherence:
    """Scores of one map against a mask that changes; equal, to the last bit, to ``coherence``'s.

    Starts with an empty mask. An update costs O(n) for n changed pixels and a score
    O(sqrt(pixels)), whatever the mask's area.

    values: the map (rows, cols), or a ``RankedMap`` already prepared (its sign then holds).
    """

    def __init__(self, values: ArrayLike | RankedMap, sign: Sign = "positive") -> None:
        ranked = values if isinstance(values, RankedMap) else RankedMap(values, sign)
        self.ranked = ranked
        self._map = _Marks(ranked) if ranked.reason is None else None
        self._prior = _Marks(_ranked_prior(ranked.shape))

    def reset(self, mask: ArrayLike) -> None:
        """Start from a mask (rows, cols) of booleans; costs O(pixels) to look through it.

        Raises ``InvalidInputError`` for a mask of another shape.
        """
        inside = np.asarray(mask, dtype=bool)
        if inside.shape != self.ranked.shape:
            raise InvalidInputError(
                f"The mask is of shape {inside.shape} and the map of {self.ranked.shape}."
            )
        pixels = np.flatnonzero(inside)
        for marks in self._all():
            marks.clear()
            marks.set(pixels, True)

    def update(self, added: NDArray[np.int64], removed: NDArray[np.int64]) -> None:
        """Change the mask by flat pixel indices (row * cols + col).

        Pixels that are already as asked for, and repeated ones, change nothing; one in both lists
        ends in the mask. Raises ``InvalidInputError``, and changes nothing, for an index outside
        the image.
        """
        for pixels in (added, removed):
            if pixels.size and (pixels.min() < 0 or pixels.max() >= self.ranked.size):
                raise InvalidInputError("A changed pixel lies outside the image.")
        for marks in self._all():
            if removed.size:
                marks.set(removed, False)
            if added.size:
                marks.set(added, True)

    def score(self) -> Coherence:
        """Return the scores of the mask as it is now."""
        area, sign = self._prior.area, self.ranked.sign
        if area == 0:
            return Coherence(None, None, None, None, None, None, 0, EMPTY_MASK, sign)
        chance = area / self.ranked.size
        rma = rra = None
        if self._map is not None:
            rma, rra = self._map.mass_accuracy(), self._map.rank_accuracy()
        return Coherence(
            rma,
            rra,
            chance,
            chance,
            self._prior.mass_accuracy(),
            self._prior.rank_accuracy(),
            area,
            self.ranked.reason,
            sign,
        )

    def _all(self) -> tuple[_Marks, ...]:
        return (self._prior,) if self._map is None else (self._map, self._prior)


@lru_cache(maxsize=4)
def _ranked_prior(shape: tuple[int, int]) -> RankedMap:
    return RankedMap(CENTRE_PRIOR.values(shape))
