"""A map whose relevance is ranked once, and a mask kept as marks on those ranks."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.evaluation.coherence.fixedpoint import FixedPoint
from engine.evaluation.coherence.scores import Sign, expected_hits, relevance

_BUCKET_BITS = 10

# From an eighth of the image on, comparing all marks is cheaper than sorting the changed ones.
_MANY = 8


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


class Marks:
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
        """Empty the mask."""
        self.area = self._inside = 0
        self._marks.fill(False)
        self._buckets.fill(0)

    def set(self, pixels: NDArray[np.int64], value: bool) -> None:
        """Put pixels (flat indices) into the mask or take them out; those that are stay so."""
        ranks = self._change(self.ranked.rank[pixels], value)
        sign = 1 if value else -1
        counts = np.bincount(ranks >> _BUCKET_BITS)
        self._buckets[: counts.size] += sign * counts
        self.area += sign * ranks.size
        self._inside += sign * self.ranked.scale.sum(self.ranked.ascending[ranks])

    def _change(self, ranks: NDArray[np.int32], value: bool) -> NDArray[np.integer]:
        """Mark ``ranks`` and return, ascending and once each, those that this changed."""
        if ranks.size > self._marks.size // _MANY:
            before = self._marks.copy()
            self._marks[ranks] = value
            return np.flatnonzero(before != self._marks)
        ranks = ranks[self._marks[ranks] != value]
        ranks.sort()
        changed = np.ones(ranks.size, bool)
        np.not_equal(ranks[1:], ranks[:-1], out=changed[1:])
        ranks = ranks[changed]
        self._marks[ranks] = value
        return ranks

    def mass_accuracy(self) -> float:
        """Return RMA."""
        return self._inside / self.ranked.total

    def rank_accuracy(self) -> float:
        """Return RRA of a mask that is not empty."""
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

    def pixels(self) -> NDArray[np.int64]:
        """Return the mask's pixels, flat indices in ascending order."""
        return np.flatnonzero(self._marks[self.ranked.rank])

    def _count(self, rank: int) -> int:
        """Return the number of marks below ``rank``."""
        bucket = rank >> _BUCKET_BITS
        within = self._marks[bucket << _BUCKET_BITS : rank]
        return int(self._buckets[:bucket].sum()) + int(np.count_nonzero(within))
