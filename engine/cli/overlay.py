"""A map drawn over its image, at the image's own size, so that it can be laid on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL.PngImagePlugin import PngInfo

import resources
from engine.images import windowing
from engine.images.image import Image
from engine.saliency.map import SaliencyMap
from engine.saliency.scale import OPACITY, fade

# The program's window draws it so: perceptually uniform tables, values near zero transparent.
COLOURS = {"nonnegative": "inferno", "signed": "purple-orange"}


def draw(image: Image, index: int, saliency: SaliencyMap) -> NDArray[np.uint8]:
    """Return the frame in grey with the map's colours over it, uint8 (rows, cols, 3)."""
    if image.is_colour:
        under = image.frame(index).astype(np.float64)
    else:
        window = windowing.default_window(image, index)
        grey = windowing.to_grey8(image.frame(index), window, image.display.inverted)
        under = np.repeat(grey[..., None], 3, axis=2).astype(np.float64)
    low, high = saliency.range
    table = np.load(
        resources.path("colours", f"{COLOURS[saliency.sign]}.npy"), allow_pickle=False
    ).astype(np.float64)
    position = np.clip((saliency.values - low) / (high - low), 0, 1)
    colours = table[np.rint(position * (len(table) - 1)).astype(np.intp)]
    opacity = OPACITY * fade(np.abs(saliency.values).astype(np.float64) / high)[..., None]
    drawn: NDArray[np.uint8] = np.rint(under + (colours - under) * opacity).astype(np.uint8)
    return drawn


def save(path: Path, image: Image, index: int, saliency: SaliencyMap) -> None:
    """Write the overlay as PNG; its text says what it shows and what the colours' ends mean."""
    low, high = saliency.range
    text = PngInfo()
    text.add_text("Title", f"{saliency.name}, class {saliency.target_name}")
    text.add_text("Scale", f"{COLOURS[saliency.sign]} from {low:.6g} to {high:.6g}")
    text.add_text("Warning", "Research use only: not a medical device.")
    Picture.fromarray(draw(image, index, saliency)).save(path, format="PNG", pnginfo=text)
