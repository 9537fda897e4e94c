"""A map drawn over its image, at the image's own size, so that it can be laid on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL.PngImagePlugin import PngInfo

from engine.images.image import Image
from engine.masks.formats.files import PNG_LEVEL
from engine.masks.shapes import Box
from engine.report import picture
from engine.report.picture import COLOURS
from engine.saliency.map import SaliencyMap

__all__ = ["COLOURS", "draw", "save"]


def draw(
    image: Image, index: int, saliency: SaliencyMap, covers: Sequence[Box] = ()
) -> NDArray[np.uint8]:
    """Return the frame in grey with the map's colours over it, uint8 (rows, cols, 3)."""
    drawn = picture.over(picture.under(image, index), saliency)
    for box in covers:
        drawn[picture.clipped(box, image.shape)] = 0
    return drawn


def save(
    path: Path, image: Image, index: int, saliency: SaliencyMap, covers: Sequence[Box] = ()
) -> None:
    """Write the overlay as PNG; its text says what it shows and what the colours' ends mean."""
    low, high = saliency.range
    text = PngInfo()
    text.add_text("Title", f"{saliency.name}, class {saliency.target_name}")
    text.add_text("Scale", f"{COLOURS[saliency.sign]} from {low:.6g} to {high:.6g}")
    text.add_text("Warning", "Research use only: not a medical device.")
    drawn = draw(image, index, saliency, covers)
    picture_of = Picture.fromarray(drawn)
    picture_of.save(path, format="PNG", pnginfo=text, compress_level=PNG_LEVEL)
