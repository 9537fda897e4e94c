"""Stacks with missing slices: what lies in a gap is not known, and is never bridged unsaid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: Gaps that are named one by one.
NAMED = 5


def after(gaps: Sequence[int]) -> str:
    """Say where gaps are, by the slices' numbers from 1: "after slice 3"; frames count from 0."""
    named = ", ".join(str(frame + 1) for frame in gaps[:NAMED])
    more = ", …" if len(gaps) > NAMED else ""
    return f"after slice {named}{more}"


def counted(frames: int, gaps: Sequence[int]) -> NDArray[np.int64]:
    """Number frames from 0 so that those on either side of a gap are not one apart."""
    numbers = np.arange(frames, dtype=np.int64)
    return numbers + np.searchsorted(np.asarray(gaps, np.int64), numbers, side="left")
