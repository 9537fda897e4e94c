"""What deleting pixels means: which ones come first, and what takes their place."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter

from engine.errors import InvalidInputError

BLUR_SIGMA = 10 / 224
"""Standard deviation of the blur as a fraction of the input's shorter side: 10 px at 224.

The paper names the blur and not its width. At 10 px speckle, margins and muscle texture are gone
and the lesion's place can still be guessed.
"""


def blurred(
    tensor: NDArray[np.float32], valid: NDArray[np.bool_], sigma: float = BLUR_SIGMA
) -> NDArray[np.float32]:
    """Return a model input (3, H, W), blurred where it is image.

    valid: (H, W), the image within the padding (a rectangle). The image is mirrored at its border,
    so that no padding is blurred into it. sigma: fraction of the input's shorter side.
    """
    rows, cols = np.flatnonzero(valid.any(axis=1)), np.flatnonzero(valid.any(axis=0))
    inside = (slice(None), slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1))
    pixels = sigma * min(valid.shape)
    result = np.array(tensor, np.float32)
    result[inside] = gaussian_filter(tensor[inside], (0, pixels, pixels), mode="reflect")
    return result


def order(relevance: ArrayLike, valid: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
    """Return the flat indices of the image's pixels (n,), most relevant first.

    Signed maps rank by signed value: what speaks against the class is least relevant. Ties are in
    random order, decided by ``seed``, so that a map's flat parts score what chance does rather
    than what the order of the pixels in memory does.

    Raises ``InvalidInputError`` for a map of another shape or one that is not finite.
    """
    values = np.asarray(relevance)
    if values.shape != valid.shape:
        raise InvalidInputError(
            f"Pixels are deleted on the model's input of {valid.shape}, not on {values.shape}."
        )
    pixels = np.flatnonzero(valid)
    ranked = values.ravel()[pixels]
    if not np.isfinite(ranked).all():
        raise InvalidInputError("A map that is not finite ranks no pixels.")
    shuffled = np.random.default_rng(seed).permutation(pixels.size)
    places = shuffled[np.argsort(ranked[shuffled], kind="stable")[::-1]]
    return pixels[places]


def counts(pixels: int, steps: int) -> NDArray[np.int64]:
    """Return how many of the pixels are replaced at each of the ``steps`` + 1 points."""
    return np.rint(np.linspace(0, pixels, steps + 1)).astype(np.int64)


def perturbed(
    tensor: NDArray[np.float32], replacement: NDArray[np.float32], pixels: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return ``tensor`` (3, H, W) with the flat ``pixels`` taken from ``replacement``."""
    result = tensor.copy()
    flat, other = result.reshape(len(tensor), -1), replacement.reshape(len(tensor), -1)
    flat[:, pixels] = other[:, pixels]
    return result
