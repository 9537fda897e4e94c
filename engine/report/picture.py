"""A frame as it is shown, with a map's colours over it and areas covered: arrays of RGB."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.images import windowing
from engine.images.image import Image, Window
from engine.masks.shapes import Box
from engine.report.look import COLOURS, Look
from engine.saliency.map import SaliencyMap
from engine.saliency.scale import fade

__all__ = ["COLOURS", "clipped", "over", "under"]

DEFAULT = Look()
"""As the program's window draws maps at first: values near zero let the image through."""


def under(
    image: Image,
    frame: int,
    *,
    window: Window | None = None,
    inverted: bool | None = None,
    covers: Sequence[Box] = (),
) -> NDArray[np.uint8]:
    """Return the frame in its window, uint8 (rows, cols, 3), boxes blackened.

    window: None for the image's own. inverted: None as the file asks.
    """
    if image.is_colour:
        shown = np.array(image.frame(frame), np.uint8)
    else:
        window = window or windowing.default_window(image, frame)
        turned = image.display.inverted if inverted is None else inverted
        grey = windowing.to_grey8(image.frame(frame), window, turned)
        shown = np.repeat(grey[..., None], 3, axis=2)
    for box in covers:
        shown[clipped(box, image.shape)] = 0
    return shown


def over(
    picture: NDArray[np.uint8], saliency: SaliencyMap, look: Look = DEFAULT
) -> NDArray[np.uint8]:
    """Lay a map's wash of colours over a picture (rows, cols, 3) of its image."""
    low, high = look.range(saliency)
    colours = look.table(saliency)
    values = np.nan_to_num(saliency.values).astype(np.float64)
    position = np.clip((values - low) / (high - low), 0, 1)
    paint = colours[np.rint(position * (len(colours) - 1)).astype(np.intp)]
    share = look.strength(saliency)
    strength = look.opacity * fade(share)
    strength[share < look.threshold] = 0
    base = picture.astype(np.float64)
    drawn: NDArray[np.uint8] = np.rint(base + (paint - base) * strength[..., None]).astype(np.uint8)
    return drawn


def clipped(box: Box, shape: tuple[int, int]) -> tuple[slice, slice]:
    """Return what cuts the part of a box that lies in (rows, cols) out of an array."""
    return (
        slice(min(max(box.top, 0), shape[0]), max(box.bottom, 0)),
        slice(min(max(box.left, 0), shape[1]), max(box.right, 0)),
    )
