"""A map as lines: contours at levels, or the outline of its hot spot; found once, drawn anywhere.

Coordinates are pixel edges (x = column, y = row).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import floor

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF
from PySide6.QtGui import QColor, QPainterPath, QPolygonF

from engine.errors import SaliscopeError
from engine.masks import outline
from engine.saliency.map import SaliencyMap
from engine.saliency.scale import is_shut
from viewer.canvas import colours
from viewer.canvas.overlay import Kind, Overlay

#: Part of a table's range that lines keep to: its low end is as dark as the image.
DIMMEST = 0.45
#: Boundary sides beyond which ties are drawn solid: following them into paths takes too long.
LONGEST_DASHED = 20_000
_KEPT = 12  # maps in nine views, and those just left


@dataclass(frozen=True, eq=False)
class Line:
    """Lines of one meaning. value: the relevance they are at; at: its share of the scale, signed.

    dashed: below zero, or tied at the hot spot's edge; colour is never the only sign. sides: the
    same piece by piece, which is painted a hundred times as fast as a path of many bends; a path is
    there for dashes to run along, and may be empty.
    """

    value: float
    at: float
    path: QPainterPath
    dashed: bool
    sides: tuple[QLineF, ...] = ()


@dataclass(frozen=True, eq=False)
class Lines:
    """All of a map's lines, and in words what they are; ``note`` is what they cannot show."""

    lines: tuple[Line, ...]
    legend: tuple[str, ...]
    note: str = ""


NONE = Lines((), ())


def lines_of(overlay: Overlay) -> Lines:
    """Return an overlay's lines; none for a wash."""
    style = overlay.style
    if style.kind == "wash":
        return NONE
    levels = style.levels if style.kind == "contours" else ()
    top = style.top if style.kind == "hot-spots" else 0.0
    return _found(overlay.map, style.kind, levels, top, overlay.range[1], overlay.signed)


def colour_of(overlay: Overlay, line: Line) -> QColor:
    """Return a line's colour: the table's at its level, lifted off the table's dark end."""
    name = colours.suited(overlay.style.colours, overlay.signed)
    table = colours.table(name)
    strength = DIMMEST + (1 - DIMMEST) * min(abs(line.at), 1.0)
    if overlay.signed:
        strength = (1 + (strength if line.at >= 0 else -strength)) / 2
    red, green, blue = table[round(strength * (len(table) - 1))].tolist()
    return QColor(red, green, blue)


@lru_cache(maxsize=_KEPT)
def _found(
    saliency: SaliencyMap,
    kind: Kind,
    levels: tuple[float, ...],
    top: float,
    scale: float,
    signed: bool,
) -> Lines:
    if is_shut(saliency) and kind == "hot-spots":  # the ranks of almost nothing are no finding
        return Lines((), ("no hot spots",), "")
    if kind == "contours":
        return _contours(saliency, levels, scale, signed)
    return _hot_spots(saliency, top, scale, signed)


def _contours(
    saliency: SaliencyMap, levels: tuple[float, ...], scale: float, signed: bool
) -> Lines:
    from engine.saliency.contours import contours

    found = contours(saliency, levels, scale, signed=signed)
    lines = tuple(
        Line(
            level.value,
            level.share,
            _path(level.lines if level.share < 0 else ()),
            level.share < 0,
            tuple(_segments(level.lines)),
        )
        for level in found.levels
    )
    shares = ", ".join(f"{share:.0%}"[:-1] for share in sorted(set(levels)))
    legend = [f"lines at {shares} % of {'peak' if found.sigma else 'scale'}"]
    if found.sigma:
        legend.append(f"smoothed {found.sigma:.1f} px")
    note = "" if any(level.lines for level in found.levels) else "No value reaches these levels."
    return Lines(lines, tuple(legend), note)


def _hot_spots(saliency: SaliencyMap, top: float, scale: float, signed: bool) -> Lines:
    from engine.saliency.contours import smoothed
    from engine.saliency.hotspots import FAINT, hot_spot, least_drawn

    values, sigma = smoothed(saliency)
    least = least_drawn(saliency, values if sigma else None)
    lines: list[Line] = []
    notes = []
    short = ""
    for side in (1, -1) if signed else (1,):
        try:
            spot = hot_spot(side * values, top, least=least)
        except SaliscopeError as error:
            if side > 0:
                notes.append(str(error))
            continue
        value = side * spot.level
        at = value / scale
        lines.append(_outlined(value, at, spot.sure, dashed=side < 0))
        if spot.tied.any():
            lines.append(_outlined(value, at, spot.largest, dashed=True))
            if side > 0:
                notes.append(
                    f"Dashed: pixels of equal value, of which {spot.chance:.0%} belong.".replace(
                        "%", " %"
                    )
                )
        elif side > 0 and spot.short is not None:
            short = f"{100 * spot.short:.1f} %"
            notes.append(
                f"Only {short} of the pixels reach {percent(FAINT)} of the map's strongest value; "
                "no others are outlined."
            )
    legend = [f"top {percent(top)} of pixels"]
    if short:
        legend.append(f"only {short} reach {percent(FAINT)} of peak")
    if signed:
        legend.append("dashed: negative")
    if sigma:
        legend.append(f"smoothed {sigma:.1f} px")
    return Lines(tuple(lines), tuple(legend), " ".join(notes))


def _outlined(value: float, at: float, pixels: NDArray[np.bool_], *, dashed: bool) -> Line:
    rows, cols = pixels.shape
    sides = outline.segments(pixels, 0, 0, rows, cols).tolist()
    if dashed and len(sides) <= LONGEST_DASHED:
        closed = (np.vstack([path, path[:1]]) for path in outline.paths(pixels))
        return Line(value, at, _path(closed), True, tuple(QLineF(*side) for side in sides))
    return Line(value, at, QPainterPath(), dashed, tuple(QLineF(*side) for side in sides))


def _segments(lines: Iterable[NDArray[np.float64]]) -> Iterator[QLineF]:
    for line in lines:
        for piece in np.hstack([line[:-1], line[1:]]).tolist():
            yield QLineF(*piece)


def percent(share: float) -> str:
    """Return a share of the pixels as it is chosen: "5 %", "2.5 %"."""
    number = 100 * share
    return f"{floor(number)} %" if abs(number - floor(number)) < 1e-6 else f"{number:.1f} %"


def _path(lines: Iterable[NDArray[np.generic]]) -> QPainterPath:
    path = QPainterPath()
    for line in lines:
        path.addPolygon(QPolygonF([QPointF(x, y) for x, y in line.tolist()]))
    return path
