"""How far an image's values reach, which drags of the window and of tolerances follow."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from engine.images.image import Image

#: Pixels looked at to learn how far an image's values reach.
SPAN_SAMPLES = 200_000

_spans: WeakKeyDictionary[Image, float] = WeakKeyDictionary()


def value_span(image: Image) -> float:
    """Return how far an image's values reach between the 0.5th and 99.5th percentile, above 0."""
    span = _spans.get(image)
    if span is None:
        span = _spans[image] = _measured_span(image)
    return span


def _measured_span(image: Image) -> float:
    if image.is_colour:
        return 255.0
    pixels = image.pixels.reshape(-1)
    values = pixels[:: max(1, pixels.size // SPAN_SAMPLES)].astype(np.float64)
    values = values[np.isfinite(values)]
    if values.size == 0:
        return 1.0
    low, high = np.percentile(values, (0.5, 99.5))
    span = float(high - low) or float(values.max() - values.min())
    return span if span > 0 else 1.0
