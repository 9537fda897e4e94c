"""Values on the model input's pixels, brought to the image's pixels, each where it lies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.images.preprocess import ModelInput


def to_image(
    values: NDArray[np.float32], prepared: ModelInput, shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Resample values (H, W) of input pixels to the image's (rows, cols).

    Linear between input pixels where the image is the finer grid; a triangle as wide as an image
    pixel where it is the coarser one, so that no input pixel is passed over. Padding is left out.
    """
    matrix = prepared.to_image
    if matrix[0, 1] != 0 or matrix[1, 0] != 0:
        raise ValueError("the way back to the image must not turn it")
    rows = _weights(
        shape[0], values.shape[0], matrix[0, 0], matrix[0, 2], np.any(prepared.valid, axis=1)
    )
    cols = _weights(
        shape[1], values.shape[1], matrix[1, 1], matrix[1, 2], np.any(prepared.valid, axis=0)
    )
    placed: NDArray[np.float32] = (rows @ values.astype(np.float64) @ cols.T).astype(np.float32)
    return placed


def _weights(
    count: int, inputs: int, step: float, offset: float, valid: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return (count, inputs): what each image pixel takes of each input pixel, along one axis.

    Input pixel j lies at ``step`` * j + ``offset`` of the image.
    """
    place = (np.arange(count) - offset) / step
    reach = max(1.0, 1.0 / abs(step))
    distance = np.abs(place[:, None] - np.arange(inputs))
    weights = np.maximum(0, 1 - distance / reach) * valid
    # Every image pixel lies within half an input pixel of a valid one: no sum is zero.
    normalised: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return normalised
