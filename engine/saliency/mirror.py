"""Left against right: the axis that an image is mirrored at, and what differs across it.

For paired limbs (both thighs, both calves) side by side in one image: in a healthy person they are
near mirror images, and a map that speaks of disease should differ where they do. Sides are the
image's: its left is on most images the patient's right (``engine.images.orientation`` says).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from engine.errors import InvalidInputError
from engine.images.image import Image
from engine.saliency.anatomy import foreground
from engine.saliency.derived import PIXELS, mirror_name
from engine.saliency.map import Provenance, SaliencyMap

METHOD = "mirror-difference"
_TIE = 1e-6  # of the best overlap: what the transform's rounding may part

PIXEL_PERCENTILES = (0.5, 99.5)
"""Of the body's pixels: the range that pixels' differences are given in parts of."""


@dataclass(frozen=True)
class Axis:
    """A vertical line that an image is mirrored at.

    col: its position (0 at the centre of the first column), a whole or a half. overlap: Dice of
    the body with its mirror image, 1 for a body that is its own.
    """

    col: float
    overlap: float


@dataclass(frozen=True, eq=False)
class Asymmetry:
    """What lies left and right of an axis.

    distance: (n,) columns from the axis, as far as both sides reach. left, right: (n,) sums over
    the rows of the column at that distance. index: (right - left) / (right + left) of what was
    compared, -1 to 1; None where there is nothing. columns: (cols,) sums of every column.
    """

    distance: NDArray[np.float64]
    left: NDArray[np.float64]
    right: NDArray[np.float64]
    index: float | None
    columns: NDArray[np.float64]

    @property
    def left_share(self) -> float | None:
        """Share of what was compared that lies on the image's left."""
        return None if self.index is None else (1 - self.index) / 2


def find_axis(body: NDArray[np.bool_]) -> Axis:
    """Return the vertical axis that maps most of the body, bool (rows, cols), onto the body.

    All axes at whole and half columns are tried at once: the body's correlation with its own mirror
    image, summed over rows. Among equally good ones, their middle. Raises ``InvalidInputError``
    for an empty body.
    """
    area = int(np.count_nonzero(body))
    if area == 0:
        raise InvalidInputError("There is no body in this image that could be mirrored.")
    rows = body.astype(np.float64)
    # At index s, the number of pixels (row, x) with (row, s - x) in the body too.
    found = fftconvolve(rows, rows, axes=1).sum(axis=0)
    best = np.flatnonzero(found >= found.max() - _TIE * area)
    middle = (
        best[len(best) // 2] if len(best) % 2 else best[len(best) // 2 - 1 : len(best) // 2 + 1]
    )
    col = float(np.mean(middle)) / 2
    return Axis(round(2 * col) / 2, min(float(found.max()) / area, 1.0))


def overlap_at(body: NDArray[np.bool_], col: float) -> float:
    """Return Dice of the body with its mirror image at another axis."""
    area = int(np.count_nonzero(body))
    there, image = _paired(body.shape[1], col)
    both = np.count_nonzero(body[:, there] & body[:, image])
    return both / area if area else 0.0


def mirrored(values: NDArray[np.float32], col: float) -> NDArray[np.float32]:
    """Return (rows, cols) mirrored at an axis; not-a-number where the mirror image has no pixel."""
    result = np.full(values.shape, np.nan, np.float32)
    there, image = _paired(values.shape[1], col)
    result[:, there] = values[:, image]
    return result


def asymmetry(
    values: NDArray[np.float32], col: float, body: NDArray[np.bool_] | None = None
) -> Asymmetry:
    """Compare the sides of a map or of pixels, (rows, cols), column by column.

    What is negative, or outside ``body``, does not count. Raises ``InvalidInputError`` for an axis
    that leaves a side without a column.
    """
    counted = np.maximum(np.nan_to_num(values.astype(np.float64)), 0)
    if body is not None:
        counted = np.where(body, counted, 0.0)
    columns = counted.sum(axis=0)
    cols = columns.size
    # The first columns on either side; an axis through a column leaves that one out.
    first_left, first_right = int(np.ceil(col)) - 1, int(np.floor(col)) + 1
    count = min(first_left + 1, cols - first_right)
    if count < 1:
        raise InvalidInputError(
            f"The mirror axis has to leave a column on either side, between 0.5 and {cols - 1.5:g}."
        )
    left = columns[first_left - count + 1 : first_left + 1][::-1]
    right = columns[first_right : first_right + count]
    total = float(left.sum() + right.sum())
    return Asymmetry(
        first_right + np.arange(count) - col,
        left,
        right,
        float(right.sum() - left.sum()) / total if total > 0 else None,
        columns,
    )


def mirror_difference(saliency: SaliencyMap, col: float) -> SaliencyMap:
    """Return a map minus its mirror image: positive where a side has more than the other.

    0 where the mirror image has no pixel. Its provenance is the map's, with the axis.
    """
    values = np.nan_to_num(saliency.values - mirrored(saliency.values, col))
    made = saliency.provenance
    return replace(
        saliency,
        name=mirror_name(saliency.name),
        values=values,
        raw=values.copy(),
        sign="signed",
        provenance=replace(
            made,
            method=METHOD,
            parameters={"axis_col": col, "of": made.method, **made.parameters},
        ),
    )


def pixel_difference(image: Image, frame: int, col: float) -> SaliencyMap:
    """Return a frame's grey values minus their mirror image's, as a map.

    In parts of the range of the body's pixels (``PIXEL_PERCENTILES``); 0 where a pixel or its
    mirror image lies outside the body.
    """
    grey = image.grey(frame)
    body = foreground(-grey if image.display.inverted else grey)
    inside = np.nan_to_num(grey)[body]
    low, high = np.percentile(inside, PIXEL_PERCENTILES) if inside.size else (0.0, 0.0)
    scale = np.float32(1 / (high - low)) if high > low else np.float32(0)
    there, of = _paired(grey.shape[1], col)
    both = np.zeros(body.shape, np.bool_)
    both[:, there] = body[:, there] & body[:, of]
    values = np.where(both, np.nan_to_num(grey - mirrored(grey, col)) * scale, np.float32(0))
    return SaliencyMap(
        name=PIXELS,
        values=values.astype(np.float32),
        raw=values.astype(np.float32),
        sign="signed",
        target=-1,
        target_name="pixels",
        provenance=Provenance(
            checkpoint="",
            checkpoint_sha256="",
            branch="pixels",
            method=METHOD,
            parameters={"axis_col": col, "range": [float(low), float(high)]},
            image_key=image.key,
            frame=frame,
        ),
    )


def _paired(cols: int, col: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the columns that have a mirror image, and their mirror images."""
    there = np.arange(cols)
    image = np.rint(2 * col - there).astype(np.int64)
    inside = (image >= 0) & (image < cols)
    return there[inside], image[inside]
