"""Where the image shows the body, as against air, black borders and padding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

# The mask is found on at most this many pixels a side: it serves a share of relevance, not a
# measurement, and a fan of ultrasound or a limb is hundreds of pixels wide.
_SIDE = 256
# Islands smaller than this share of the image are noise, text and markers.
_SMALLEST = 0.01
# Air in MR has Rician noise of a few per cent of the signal; below this share of the brightest
# tissue nothing is anatomy, and above three times it nothing is air, wherever Otsu's threshold is.
_FLOOR, _CEILING = 0.03, 0.10


def foreground(grey: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return (rows, cols), true where the frame shows anatomy.

    grey: (rows, cols), any unit, air dark. A threshold between air and tissue (Otsu's, bounded
    relative to the brightest tissue), then holes filled and small islands dropped. All true where
    there is no contrast to tell by.
    """
    finite = np.nan_to_num(np.asarray(grey, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    step = max(1, -(-max(finite.shape) // _SIDE))
    small = ndimage.uniform_filter(finite, step)[::step, ::step] if step > 1 else finite
    small = ndimage.gaussian_filter(small, 1.0)
    low, high = np.percentile(small, (0.5, 99.5))
    if not high > low:
        return np.ones(finite.shape, np.bool_)
    unit = np.clip((small - low) / (high - low), 0.0, 1.0)
    mask = unit > np.clip(_otsu(unit), _FLOOR, _CEILING)
    mask = ndimage.binary_closing(np.pad(mask, 2), iterations=2)[2:-2, 2:-2]
    mask = ndimage.binary_fill_holes(mask)
    labels, count = ndimage.label(mask)
    if count:
        sizes = np.bincount(labels.ravel())
        keep = sizes >= _SMALLEST * mask.size
        keep[0] = False
        mask = keep[labels]
    if not mask.any():
        return np.ones(finite.shape, np.bool_)
    rows = np.minimum(np.arange(finite.shape[0]) // step, mask.shape[0] - 1)
    cols = np.minimum(np.arange(finite.shape[1]) // step, mask.shape[1] - 1)
    whole: NDArray[np.bool_] = mask[np.ix_(rows, cols)]
    return whole


def outside_share(values: NDArray[np.float32], anatomy: NDArray[np.bool_]) -> float | None:
    """Share of a map's positive relevance that lies outside the anatomy; None where it has none."""
    positive = np.maximum(values, 0.0)
    total = float(positive.sum(dtype=np.float64))
    if total == 0:
        return None
    return float(positive[~anatomy].sum(dtype=np.float64)) / total


def _otsu(unit: NDArray[np.float32]) -> float:
    """Otsu's threshold of values from 0 to 1: the largest variance between the two sides."""
    counts, edges = np.histogram(unit, bins=256, range=(0.0, 1.0))
    middle = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    mass = np.cumsum(counts * middle)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = mass / below - (mass[-1] - mass) / above
    between = np.nan_to_num(below * above * gap**2)
    return float(edges[int(np.argmax(between)) + 1])
