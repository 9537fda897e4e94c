"""COCO's run-length encoding of one binary picture, and the letters it is written with.

Runs go down the columns and begin with unmarked pixels, so the first may be 0. Written in
letters, each run after the third is the difference to the one two before it; a number is cut into
groups of five bits, lowest first, each with a sixth bit that says whether another one follows,
and 48 ("0") is added to make it a printable letter (cocodataset/cocoapi, common/maskApi.c,
``rleToString``). The sign is the highest bit of the last group.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

_FIRST = 48
_MAX_GROUPS = 13  # 64 bits, which is what cocoapi computes with


def runs(pixels: NDArray[np.bool_]) -> list[int]:
    """Return the lengths of the runs of bool (rows, cols), unmarked first."""
    flat = pixels.ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    ends = np.concatenate(([0], changes, [flat.size]))
    lengths: list[int] = np.diff(ends).tolist()
    return [0, *lengths] if flat.size and flat[0] else lengths


def pixels(counts: Sequence[int], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return bool (rows, cols) of runs; ``ValueError`` unless they fill exactly this shape."""
    total = 0
    for count in counts:
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise ValueError("a run is no whole number from 0 up")
        total += count
    if total != shape[0] * shape[1]:
        raise ValueError(f"its runs cover {total} pixels, not {shape[0] * shape[1]}")
    lengths = np.array(counts, np.int64)
    marked = np.arange(lengths.size) % 2 == 1
    flat: NDArray[np.bool_] = np.repeat(marked, lengths)
    return np.ascontiguousarray(flat.reshape(shape, order="F"))


def to_letters(counts: Iterable[int]) -> str:
    """Write runs in letters."""
    out = bytearray()
    before = list(counts)
    for index, count in enumerate(before):
        rest = count - before[index - 2] if index > 2 else count
        more = True
        while more:
            group = rest & 0x1F
            rest >>= 5
            more = rest != -1 if group & 0x10 else rest != 0
            out.append((group | 0x20 if more else group) + _FIRST)
    return out.decode("ascii")


def from_letters(text: str, size: int) -> list[int]:
    """Read runs from letters; ``ValueError`` for what no ``size`` pixels can have.

    Each run is checked as it is read, so that damaged or hostile text stops early.
    """
    counts: list[int] = []
    total = position = 0
    data = text.encode("ascii", "replace")
    while position < len(data):
        value = groups = 0
        more = True
        while more:
            if position >= len(data):
                raise ValueError("it ends within a number")
            letter = data[position] - _FIRST
            if not 0 <= letter < 64 or groups >= _MAX_GROUPS:
                raise ValueError("it holds letters that do not belong there")
            value |= (letter & 0x1F) << (5 * groups)
            more = bool(letter & 0x20)
            position += 1
            groups += 1
            if not more and letter & 0x10:
                value -= 1 << (5 * groups)
        if len(counts) > 2:
            value += counts[-2]
        total += value
        if value < 0 or total > size:
            raise ValueError(f"its runs go beyond the picture's {size} pixels")
        counts.append(value)
        # A run of no pixels joins its neighbours; only the first is ever needed.
        if len(counts) > 2 * size + 2:
            raise ValueError("it has more runs than the picture has pixels")
    return counts
