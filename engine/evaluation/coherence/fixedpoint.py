"""Sums of relevance that do not depend on the order of the pixels.

A floating-point sum changes with the order of its terms, so a mask painted and erased again would
not come back to the score it started from. Here each value is cut, relative to the map's
largest, into two integer words; integers add exactly in any order. At 2^25 pixels or fewer the
words hold 76 bits: every float32 value above 2^-52 of the largest is held in full, and what is
cut off all smaller ones together is below the rounding of one float64.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MOST_BITS = 38


class FixedPoint:
    """The scale of one map's sums: its largest value (finite, positive) and its pixel count."""

    def __init__(self, largest: float, size: int) -> None:
        _, self._exponent = math.frexp(largest)
        # A word below 2^bits, summed `size` times, must stay inside int64.
        self._bits = min(_MOST_BITS, 62 - size.bit_length())

    def sum(self, values: NDArray[Any]) -> int:
        """Return the exact sum of nonnegative ``values``, none above ``largest``, in this scale."""
        # ldexp only moves the exponent: nothing is rounded.
        scaled = np.ldexp(values.astype(np.float64), self._bits - self._exponent)
        high = np.floor(scaled)
        low = np.ldexp(scaled - high, self._bits)  # astype cuts off what is below the last bit
        return (int(high.astype(np.int64).sum()) << self._bits) + int(low.astype(np.int64).sum())
