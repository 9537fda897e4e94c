"""Stands in for engine.images.windowing and .orientation until these have landed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.images.image import Image, Window


def default_window(image: Image, frame: int) -> Window:
    """Return the stored window, else the 1st to the 99th percentile."""
    if image.display.windows:
        return image.display.windows[0]
    low, high = np.percentile(image.grey(frame), (1, 99))
    return Window(float(low + high) / 2, max(float(high - low), 1.0))


def to_grey8(pixels: NDArray[Any], window: Window, inverted: bool = False) -> NDArray[np.uint8]:
    """Window linearly to 8 bits."""
    unit = np.clip((pixels - window.centre) / window.width + 0.5, 0, 1)
    grey: NDArray[np.uint8] = np.round((1 - unit if inverted else unit) * 255).astype(np.uint8)
    return grey


def edge_labels(image: Image, frame: int) -> tuple[str, str, str, str]:
    """Return no labels."""
    return ("", "", "", "")
