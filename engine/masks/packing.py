"""Boolean pixels made small: a box, one bit a pixel, deflated."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.masks.shapes import Box, bounds


@dataclass(frozen=True)
class Packed:
    """The pixels of ``box``, row by row, one bit each (big-endian), deflated."""

    box: Box
    data: bytes

    @property
    def nbytes(self) -> int:
        """What it costs to keep, with the object itself."""
        return len(self.data) + 200


def pack(box: Box, pixels: NDArray[np.bool_]) -> Packed:
    """Pack bool pixels of a box's shape. Level 1: this happens while somebody draws."""
    return Packed(box, zlib.compress(np.packbits(pixels).tobytes(), 1))


def pack_frame(pixels: NDArray[np.bool_]) -> Packed:
    """Pack the smallest box around the true pixels of a frame (rows, cols)."""
    box = bounds(pixels)
    return pack(box, pixels[box.slices])


def unpack(packed: Packed) -> NDArray[np.bool_]:
    """Return the bool pixels, of the box's shape.

    Raises ``ValueError`` if the data are not what such a box holds; however far they would
    inflate, no more than the box needs is allocated.
    """
    rows, cols = packed.box.shape
    if rows < 0 or cols < 0:
        raise ValueError("a box with negative sides")
    size = (rows * cols + 7) // 8
    stream = zlib.decompressobj()
    try:
        bits = stream.decompress(packed.data, size + 1)
    except zlib.error as error:
        raise ValueError(f"damaged pixels: {error}") from None
    if len(bits) != size:
        raise ValueError(f"{len(bits)} bytes of pixels where {size} belong")
    flat = np.unpackbits(np.frombuffer(bits, np.uint8), count=rows * cols)
    return flat.reshape(rows, cols).view(np.bool_)


def unpack_frame(packed: Packed, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return a whole frame (rows, cols); raises ``ValueError`` if the box is not inside it."""
    box = packed.box
    inside = 0 <= box.top <= box.bottom <= shape[0] and 0 <= box.left <= box.right <= shape[1]
    if not inside:
        raise ValueError(f"a box {tuple(box)} outside a frame of {shape}")
    out = np.zeros(shape, np.bool_)
    out[box.slices] = unpack(packed)
    return out
