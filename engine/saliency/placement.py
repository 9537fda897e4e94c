"""Drawing grids on the image's own pixels.

A cell is drawn at the centre of its receptive field (``engine.saliency.tracing``). That is not what
stretching the grid over the image gives: at 224 px it would shift BagNet-33's cells by -12 to +19
px and ResNet-50's by +15.5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.saliency.grid import Array, Axis, Grid


def weights(axis: Axis, count: int, step: float, start: float) -> NDArray[np.float32]:
    """Return the (count, cells) matrix that interpolates along one side of the image.

    Image pixel p lies at input position (p - start) / step. Between the centres of two cells it
    takes from both, linearly. Beyond the outermost centres the outermost cell holds as far as it
    reaches; what no cell reaches stays 0 (BagNet-33 at 224 never sees the last seven pixels).
    """
    position = (np.arange(count) - start) / step
    cells = np.arange(len(axis), dtype=np.float64)
    at = np.interp(position, axis.centre, cells)
    first = np.minimum(at.astype(np.int64), max(len(axis) - 2, 0))
    part = at - first
    matrix = np.zeros((count, len(axis)), np.float32)
    pixels = np.arange(count)
    matrix[pixels, first] = 1 - part
    if len(axis) > 1:
        matrix[pixels, first + 1] = part
    # A pixel of the input is half a pixel wide to either side.
    unseen = (position < axis.low.min() - 0.5) | (position > axis.high.max() + 0.5)
    matrix[unseen] = 0
    return matrix


def averages(axis: Axis, count: int) -> NDArray[np.float32]:
    """Return the (cells, count) matrix that takes each cell's mean of what lies where it is drawn.

    The transpose of the drawing (``weights``), every row made to sum to one: what a mask of the
    model input has to be brought to a grid with, for the grid to be drawn back where it was.
    """
    drawn = weights(axis, count, 1.0, 0.0).T
    return np.asarray(drawn / np.maximum(drawn.sum(axis=1, keepdims=True), 1e-6), np.float32)


def place(
    raw: NDArray[np.float32], grid: Grid, to_image: Array, shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Draw a raw grid on an image's own pixels: float32 (rows, cols).

    to_image: (3, 3), (row, col, 1) of the model input's pixel centres to the image's, scaling
    and shifting each side by itself (``engine.images.preprocess``). Relevance of cells in the
    padding around the image falls outside; ``inside_share`` says how much.
    """
    if raw.shape != grid.shape:
        raise ValueError(f"a raw grid of {raw.shape} does not belong to cells of {grid.shape}")
    if to_image[0, 1] or to_image[1, 0] or np.any(to_image[2] != (0, 0, 1)):
        raise ValueError("the way to the image must scale and shift each side by itself")
    rows = weights(grid.rows, shape[0], to_image[0, 0], to_image[0, 2])
    cols = weights(grid.cols, shape[1], to_image[1, 1], to_image[1, 2])
    return np.asarray(rows @ np.asarray(raw, np.float32) @ cols.T, np.float32)


def inside_share(raw: NDArray[np.float32], grid: Grid, valid: NDArray[np.bool_]) -> float | None:
    """Share of the positive relevance of cells whose centre lies on the image, not its padding.

    valid: (H, W) of the model input, from ``ModelInput``. None where there is no relevance.
    """
    positive = np.maximum(raw, 0.0)
    total = float(positive.sum())
    if total == 0:
        return None
    rows = np.clip(np.rint(grid.rows.centre), 0, valid.shape[0] - 1).astype(np.int64)
    cols = np.clip(np.rint(grid.cols.centre), 0, valid.shape[1] - 1).astype(np.int64)
    return float(positive[valid[np.ix_(rows, cols)]].sum()) / total
