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
_CHUNK = 1 << 15  # the words of a chunk stay in the processor's cache


class FixedPoint:
    """The scale of one map's sums: its largest value (finite, positive) and its pixel count."""

    def __init__(self, largest: float, size: int) -> None:
        _, exponent = math.frexp(largest)
        # A word below 2^bits, summed `size` times, must stay inside int64.
        self._bits = min(_MOST_BITS, 62 - size.bit_length())
        # Powers of two only move the exponent: multiplying by them rounds nothing. Two, since
        # one that takes the smallest float64 to the scale would itself be too large.
        power = self._bits - exponent
        self._powers = (2.0 ** (power // 2), 2.0 ** (power - power // 2))

    def sum(self, values: NDArray[Any]) -> int:
        """Return the exact sum, in this scale, of ``values`` (n,) from 0 to ``largest``."""
        high_sum = low_sum = 0
        for start in range(0, values.size, _CHUNK):
            scaled = values[start : start + _CHUNK].astype(np.float64)
            for power in self._powers:
                scaled *= power
            high = scaled.astype(np.int64)  # astype cuts off what is below the last bit
            scaled -= high
            scaled *= 2.0**self._bits
            high_sum += int(high.sum())
            low_sum += int(scaled.astype(np.int64).sum())
        return (high_sum << self._bits) + low_sum
