"""Lines of equal relevance on a map, exact between pixel centres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from engine.saliency.difference import METHOD as DIFFERENCE
from engine.saliency.map import SaliencyMap
from engine.saliency.mirror import METHOD as MIRROR

SMOOTH = 0.012
"""Standard deviation, as a share of the shorter side, of the blur before lines are drawn on a map
that is attributed to single pixels. Its values jump from one pixel to the next: without the blur
there is a line around every pixel, and none around a region. 1.2 % is 2.7 px at 224."""

TOLERANCE = 0.02
"""Pixels that a line may leave its exact course by, for each time that points are left out."""

_PASSES = 4
_CELLS = 64
"""A raw grid with more cells on its shorter side than this is one of pixels: 24 is BagNet-33's."""


@dataclass(frozen=True, eq=False)
class Contour:
    """One level: the value, and its lines, each float64 (n, 2) of (x, y) pixel edges.

    A pixel's centre lies at 0.5. share: the level in parts of the scale, negative below zero.
    """

    share: float
    value: float
    lines: tuple[NDArray[np.float64], ...]


@dataclass(frozen=True, eq=False)
class Contours:
    """Lines at several levels, lowest first. sigma: the blur before them, px; 0 for none."""

    levels: tuple[Contour, ...]
    sigma: float


def is_pixelwise(saliency: SaliencyMap) -> bool:
    """Whether a map speaks of single pixels rather than of a grid's cells.

    One that is computed from others does where they do.
    """
    made = saliency.provenance
    if made.method in (DIFFERENCE, MIRROR) and made.branch != "pixels":
        return "shap" in saliency.name
    return int(min(saliency.raw.shape)) > _CELLS


def smoothed(saliency: SaliencyMap) -> tuple[NDArray[np.float64], float]:
    """Return what lines are drawn on, and the standard deviation of the blur, px.

    The map itself and 0, but for maps of single pixels.
    """
    values = saliency.values.astype(np.float64)
    if not is_pixelwise(saliency):
        return values, 0.0
    sigma = SMOOTH * min(values.shape)
    return np.asarray(gaussian_filter(np.nan_to_num(values), sigma, mode="nearest")), sigma


def contours(
    saliency: SaliencyMap, shares: tuple[float, ...], scale: float, *, signed: bool
) -> Contours:
    """Draw lines where a map reaches the given shares (over 0, below 1) of its scale.

    scale: the value at the scale's upper end. Signed maps have a line at minus each level too.
    A map of single pixels is blurred first (``SMOOTH``), and its shares are of the strongest value
    that is left: that of one pixel alone says nothing about a region. Marching squares, linear
    between the centres of pixels, saddles by the mean of the four.
    """
    values, sigma = smoothed(saliency)
    if sigma:
        scale = float(np.max(np.abs(values) if signed else values, initial=0.0))
    wanted = sorted({share for share in shares if 0 < share < 1})
    if signed:
        wanted = [-share for share in reversed(wanted)] + wanted
    if scale <= 0 or min(values.shape) < 2:
        return Contours((), sigma)
    from contourpy import LineType, contour_generator

    generator = contour_generator(
        z=np.ma.masked_invalid(values), name="serial", line_type=LineType.Separate
    )
    found = []
    for share in wanted:
        lines: Any = generator.lines(share * scale)
        edges = tuple(thinned(np.asarray(line, np.float64)) + 0.5 for line in lines)
        found.append(Contour(share, share * scale, edges))
    return Contours(tuple(found), sigma)


def thinned(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Leave out points (n, 2) that lie on the way between their neighbours; ends stay.

    Marching squares gives a point for every side of a pixel that is crossed, most of them along
    lines that are straight: drawing takes as long as there are points. Every second point is
    looked at, ``_PASSES`` times, so that at most 15 of 16 go.
    """
    for _ in range(_PASSES):
        if len(line) < 3:
            break
        # The interior points at odd places: none is its neighbours' neighbour.
        before, at, after = line[:-2:2], line[1:-1:2], line[2::2]
        way = after - before
        off = at - before
        length = np.hypot(way[:, 0], way[:, 1])
        far = np.abs(way[:, 0] * off[:, 1] - way[:, 1] * off[:, 0])
        keep = np.ones(len(line), np.bool_)
        keep[1:-1:2] = (far > TOLERANCE * length) | (length == 0)
        line = line[keep]
    return line
