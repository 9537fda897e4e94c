"""Label Studio's brush encoding: a bit stream of runs of bytes (RLE-Pack of thi.ng/umbrella).

Header: the number of words (32 bits), bits of a word less 1 (5), and four bit widths of lengths
less 1 (4 each). Then, until all words are there: 1 bit (1 a run of one word, 0 words as they
are), 2 bits that choose the width, the length less 1 in that width, and the word or words. Bits
run from the highest of each byte. The words are the RGBA bytes of the picture, row by row, of
which the fourth, opacity, says what is marked.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_WIDTHS = (3, 4, 8, 16)  # what Label Studio writes
_WORD = 8
_HEADER_BITS = 32 + 5 + 4 * 4
_LONGEST = 1 << _WIDTHS[-1]
_CHANNELS = 4


def encode(pixels: NDArray[np.bool_]) -> list[int]:
    """Encode bool (rows, cols) as Label Studio does: marked pixels opaque white, others nothing."""
    flat = pixels.ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    ends = np.concatenate(([0], changes, [flat.size]))
    bits = [
        f"{flat.size * _CHANNELS:032b}",
        f"{_WORD - 1:05b}",
        *(f"{width - 1:04b}" for width in _WIDTHS),
    ]
    for start, stop in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        word = "11111111" if flat[start] else "00000000"
        left = (stop - start) * _CHANNELS
        while left > 0:
            length = min(left, _LONGEST)
            choice = next(i for i, width in enumerate(_WIDTHS) if length <= 1 << width)
            bits.append(f"1{choice:02b}{length - 1:0{_WIDTHS[choice]}b}{word}")
            left -= length
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return list(int(text, 2).to_bytes(len(text) // 8, "big"))


def decode(data: bytes, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Decode to bool (rows, cols): opacity above 0; or, of one word a pixel, that word above 0.

    Raises ``ValueError`` where the stream is not of a picture of this shape, or ends early. Sizes
    are compared with ``shape`` before anything is allocated.
    """
    stream = _Bits(data)
    count = stream.read(32)
    size = shape[0] * shape[1]
    if count not in (size, size * _CHANNELS):
        raise ValueError(f"it encodes {count} values, not {size * _CHANNELS}")
    word = stream.read(5) + 1
    widths = [stream.read(4) + 1 for _ in range(4)]
    # Nothing between single words costs more than this, so longer data are none of ours.
    if 8 * len(data) > _HEADER_BITS + count * (3 + max(widths) + word) + 64:
        raise ValueError("it is longer than any encoding of this picture")
    marked = np.zeros(count, np.bool_)
    done = 0
    while done < count:
        is_run = stream.read(1)
        length = stream.read(widths[stream.read(2)]) + 1
        if done + length > count:
            raise ValueError(f"its runs go beyond the picture's {count} values")
        if is_run:
            marked[done : done + length] = stream.read(word) != 0
        else:
            marked[done : done + length] = stream.words(length, word)
        done += length
    if count == size:
        return marked.reshape(shape)
    return np.ascontiguousarray(marked.reshape(*shape, _CHANNELS)[:, :, 3])


class _Bits:
    """Reads numbers from a stream of bits; ``ValueError`` at its end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def read(self, width: int) -> int:
        first, end = self._at, self._at + width
        if end > 8 * len(self._data):
            raise ValueError("it is cut short")
        self._at = end
        last = (end + 7) // 8
        value = int.from_bytes(self._data[first // 8 : last], "big") >> (8 * last - end)
        return value & ((1 << width) - 1)

    def words(self, count: int, width: int) -> NDArray[np.bool_]:
        """Return which of the next ``count`` words are not 0."""
        first, end = self._at, self._at + count * width
        if end > 8 * len(self._data):
            raise ValueError("it is cut short")
        self._at = end
        bits = np.unpackbits(np.frombuffer(self._data[first // 8 : (end + 7) // 8], np.uint8))
        own = bits[first % 8 : first % 8 + count * width]
        return np.asarray(own.reshape(count, width).any(axis=1))
