"""The most relevant pixels of a map, by the rule that RRA ranks by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import InvalidInputError
from engine.evaluation.coherence.scores import Sign, relevance
from engine.saliency.map import SaliencyMap
from engine.saliency.scale import natural_range

FAINT = 0.05
"""Share of a map's strongest value below which a pixel is not outlined as hot, whatever its rank:
a reader takes an outline for much, and where few values are high, ranks alone would run through
what is nearly nothing. A gate counts as shut below the same share."""


@dataclass(frozen=True, eq=False)
class HotSpot:
    """The ``count`` most relevant pixels, as far as the map tells them apart.

    sure: bool (rows, cols), pixels that are among them in any order of ties. tied: bool, pixels
    that share the value at rank ``count``, where only some of them can be among the ``count``:
    each is with the probability ``chance``, as RRA counts them (paper, eqs. 9, 10). Pixels without
    relevance, or with less than is asked for at the least, are never hot, so that a map may have
    fewer than ``count``. level: the value at that rank, or the smallest of those that are hot.
    """

    count: int
    sure: NDArray[np.bool_]
    tied: NDArray[np.bool_]
    chance: float
    level: float

    @property
    def expected(self) -> NDArray[np.float64]:
        """Each pixel's probability, (rows, cols): its mean over a mask times its size is RRA's."""
        return self.sure + self.chance * self.tied

    @property
    def largest(self) -> NDArray[np.bool_]:
        """All pixels that may be among them: no pixel is left out for its place in memory."""
        return self.sure | self.tied

    @property
    def short(self) -> float | None:
        """The share of the pixels that is hot where fewer are than were asked for, else None."""
        hot = int(np.count_nonzero(self.largest))
        return hot / self.sure.size if hot < self.count else None


def least_drawn(saliency: SaliencyMap, smoothed: NDArray[np.float64] | None = None) -> float:
    """Return the value below which a map's pixels are not outlined as hot (see ``FAINT``).

    smoothed: the map, where it was blurred before lines are drawn on it; the strongest value that
    is left counts then, as for contours: a blur takes most of what single pixels stand out by.
    """
    if smoothed is not None:
        return FAINT * float(np.abs(smoothed).max())
    return FAINT * natural_range(saliency)[1]


def hot_spot(
    values: ArrayLike,
    share: float | None = None,
    *,
    count: int | None = None,
    sign: Sign = "positive",
    least: float = 0.0,
) -> HotSpot:
    """Return the ``share`` (over 0 to 1) of the pixels, or the ``count``, with most relevance.

    sign: what counts as relevance in a signed map, as in ``coherence``. A share is rounded to
    whole pixels, one at least. least: the relevance below which no pixel is hot; RRA knows none.

    Raises ``InvalidInputError`` for a share or count that no map has, and for a map that has no
    relevance that counts or is not finite.
    """
    relevant, reason = relevance(values, sign)
    if reason is not None:
        raise InvalidInputError(f"There is no hot spot to outline: {reason}.")
    if count is None:
        if share is None or not 0 < share <= 1:
            raise InvalidInputError("A hot spot is more than 0 and at most 100 % of the pixels.")
        count = max(1, round(share * relevant.size))
    if not 1 <= count <= relevant.size:
        raise InvalidInputError(f"A hot spot has 1 to {relevant.size} pixels here, not {count}.")
    kth = relevant.size - count
    level = float(np.partition(relevant, kth, axis=None)[kth])
    nothing = np.zeros(relevant.shape, np.bool_)
    if level == 0 or level < least:
        sure = np.asarray((relevant > 0) & (relevant >= least))
        if not sure.any():
            raise InvalidInputError("There is no hot spot to outline: all values are near zero.")
        return HotSpot(count, sure, nothing, 0.0, float(relevant[sure].min()))
    ahead = np.asarray(relevant > level)
    at = np.asarray(relevant == level)
    left, tied = count - int(np.count_nonzero(ahead)), int(np.count_nonzero(at))
    if left == tied:
        return HotSpot(count, ahead | at, nothing, 0.0, level)
    return HotSpot(count, ahead, at, left / tied, level)
