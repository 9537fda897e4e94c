"""Growing a region from a point, over pixels of similar intensity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.images.gaps import counted
from engine.images.image import Image
from engine.masks.components import Linked
from engine.masks.shapes import Stamp, nothing, stamp_of
from engine.progress import Progress


def similar(pixels: NDArray[np.float32], low: float, high: float) -> NDArray[np.bool_]:
    """Return where the values lie from ``low`` to ``high``, ends included; NaN lies nowhere."""
    out: NDArray[np.bool_] = (pixels >= low) & (pixels <= high)
    return out


def region(pixels: NDArray[np.float32], seed: tuple[int, int], low: float, high: float) -> Stamp:
    """Return the connected region of similar pixels around ``seed`` on one frame (rows, cols).

    Pixels are neighbours by their sides. Nothing where the seed is outside the frame or its value
    outside the range.
    """
    from scipy import ndimage

    row, col = seed
    if not (0 <= row < pixels.shape[0] and 0 <= col < pixels.shape[1]):
        return nothing()
    inside = similar(pixels, low, high)
    if not inside[row, col]:
        return nothing()
    labels, _ = ndimage.label(inside)
    return stamp_of(labels == labels[row, col])


def region_through(
    image: Image,
    seed: tuple[int, int, int],
    low: float,
    high: float,
    progress: Progress | None = None,
) -> dict[int, NDArray[np.bool_]]:
    """Return the connected region around ``seed`` (frame, row, col) through all frames.

    Voxels are neighbours by their sides, and not across slices that are missing. Frames that the
    region does not reach are left out; an empty dictionary where the seed's value is outside the
    range.
    """
    progress = progress or Progress()
    frame, row, col = seed
    numbers = counted(image.frames, image.geometry.gaps).tolist()
    frame_of = {number: index for index, number in enumerate(numbers)}
    linked = Linked(
        numbers,
        lambda number: similar(image.grey(frame_of[number]), low, high),
        corners=False,
        progress=progress.part(0.0, 0.9),
    )
    piece = linked.piece_at(numbers[frame], row, col)
    if piece is None:
        return {}
    found = {}
    for index in range(image.frames):
        progress.report(0.9 + 0.1 * index / image.frames)
        pixels = linked.region(numbers[index], piece)
        if pixels.any():
            found[index] = pixels
    return found


def tolerance_range(
    pixels: NDArray[np.float32], seed: tuple[int, int], tolerance: float
) -> tuple[float, float]:
    """Return the range of values that differ from the seed's by no more than ``tolerance``."""
    value = float(pixels[seed])
    return value - tolerance, value + tolerance
