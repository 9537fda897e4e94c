"""What the pixels of a region hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.images.image import Image
from engine.masks.shapes import Stamp


@dataclass(frozen=True)
class Statistics:
    """Of the pixels whose centre lies in a region, in the image's unit; colour as grey (luma).

    count: those with a finite value. deviation: sample standard deviation (n - 1 in the
    divisor), None below two pixels.
    """

    count: int
    mean: float
    deviation: float | None
    lowest: float
    highest: float


def statistics(image: Image, frame: int, stamp: Stamp) -> Statistics | None:
    """Return the statistics of a region of a frame; None where it holds no pixel."""
    if stamp.box.is_empty:
        return None
    box = stamp.box.slices
    pixels = image.grey(frame)[box] if image.is_colour else image.frame(frame)[box]
    values = pixels[stamp.cover].astype(np.float64)
    values = values[np.isfinite(values)]
    if values.size == 0:
        return None
    return Statistics(
        int(values.size),
        float(values.mean()),
        float(values.std(ddof=1)) if values.size > 1 else None,
        float(values.min()),
        float(values.max()),
    )
