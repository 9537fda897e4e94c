"""A picture to look at: the image as it is shown, with the outlines of masks, at its own size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from engine.images import windowing
from engine.images.image import Image, Window
from engine.masks.formats.files import PNG_LEVEL, replacing
from engine.masks.mask import Mask
from engine.masks.shapes import Box


def export(
    masks: Sequence[Mask],
    image: Image,
    frame: int,
    path: Path,
    *,
    window: Window | None = None,
    fill: float = 0.0,
    covers: Sequence[Box] = (),
) -> None:
    """Write one frame as an RGB PNG with every visible mask's outline.

    window: None for the image's own default. fill: how much of the mask's colour its inside
    takes, 0 to 1. covers: boxes that are blackened (burnt-in text). Raises ``MaskError`` on a
    misfit or if it cannot write.
    """
    picture = render(masks, image, frame, window=window, fill=fill, covers=covers)
    with replacing(path) as temporary:
        Pillow.fromarray(picture).save(temporary, format="PNG", compress_level=PNG_LEVEL)


def render(
    masks: Sequence[Mask],
    image: Image,
    frame: int,
    *,
    window: Window | None = None,
    fill: float = 0.0,
    covers: Sequence[Box] = (),
) -> NDArray[np.uint8]:
    """Return uint8 (rows, cols, 3): the picture that ``export`` writes."""
    for mask in masks:
        mask.check_fits(image)
    picture = _base(image, frame, window).copy()
    for box in covers:
        picture[max(box.top, 0) : max(box.bottom, 0), max(box.left, 0) : max(box.right, 0)] = 0
    for mask in masks:
        if not mask.visible:
            continue
        pixels = mask.frame(frame)
        colour = np.array([int(mask.colour[i : i + 2], 16) for i in (1, 3, 5)], np.float64)
        if fill > 0:
            inside = picture[pixels] * (1 - fill) + colour * fill
            picture[pixels] = np.rint(inside).astype(np.uint8)
        if colour.min() > _LIGHT:  # seen on bright tissue by what surrounds it
            picture[_ring(pixels)] = 0
        picture[outline(pixels)] = colour.astype(np.uint8)
    return picture


def outline(pixels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the marked pixels of (rows, cols) that have an unmarked one at a side, or the edge."""
    padded = np.pad(pixels, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.asarray(pixels & ~inner)


_LIGHT = 230


def _ring(pixels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels outside marked ones that have one at a side."""
    padded = np.pad(pixels, 1)
    near = padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
    return np.asarray(near & ~pixels)


def _base(image: Image, frame: int, window: Window | None) -> NDArray[np.uint8]:
    if image.is_colour:
        return np.asarray(image.frame(frame), np.uint8)
    shown = window or windowing.default_window(image, frame)
    grey = windowing.to_grey8(image.frame(frame), shown, image.display.inverted)
    return np.repeat(grey[:, :, None], 3, axis=2)
