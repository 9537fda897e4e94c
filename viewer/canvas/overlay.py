"""What is laid over an image, and how: a saliency map and its style, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.saliency.map import SaliencyMap

DEFAULT_COLOURS = "inferno"
DEFAULT_SIGNED_COLOURS = "purple-orange"


@dataclass(frozen=True)
class OverlayStyle:
    """How a map is coloured.

    colours: a table's name (see ``colours.names``). opacity: 0 to 1, of the strongest value.
    threshold: the share of the range, 0 to 1, below which nothing is drawn (of |value| where
    signed). low, high: the scale's ends in the map's own values; None takes the map's own (0 to
    its maximum, or -m to m where signed). signed: None follows the map's sign.
    """

    colours: str = DEFAULT_COLOURS
    opacity: float = 0.7
    threshold: float = 0.0
    low: float | None = None
    high: float | None = None
    signed: bool | None = None


@dataclass(frozen=True, eq=False)
class Overlay:
    """A map with its style: what ``ImageView.set_overlay`` takes."""

    map: SaliencyMap
    style: OverlayStyle = OverlayStyle()

    @property
    def signed(self) -> bool:
        """Whether the map is shown diverging around zero."""
        return self.map.sign == "signed" if self.style.signed is None else self.style.signed

    @property
    def range(self) -> tuple[float, float]:
        """The values (low, high) at the ends of the scale; low < high."""
        low, high = natural_range(self.map, self.signed)
        low = low if self.style.low is None else self.style.low
        high = high if self.style.high is None else self.style.high
        if self.signed:
            high = max(abs(low), abs(high))
            low = -high
        return (low, high) if high > low else (low, low + 1.0)

    def styled(self, **changes: object) -> Overlay:
        """Return the same map in a changed style, e.g. ``styled(opacity=0.5)``."""
        return Overlay(self.map, replace(self.style, **changes))  # type: ignore[arg-type]


def natural_range(saliency: SaliencyMap, signed: bool | None = None) -> tuple[float, float]:
    """Return a map's own scale: 0 to its maximum, or -m to m, m the largest magnitude."""
    signed = saliency.sign == "signed" if signed is None else signed
    values = saliency.values
    if signed:
        largest = max(float(np.max(values)), -float(np.min(values)))
        return (-largest, largest) if largest > 0 else (-1.0, 1.0)
    high = float(np.max(values))
    return (0.0, high) if high > 0 else (0.0, 1.0)
