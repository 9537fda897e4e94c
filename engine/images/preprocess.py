"""A frame to model input, and the exact way back to the frame's pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Intensity = Literal["auto", "dtype-range", "percentile", "window"]


@dataclass(frozen=True)
class Preprocessing:
    """How frames become model input; a checkpoint stores it.

    size: (rows, cols) of the input. keep_aspect: scale both sides alike, in millimetres where
    pixels are not square, and pad with black; else stretch to ``size``.
    mean, std: per channel, of intensities from 0 to 1.
    intensity: what becomes 0 to 1. "dtype-range": the integer type's own range (0 to 255 for
    8-bit pictures); "percentile": between ``percentiles`` of the frame's foreground; "window":
    the default window; "auto": dtype-range for 8-bit frames, percentile for all others, whose
    values have no common scale (MR).
    """

    size: tuple[int, int] = (224, 224)
    keep_aspect: bool = True
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    intensity: Intensity = "auto"
    percentiles: tuple[float, float] = (1.0, 99.5)


@dataclass(frozen=True, eq=False)
class ModelInput:
    """A frame as the model takes it, and the way back.

    tensor: float32 (3, H, W). to_image: float64 (3, 3), (row, col, 1) of the input's pixel
    centres to (row, col, 1) of the image's. valid: bool (H, W), inside the image, not padding.
    """

    tensor: NDArray[np.float32]
    to_image: NDArray[np.float64]
    valid: NDArray[np.bool_]
