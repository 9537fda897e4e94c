"""RMA and RRA of one map against one mask, from scratch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import InvalidInputError
from engine.evaluation.coherence.fixedpoint import FixedPoint
from engine.evaluation.coherence.prior import CENTRE_PRIOR

Sign = Literal["positive", "absolute"]
"""What counts as relevance in a signed map: its positive part, or its absolute value."""

EMPTY_MASK = "the mask is empty"
NOT_FINITE = "the map holds values that are not finite"
NO_RELEVANCE = "the map is zero everywhere"
NO_POSITIVE = "the map is positive nowhere"


@dataclass(frozen=True)
class Coherence:
    """Scores of one map against one mask, each beside what it has to be compared with.

    rma: relevance mass accuracy, relevance inside the mask / all relevance (paper, eq. 8).
    rra: relevance rank accuracy, the K most relevant pixels' share inside the mask, K being the
        mask's area (eqs. 9, 10).
    chance_rma, chance_rra: what a map that knows nothing expects: the mask's share of the image,
        for both.
    prior_rma, prior_rra: what a centred Gaussian scores (``GaussianPrior``).
    area: the mask's pixels. sign: how signed values were counted.
    reason: why rma and rra are None, a clause; None where they are not.

    An empty mask has no score, no chance and no prior; a map without relevance, or with values
    that are not finite, has no score.
    """

    rma: float | None
    rra: float | None
    chance_rma: float | None
    chance_rra: float | None
    prior_rma: float | None
    prior_rra: float | None
    area: int
    reason: str | None = None
    sign: Sign = "positive"

    @property
    def lift(self) -> float | None:
        """How many times the chance value the RMA is; None without a score."""
        if self.rma is None or self.chance_rma is None:
            return None
        return self.rma / self.chance_rma


def relevance(values: ArrayLike, sign: Sign) -> tuple[NDArray[Any], str | None]:
    """Return the nonnegative relevance (rows, cols), and why there is none to score or None.

    Raises ``InvalidInputError`` for an array that is not two-dimensional, not of real numbers, or
    without pixels.
    """
    given = np.asarray(values)
    if given.ndim != 2 or given.size == 0 or given.dtype.kind not in "fiub":
        raise InvalidInputError(
            f"A saliency map is an array of numbers (rows, cols); this one is {given.dtype} of "
            f"shape {given.shape}."
        )
    if given.dtype not in (np.float32, np.float64):
        given = given.astype(np.float64)
    if not np.isfinite(given).all():
        return given, NOT_FINITE
    if sign == "absolute":
        relevant, nothing = np.abs(given), NO_RELEVANCE
    elif sign == "positive":
        relevant, nothing = np.maximum(given, 0), NO_POSITIVE
    else:
        raise InvalidInputError(f'The sign is "positive" or "absolute", not {sign!r}.')
    return relevant, None if relevant.any() else nothing


def coherence(values: ArrayLike, mask: ArrayLike, sign: Sign = "positive") -> Coherence:
    """Score a map (rows, cols) against a mask (rows, cols) of booleans.

    No score depends on the order of the pixels. Where several pixels share the value at rank K,
    RRA is its expected value when they are ranked in random order: of g such pixels, m of them in
    the mask, and r ranks left to fill, r * m / g hits are expected. The same rule holds when
    fewer than K pixels are relevant at all: the zeros fill the remaining ranks, as ties, and count
    what chance would give; so a map that says nothing about most of the mask gains nothing there
    beyond chance.

    Raises ``InvalidInputError`` if the shapes differ.
    """
    relevant, reason = relevance(values, sign)
    inside = np.asarray(mask, dtype=bool)
    if inside.shape != relevant.shape:
        raise InvalidInputError(
            f"The mask is {_shape(inside)} and the map {_shape(relevant)}; "
            "they have to be of the same image."
        )
    area = int(np.count_nonzero(inside))
    if area == 0:
        return Coherence(None, None, None, None, None, None, 0, EMPTY_MASK, sign)
    chance = area / inside.size
    prior = _prior(relevant.shape)
    rma = rra = None
    if reason is None:
        rma, rra = mass_accuracy(relevant, inside), rank_accuracy(relevant, inside)
    return Coherence(
        rma,
        rra,
        chance,
        chance,
        mass_accuracy(prior, inside),
        rank_accuracy(prior, inside),
        area,
        reason,
        sign,
    )


def mass_accuracy(relevant: NDArray[Any], inside: NDArray[np.bool_]) -> float:
    """Return RMA of a nonnegative map that is not zero everywhere; rounded once, at the end."""
    scale = FixedPoint(float(relevant.max()), relevant.size)
    return scale.sum(relevant[inside]) / scale.sum(relevant.ravel())


def rank_accuracy(relevant: NDArray[Any], inside: NDArray[np.bool_]) -> float:
    """Return RRA for a mask that is not empty."""
    area = int(np.count_nonzero(inside))
    kth = relevant.size - area
    threshold = np.partition(relevant, kth, axis=None)[kth]
    ahead = relevant > threshold
    tied = relevant == threshold
    return expected_hits(
        area,
        ahead=int(np.count_nonzero(ahead)),
        ahead_inside=int(np.count_nonzero(ahead & inside)),
        tied=int(np.count_nonzero(tied)),
        tied_inside=int(np.count_nonzero(tied & inside)),
    )


def expected_hits(
    area: int, *, ahead: int, ahead_inside: int, tied: int, tied_inside: int
) -> float:
    """Return RRA from counts of pixels ahead of rank K = ``area`` and tied at it."""
    return (ahead_inside * tied + (area - ahead) * tied_inside) / (area * tied)


@lru_cache(maxsize=4)
def _prior(shape: tuple[int, int]) -> NDArray[np.float64]:
    values = CENTRE_PRIOR.values(shape)
    values.flags.writeable = False
    return values


def _shape(array: NDArray[Any]) -> str:
    return " × ".join(map(str, array.shape))
