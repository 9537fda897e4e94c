"""What is laid over an image, and how: a saliency map and its style, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from engine.saliency.map import SaliencyMap
from engine.saliency.scale import OPACITY, natural_range

DEFAULT_COLOURS = "inferno"
DEFAULT_SIGNED_COLOURS = "purple-orange"
Kind = Literal["wash", "contours", "hot-spots"]
KINDS: tuple[Kind, ...] = ("wash", "contours", "hot-spots")
LEVELS = (0.25, 0.5, 0.75)
TOP = 0.1


@dataclass(frozen=True)
class OverlayStyle:
    """How a map is coloured.

    colours: a table's name (see ``colours.names``). opacity: 0 to 1, of the strongest value.
    threshold: the share of the range, 0 to 1, below which nothing is drawn (of |value| where
    signed). low, high: the scale's ends in the map's own values; None takes the map's own (0 to
    its maximum, or -m to m where signed: ``natural_range``). signed: None follows the map's sign.
    kind: a wash of colours, lines at ``levels`` (shares of the scale), or outlines of the ``top``
    share of the pixels; lines know no threshold.
    """

    colours: str = DEFAULT_COLOURS
    opacity: float = OPACITY
    threshold: float = 0.0
    low: float | None = None
    high: float | None = None
    signed: bool | None = None
    kind: Kind = "wash"
    levels: tuple[float, ...] = LEVELS
    top: float = TOP


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
        follows = self.style.signed is None or self.signed == (self.map.sign == "signed")
        low, high = self.map.range if follows else natural_range(self.map, self.signed)
        low = low if self.style.low is None else self.style.low
        high = high if self.style.high is None else self.style.high
        if self.signed:
            high = max(abs(low), abs(high))
            low = -high
        return (low, high) if high > low else (low, low + 1.0)

    def styled(self, **changes: object) -> Overlay:
        """Return the same map in a changed style, e.g. ``styled(opacity=0.5)``."""
        return Overlay(self.map, replace(self.style, **changes))  # type: ignore[arg-type]
