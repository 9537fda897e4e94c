"""A frame as it is shown, with a map's colours over it and areas covered: arrays of RGB."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

import resources
from engine.images import windowing
from engine.images.image import Image, Window
from engine.masks.shapes import Box
from engine.saliency.map import SaliencyMap
from engine.saliency.scale import OPACITY, fade

# The program's window draws it so: perceptually uniform tables, values near zero transparent.
COLOURS = {"nonnegative": "inferno", "signed": "purple-orange"}


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
    picture: NDArray[np.uint8], saliency: SaliencyMap, *, opacity: float = OPACITY
) -> NDArray[np.uint8]:
    """Lay a map's colours, on its own scale, over a picture (rows, cols, 3) of its image."""
    low, high = saliency.range
    colours = table(COLOURS[saliency.sign])
    position = np.clip((saliency.values - low) / (high - low), 0, 1)
    paint = colours[np.rint(position * (len(colours) - 1)).astype(np.intp)]
    strength = opacity * fade(np.abs(saliency.values).astype(np.float64) / high)[..., None]
    base = picture.astype(np.float64)
    drawn: NDArray[np.uint8] = np.rint(base + (paint - base) * strength).astype(np.uint8)
    return drawn


@lru_cache(maxsize=8)
def table(name: str) -> NDArray[np.float64]:
    """Return a colour table, (n, 3), 0 to 255."""
    found = np.load(resources.path("colours", f"{name}.npy"), allow_pickle=False)
    return np.asarray(found, np.float64)


def clipped(box: Box, shape: tuple[int, int]) -> tuple[slice, slice]:
    """Return what cuts the part of a box that lies in (rows, cols) out of an array."""
    return (
        slice(min(max(box.top, 0), shape[0]), max(box.bottom, 0)),
        slice(min(max(box.left, 0), shape[1]), max(box.right, 0)),
    )
