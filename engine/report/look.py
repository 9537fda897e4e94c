"""How a map is drawn in a figure: as the reader sees it in the program's window."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

import resources
from engine.errors import InvalidInputError
from engine.masks import outline
from engine.saliency.map import SaliencyMap
from engine.saliency.scale import OPACITY, is_shut, natural_range

Kind = Literal["wash", "contours", "hot-spots"]

COLOURS = {"nonnegative": "inferno", "signed": "purple-orange"}
"""The tables that maps are drawn in where nothing else was chosen."""

DIMMEST = 0.45
"""Part of a table's range that lines keep to: its low end is as dark as the image."""

#: Corners beyond which a dashed outline is drawn solid: following it takes too long.
_LONGEST = 20_000


@dataclass(frozen=True)
class Look:
    """A way of drawing maps.

    kind: a wash of colours, lines at ``levels`` (shares of the scale, over 0 and below 1), or
    outlines of the ``top`` share of the pixels. colours: a table's name, "" for the default of the
    map's sign. opacity: 0 to 1, of the strongest value. threshold: the share of the scale, 0 to 1,
    below which a wash draws nothing. low, high: the scale's ends, None for the map's own. shared:
    whether they are those of several views.
    """

    kind: Kind = "wash"
    colours: str = ""
    opacity: float = OPACITY
    threshold: float = 0.0
    low: float | None = None
    high: float | None = None
    shared: bool = False
    levels: tuple[float, ...] = (0.25, 0.5, 0.75)
    top: float = 0.1

    def range(self, saliency: SaliencyMap) -> tuple[float, float]:
        """Return the values (low, high) at the scale's ends; low < high, symmetric if signed."""
        low, high = natural_range(saliency)
        low = low if self.low is None else self.low
        high = high if self.high is None else self.high
        if saliency.sign == "signed":
            high = max(abs(low), abs(high))
            low = -high
        return (low, high) if high > low else (low, low + 1.0)

    def table(self, saliency: SaliencyMap) -> NDArray[np.float64]:
        """Return the colours, (n, 3), 0 to 255."""
        return table(self.colours or COLOURS[saliency.sign])

    def strength(self, saliency: SaliencyMap) -> NDArray[np.float64]:
        """Return each value's distance from zero in parts of the scale, clipped to 0 to 1."""
        low, high = self.range(saliency)
        values = np.nan_to_num(saliency.values).astype(np.float64)
        if saliency.sign == "signed":
            return np.asarray(np.clip(np.abs(values) / high, 0, 1))
        return np.asarray(np.clip((values - low) / (high - low), 0, 1))

    def line_colour(self, saliency: SaliencyMap, share: float) -> str:
        """Return the colour of a line at a share of the scale (negative below zero), "#rrggbb"."""
        colours = self.table(saliency)
        strength = DIMMEST + (1 - DIMMEST) * min(abs(share), 1.0)
        if saliency.sign == "signed":
            strength = (1 + (strength if share >= 0 else -strength)) / 2
        rgb = np.rint(colours[round(strength * (len(colours) - 1))]).astype(int).tolist()
        return "#" + "".join(f"{part:02x}" for part in rgb)


@lru_cache(maxsize=8)
def table(name: str) -> NDArray[np.float64]:
    """Return a colour table, (n, 3), 0 to 255."""
    found = np.load(resources.path("colours", f"{name}.npy"), allow_pickle=False)
    return np.asarray(found, np.float64)


@dataclass(frozen=True, eq=False)
class Line:
    """What is drawn at one value. share: the value in parts of the scale, negative below zero.

    dashed: below zero, or tied at a hot spot's edge; colour is never the only sign. paths: each
    (n, 2) of (x, y), pixel edges, a pixel's centre at 0.5; closed ones repeat their first point.
    """

    value: float
    share: float
    dashed: bool
    paths: tuple[NDArray[np.float64], ...]


@dataclass(frozen=True, eq=False)
class Lines:
    """All lines of a map, lowest first, and in a sentence what they are and what they lack."""

    lines: tuple[Line, ...]
    sentence: str


def lines_of(saliency: SaliencyMap, look: Look) -> Lines:
    """Return the lines of a map that is not drawn as a wash."""
    if look.kind == "hot-spots" and is_shut(saliency):  # ranks of almost nothing are no finding
        return Lines((), "No hot spots are outlined: the gate is shut.")
    if look.kind == "contours":
        return _contours(saliency, look)
    return _hot_spots(saliency, look)


def _contours(saliency: SaliencyMap, look: Look) -> Lines:
    from engine.saliency.contours import contours

    signed = saliency.sign == "signed"
    found = contours(saliency, look.levels, look.range(saliency)[1], signed=signed)
    lines = tuple(Line(c.value, c.share, c.share < 0, c.lines) for c in found.levels)
    shares = ", ".join(f"{100 * share:g}" for share in sorted(set(look.levels)))
    said = f"Lines at {shares} % of the {'strongest value' if found.sigma else 'scale'}"
    said += ", dashed below zero" if signed else ""
    said += f"; smoothed by {found.sigma:.1f} px first" if found.sigma else ""
    if not any(line.paths for line in lines):
        said += "; no value reaches these levels"
    return Lines(lines, f"{said}.")


def _hot_spots(saliency: SaliencyMap, look: Look) -> Lines:
    from engine.saliency.contours import smoothed
    from engine.saliency.hotspots import FAINT, hot_spot, least_drawn

    values, sigma = smoothed(saliency)
    least = least_drawn(saliency, values if sigma else None)
    signed = saliency.sign == "signed"
    scale = look.range(saliency)[1]
    lines: list[Line] = []
    said = f"Outlined: the {100 * look.top:g} % of the pixels with the highest values"
    said += ", dashed the lowest" if signed else ""
    said += f"; smoothed by {sigma:.1f} px first" if sigma else ""
    for side in (1, -1) if signed else (1,):
        try:
            spot = hot_spot(side * values, look.top, least=least)
        except InvalidInputError as error:
            if side > 0:
                lines, said = [], str(error).rstrip(".")
            continue
        value = side * spot.level
        lines.append(Line(value, value / scale, side < 0, _boundary(spot.sure)))
        if spot.tied.any():
            lines.append(Line(value, value / scale, True, _boundary(spot.largest)))
            if side > 0:
                said += (
                    f"; dashed: pixels of equal value, of which {100 * spot.chance:.0f} % belong"
                )
        elif side > 0 and spot.short is not None:
            said += (
                f"; only {100 * spot.short:.1f} % reach {100 * FAINT:g} % of the map's strongest "
                "value, and no others are outlined"
            )
    lines.sort(key=lambda line: line.value)
    return Lines(tuple(lines), f"{said}.")


def _boundary(pixels: NDArray[np.bool_]) -> tuple[NDArray[np.float64], ...]:
    rows, cols = pixels.shape
    sides = outline.segments(pixels, 0, 0, rows, cols)
    if len(sides) > _LONGEST:
        return tuple(side.reshape(2, 2).astype(np.float64) for side in sides)
    return tuple(np.vstack([path, path[:1]]).astype(np.float64) for path in outline.paths(pixels))
