"""Small pictures for the case list."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from engine.images import limits, windowing
from engine.images.image import Image


def draw(image: Image, frame: int, side: int) -> NDArray[np.uint8]:
    """Draw a frame as RGB (rows, cols, 3), its longer side at most ``side`` pixels.

    Pixels that are not square are drawn in their true proportions.
    """
    side = min(max(side, 1), limits.MAX_THUMBNAIL_SIDE)
    if image.is_colour:
        rgb = image.frame(frame)
    else:
        window = windowing.default_window(image, frame)
        grey = windowing.to_grey8(image.frame(frame), window, image.display.inverted)
        rgb = np.repeat(grey[..., None], 3, axis=2)
    height, width = image.shape[0] * image.geometry.aspect, float(image.shape[1])
    scale = min(1.0, side / max(height, width))
    size = (min(side, max(1, round(width * scale))), min(side, max(1, round(height * scale))))
    small = PillowImage.fromarray(np.ascontiguousarray(rgb)).resize(
        size, PillowImage.Resampling.BILINEAR
    )
    return np.asarray(small)


class LazyThumbnail:
    """Reads one frame when first asked, and keeps the small picture alone."""

    def __init__(self, read: Callable[[], tuple[Image, int]]) -> None:
        self._read = read
        self._kept: dict[int, NDArray[Any]] = {}
        self._lock = Lock()

    def __call__(self, side: int) -> NDArray[np.uint8]:
        """Return RGB (rows, cols, 3); raises what reading raises."""
        with self._lock:
            if side not in self._kept:
                image, frame = self._read()
                self._kept[side] = draw(image, frame, side)
            return self._kept[side]
