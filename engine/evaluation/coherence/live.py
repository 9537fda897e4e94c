"""The scores of ``coherence`` while the mask is being drawn: a stroke costs what it changed."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import InvalidInputError
from engine.evaluation.coherence.prior import CENTRE_PRIOR
from engine.evaluation.coherence.ranked import Marks, RankedMap
from engine.evaluation.coherence.scores import EMPTY_MASK, Coherence, Sign


class LiveScores:
    """Scores of several maps of one image against a mask that changes.

    They equal, to the last bit, what ``coherence`` gives. The mask starts empty. An update costs
    O(n) a map for n changed pixels and a score O(sqrt(pixels)), whatever the mask's area; the
    centre prior is one more map, once for all.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._prior = Marks(_ranked_prior(shape))
        self._maps: dict[str, tuple[RankedMap, Marks | None]] = {}

    def add(self, name: str, ranked: RankedMap) -> None:
        """Score one more map, or another one under a name already there.

        Raises ``InvalidInputError`` for a map of another shape.
        """
        self._check(ranked.shape)
        marks = None
        if ranked.reason is None:
            marks = Marks(ranked)
            marks.set(self._prior.pixels(), True)
        self._maps[name] = ranked, marks

    def discard(self, name: str) -> None:
        """Stop scoring a map, if it was."""
        self._maps.pop(name, None)

    def reset(self, mask: ArrayLike) -> None:
        """Start from a mask (rows, cols) of booleans; costs O(pixels) to look through it.

        Raises ``InvalidInputError`` for a mask of another shape.
        """
        inside = np.asarray(mask, dtype=bool)
        self._check(inside.shape)
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
        size = self._prior.ranked.size
        for pixels in (added, removed):
            if pixels.size and (pixels.min() < 0 or pixels.max() >= size):
                raise InvalidInputError("A changed pixel lies outside the image.")
        for marks in self._all():
            if removed.size:
                marks.set(removed, False)
            if added.size:
                marks.set(added, True)

    def scores(self) -> dict[str, Coherence]:
        """Return each map's scores against the mask as it is now."""
        area = self._prior.area
        if area == 0:
            return {
                name: Coherence(None, None, None, None, None, None, 0, EMPTY_MASK, ranked.sign)
                for name, (ranked, _) in self._maps.items()
            }
        chance = area / self._prior.ranked.size
        prior = self._prior.mass_accuracy(), self._prior.rank_accuracy()
        return {
            name: Coherence(
                None if marks is None else marks.mass_accuracy(),
                None if marks is None else marks.rank_accuracy(),
                chance,
                chance,
                *prior,
                area,
                ranked.reason,
                ranked.sign,
            )
            for name, (ranked, marks) in self._maps.items()
        }

    def _all(self) -> list[Marks]:
        return [self._prior, *(marks for _, marks in self._maps.values() if marks is not None)]

    def _check(self, shape: tuple[int, ...]) -> None:
        if shape != self._prior.ranked.shape:
            raise InvalidInputError(
                f"Maps and masks of one image have one shape: {shape} is not "
                f"{self._prior.ranked.shape}."
            )


class LiveCoherence:
    """``LiveScores`` of one map.

    values: the map (rows, cols), or a ``RankedMap`` already prepared (its sign then holds).
    """

    def __init__(self, values: ArrayLike | RankedMap, sign: Sign = "positive") -> None:
        ranked = values if isinstance(values, RankedMap) else RankedMap(values, sign)
        self._live = LiveScores(ranked.shape)
        self._live.add("", ranked)

    def reset(self, mask: ArrayLike) -> None:
        """Start from a mask; see ``LiveScores.reset``."""
        self._live.reset(mask)

    def update(self, added: NDArray[np.int64], removed: NDArray[np.int64]) -> None:
        """Change the mask; see ``LiveScores.update``."""
        self._live.update(added, removed)

    def score(self) -> Coherence:
        """Return the scores of the mask as it is now."""
        return self._live.scores()[""]


@lru_cache(maxsize=4)
def _ranked_prior(shape: tuple[int, int]) -> RankedMap:
    return RankedMap(CENTRE_PRIOR.values(shape))
