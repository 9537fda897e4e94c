"""The scale of a map's colours, and how opaque each value is: one rule for window and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from engine.saliency.map import SaliencyMap

SIGNED_PERCENTILE = 99.9
"""A signed map has a few pixels far beyond all others; as in shap's own pictures, the strongest
thousandth shares the last colour. The rest would look empty otherwise."""

OPACITY = 0.6
"""Of the strongest value: the anatomy under it can still be read."""


def natural_range(saliency: SaliencyMap, signed: bool | None = None) -> tuple[float, float]:
    """Return the values (low, high) at the ends of a map's own scale; low < high.

    0 to the maximum, so that equal colours mean equal shares of the strongest relevance; -m to m
    for a signed map, m the magnitude that ``SIGNED_PERCENTILE`` of the pixels stay within.
    """
    signed = saliency.sign == "signed" if signed is None else signed
    if not signed:
        high = float(np.nanmax(saliency.values, initial=0.0))
        return (0.0, high) if high > 0 else (0.0, 1.0)
    strength = np.abs(saliency.values)
    top = float(np.nanpercentile(strength, SIGNED_PERCENTILE, method="higher"))
    top = top or float(np.nanmax(strength, initial=0.0))
    return (-top, top) if top > 0 else (-1.0, 1.0)


def fade(strength: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the opacity, 0 to 1, of values by their share of the scale (of |value| if signed).

    It grows smoothly from nothing to all over the whole scale: values near zero say nothing and
    let the image through, and a broad map does not paint the anatomy over.
    """
    share = np.clip(strength, 0, 1)
    faded: NDArray[np.float64] = share * share * (3 - 2 * share)
    return faded
