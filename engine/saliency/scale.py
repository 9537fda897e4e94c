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

CLOSED = 0.05
"""Largest weight of the gate, of 1, below which it lets next to nothing through: differences
between cells that are all shut, stretched over all colours, would look like a finding."""

OPACITY = 0.6
"""Of the strongest value: the anatomy under it can still be read."""


def natural_range(saliency: SaliencyMap, signed: bool | None = None) -> tuple[float, float]:
    """Return the values (low, high) at the ends of a map's own scale; low < high.

    0 to the maximum, so that equal colours mean equal shares of the strongest relevance; -m to m
    for a signed map, m the magnitude that ``SIGNED_PERCENTILE`` of the pixels stay within.
    Where the gate is shut (``is_shut``), the scale is the one that the map would have were the
    gate's largest weight 1, so that almost nothing is drawn as almost nothing.
    """
    signed = saliency.sign == "signed" if signed is None else signed
    weight = (gate_opening(saliency) or 0.0) if is_shut(saliency) else 1.0
    if not signed:
        high = float(np.nanmax(saliency.values, initial=0.0))
        return (0.0, high / weight) if high > 0 and weight else (0.0, 1.0)
    strength = np.abs(saliency.values)
    top = float(np.nanpercentile(strength, SIGNED_PERCENTILE, method="higher"))
    top = top or float(np.nanmax(strength, initial=0.0))
    return (-top / weight, top / weight) if top > 0 and weight else (-1.0, 1.0)


def gate_opening(saliency: SaliencyMap) -> float | None:
    """Return the gate's largest weight, 0 to 1, on the frame of a map of what it lets through.

    None for maps of what the gate has no part in.
    """
    found = saliency.provenance.parameters.get("gate_opening")
    return None if found is None else float(found)


def is_shut(saliency: SaliencyMap) -> bool:
    """Whether a map shows what a gate lets through that lets next to nothing through."""
    found = gate_opening(saliency)
    return found is not None and found < CLOSED


def fade(strength: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the opacity, 0 to 1, of values by their share of the scale (of |value| if signed).

    It grows smoothly from nothing to all over the whole scale: values near zero say nothing and
    let the image through, and a broad map does not paint the anatomy over.
    """
    share = np.clip(strength, 0, 1)
    faded: NDArray[np.float64] = share * share * (3 - 2 * share)
    return faded
