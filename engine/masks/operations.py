"""Operations on a whole frame of a mask; each takes and returns bool (rows, cols)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.masks.shapes import Box, bounds

Pixels = NDArray[np.bool_]


def grow(pixels: Pixels, distance: float) -> Pixels:
    """Add every pixel whose centre lies within ``distance`` pixels of a marked one."""
    from scipy import ndimage

    box = _around(pixels, distance)
    out = pixels.copy()
    if not box.is_empty:
        out[box.slices] = ndimage.distance_transform_edt(~pixels[box.slices]) <= distance + 1e-9
    return out


def shrink(pixels: Pixels, distance: float) -> Pixels:
    """Keep the pixels farther than ``distance`` from any unmarked one, or from the image's edge.

    The edge counts: what lies beyond it is not known to be marked.
    """
    from scipy import ndimage

    box = bounds(pixels)
    out = np.zeros_like(pixels)
    if not box.is_empty:
        padded = np.pad(pixels[box.slices], 1)
        out[box.slices] = (ndimage.distance_transform_edt(padded) > distance + 1e-9)[1:-1, 1:-1]
    return out


def smooth(pixels: Pixels, sigma: float) -> Pixels:
    """Round the outline: Gaussian blur of ``sigma`` pixels, then a threshold of one half."""
    from scipy import ndimage

    box = _around(pixels, 4 * sigma)
    out = np.zeros_like(pixels)
    if not box.is_empty:
        blurred = ndimage.gaussian_filter(pixels[box.slices].astype(np.float32), sigma)
        out[box.slices] = blurred >= 0.5
    return out


def keep_largest(pixels: Pixels) -> Pixels:
    """Keep the largest connected piece, corners connecting; of equals, the one read first."""
    from scipy import ndimage

    box = bounds(pixels)
    out = np.zeros_like(pixels)
    if not box.is_empty:
        labels, _ = ndimage.label(pixels[box.slices], structure=np.ones((3, 3), np.int8))
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        out[box.slices] = labels == sizes.argmax()
    return out


def invert(pixels: Pixels) -> Pixels:
    """Mark what is not marked."""
    return ~pixels


def _around(pixels: Pixels, margin: float) -> Box:
    box = bounds(pixels)
    if box.is_empty:
        return box
    pad = int(np.ceil(margin)) + 1
    return Box(
        max(box.top - pad, 0),
        max(box.left - pad, 0),
        min(box.bottom + pad, pixels.shape[0]),
        min(box.right + pad, pixels.shape[1]),
    )
