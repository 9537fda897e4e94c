"""A frame to model input, and the exact way back to the frame's pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from engine.images import windowing
from engine.images.image import Image

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


def unit_intensity(image: Image, frame: int, preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Return a frame as 0..1, (rows, cols) or (rows, cols, 3), bright meaning bright on screen."""
    pixels = image.frame(frame)
    if image.is_colour:
        return pixels.astype(np.float32) / 255.0
    kind = preprocessing.intensity
    if kind == "auto":
        kind = "dtype-range" if pixels.dtype == np.uint8 else "percentile"
    if kind == "dtype-range" and pixels.dtype.kind not in "iub":
        kind = "percentile"  # a floating-point type has no range of its own
    unit: NDArray[Any]
    if kind == "dtype-range":
        if pixels.dtype.kind == "b":
            unit = pixels.astype(np.float32)
        else:
            info = np.iinfo(pixels.dtype)
            unit = (pixels.astype(np.float64) - info.min) / (float(info.max) - info.min)
    elif kind == "percentile":
        low, high = preprocessing.percentiles
        unit = windowing.unit_values(pixels, windowing.percentile_window(image, frame, low, high))
    else:
        unit = windowing.unit_values(pixels, windowing.default_window(image, frame))
    unit = np.nan_to_num(unit, nan=0.0).astype(np.float32)
    return np.asarray(np.float32(1.0) - unit if image.display.inverted else unit, np.float32)


def content_size(
    shape: tuple[int, int], aspect: float, size: tuple[int, int], keep_aspect: bool
) -> tuple[int, int]:
    """Return the (rows, cols) of the input that the image itself takes up.

    shape: the frame's (rows, cols). aspect: a pixel's height over its width.
    """
    if not keep_aspect:
        return size
    height, width = shape[0] * aspect, float(shape[1])
    scale = min(size[0] / height, size[1] / width)
    return (
        min(size[0], max(1, round(height * scale))),
        min(size[1], max(1, round(width * scale))),
    )


def resample(plane: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Resample (rows, cols) to ``size`` with a triangle filter, widened where it shrinks.

    Pixel i of the result is centred at (i + 0.5) * n / size - 0.5 of the source, per side.
    """
    if plane.shape == size:
        return plane
    scaled = PillowImage.fromarray(np.ascontiguousarray(plane)).resize(
        (size[1], size[0]), PillowImage.Resampling.BILINEAR
    )
    return np.asarray(scaled, np.float32)


def to_model_input(image: Image, frame: int, preprocessing: Preprocessing) -> ModelInput:
    """Bring a whole frame to the model's input size; grey frames fill all three channels."""
    unit = unit_intensity(image, frame, preprocessing)
    rows, cols = image.shape
    size = preprocessing.size
    inner = content_size((rows, cols), image.geometry.aspect, size, preprocessing.keep_aspect)
    top, left = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2

    planes = [unit] if unit.ndim == 2 else [unit[..., channel] for channel in range(3)]
    canvas = np.zeros((len(planes), *size), np.float32)
    inside = (slice(top, top + inner[0]), slice(left, left + inner[1]))
    for channel, plane in enumerate(planes):
        canvas[channel][inside] = resample(plane, inner)
    mean = np.asarray(preprocessing.mean, np.float32)[:, None, None]
    std = np.asarray(preprocessing.std, np.float32)[:, None, None]
    tensor = (np.broadcast_to(canvas, (3, *size)) - mean) / std

    valid = np.zeros(size, np.bool_)
    valid[inside] = True
    row_step, col_step = rows / inner[0], cols / inner[1]
    to_image = np.array(
        [
            [row_step, 0.0, (0.5 - top) * row_step - 0.5],
            [0.0, col_step, (0.5 - left) * col_step - 0.5],
            [0.0, 0.0, 1.0],
        ]
    )
    return ModelInput(np.ascontiguousarray(tensor, np.float32), to_image, valid)
