"""What figures and reports share: a frame on axes, outlines, scale bar, orientation, colour bar."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.images.image import Image
from engine.images.orientation import edge_labels
from engine.masks.mask import REFERENCE, Mask
from engine.masks.outline import paths as edges_of
from engine.report import picture
from engine.report.findings import Findings, MapFinding
from engine.report.look import Look, lines_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: A scale bar takes at most this share of the picture's width.
LONGEST_BAR = 0.3


def frame(
    axes: Axes,
    findings: Findings,
    one: MapFinding | None,
    *,
    masks: Sequence[Mask] | None = None,
    line: float = 1.0,
    interpolation: str = "bilinear",
    look: Look = picture.DEFAULT,
) -> None:
    """Draw the frame, a map over it, and the outlines of masks (all of them for None).

    look: how the map is drawn. Of several masks on the frame, those after the first are dashed:
    see ``DASHES``.
    """
    image = findings.image
    shown = picture.under(
        image,
        findings.frame,
        window=findings.window,
        inverted=findings.inverted,
        covers=findings.covers,
    )
    if one is not None and look.kind == "wash":
        shown = picture.over(shown, one.map, look)
        for box in findings.covers:  # what is covered shows nothing at all
            shown[picture.clipped(box, image.shape)] = 0
    axes.imshow(shown, interpolation=interpolation, aspect=image.geometry.aspect)
    axes.set_axis_off()
    if one is not None and look.kind != "wash":
        for drawn in lines_of(one.map, look).lines:
            paint = look.line_colour(one.map, drawn.share)
            paths = [path - 0.5 for path in drawn.paths]
            gaps = (3.2, 2.0) if drawn.dashed else None
            _stroke(axes, paths, paint, line, gaps, min(1.0, 0.4 + look.opacity), _MAP_LINES)
        for box in findings.covers:
            down, across = picture.clipped(box, image.shape)
            axes.add_patch(_black(down, across))
    chosen = legend_of(findings.masks if masks is None else tuple(masks), findings.frame)
    for mask, dashes in zip(chosen, dashes_of(chosen), strict=True):
        outline(axes, mask.frame(findings.frame), mask.colour, line, dashes)


DASHES: tuple[tuple[float, ...] | None, ...] = (None, (4.0, 2.0), (1.2, 1.6), (5.0, 1.6, 1.2, 1.6))
"""Of the outlines of several masks, in turn, in points: colour is never the only sign."""


#: What lies over what: lines of the map, covers over them, then outlines of masks, and the bar.
_MAP_LINES, _COVERS = 1.8, 1.9


REFERENCE_DASHES = (5.0, 1.4, 1.2, 1.4, 1.2, 1.4)
"""Of the mask that came with the image; no other line has them, not a map's."""


def dashes_of(masks: Sequence[Mask]) -> list[tuple[float, ...] | None]:
    """Return the dashes of masks, in their order."""
    others = iter(range(len(masks)))
    return [
        REFERENCE_DASHES if mask.id == REFERENCE else DASHES[next(others) % len(DASHES)]
        for mask in masks
    ]


def sample(
    figure: Figure,
    start: tuple[float, float],
    length: float,
    colour: str,
    dashes: tuple[float, ...] | None,
) -> None:
    """Draw a piece of a mask's outline, as it is in the picture; in parts of the figure."""
    from matplotlib.lines import Line2D

    across = [start[0], start[0] + length]
    for width, paint, gaps in ((2.0, "#000000b0", None), (1.1, colour, dashes)):
        line = Line2D(across, [start[1]] * 2, color=paint, linewidth=width)
        if gaps:
            line.set_linestyle((0, tuple(part / width for part in gaps)))
        figure.add_artist(line)


def outline(
    axes: Axes,
    pixels: NDArray[np.bool_],
    colour: str,
    line: float,
    dashes: tuple[float, ...] | None = None,
) -> None:
    """Draw the exact boundary of marked pixels, dark below and bright above."""
    if dashes is None:
        _stroke(axes, list(boundary(pixels)), colour, line)
        return
    paths = [np.vstack([path, path[:1]]) - 0.5 for path in edges_of(pixels)]
    _stroke(axes, paths, colour, line, dashes)


def _stroke(
    axes: Axes,
    paths: Sequence[NDArray[np.float64]],
    colour: str,
    line: float,
    dashes: tuple[float, ...] | None = None,
    opacity: float = 1.0,
    order: float = 2.0,
) -> None:
    """Draw lines, (x, y) with a pixel's centre at whole numbers, over a dark shadow."""
    from matplotlib.collections import LineCollection

    if not len(paths):
        return
    for width, paint, gaps in ((line + 0.9, "#000000b0", None), (line, colour, dashes)):
        axes.add_collection(
            LineCollection(
                list(paths),
                colors=paint,
                linewidths=width,
                capstyle="butt" if gaps else "projecting",
                # matplotlib counts dashes in widths of the line.
                linestyles=(0, tuple(part / width for part in gaps)) if gaps else "solid",
                alpha=opacity if paint == colour else None,
                zorder=order,
            ),
            autolim=False,
        )


def _black(down: slice, across: slice) -> Any:
    from matplotlib.patches import Rectangle

    corner = (across.start - 0.5, down.start - 0.5)
    size = (across.stop - across.start, down.stop - down.start)
    return Rectangle(corner, *size, facecolor="black", edgecolor="none", zorder=_COVERS)


def boundary(pixels: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the sides between marked pixels and others, (n, 2, 2) of (x, y), pixel 0 at 0.

    Straight neighbours are joined. Outside the image nothing is marked.
    """
    marked = np.pad(pixels, 1)
    level = _runs(marked[1:, 1:-1] != marked[:-1, 1:-1])
    upright = _runs((marked[1:-1, 1:] != marked[1:-1, :-1]).T)
    lines = [level[:, [1, 0, 2, 0]], upright[:, [0, 1, 0, 2]]]
    return np.concatenate(lines).reshape(-1, 2, 2) - 0.5


def _runs(sides: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return (line, start, stop) of each run of true values along the rows."""
    steps = np.diff(np.pad(sides, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    line, start = np.nonzero(steps == 1)
    _, stop = np.nonzero(steps == -1)
    return np.stack([line, start, stop], axis=1).astype(np.float64)


def scale_bar(axes: Axes, image: Image, size: float = 7) -> float | None:
    """Draw a bar of a round number of mm at the lower left; return it, None without spacing."""
    from matplotlib import patheffects

    if image.geometry.spacing is None:
        return None
    rows, cols = image.shape
    across = image.geometry.spacing[1]
    length = nice(LONGEST_BAR * cols * across)
    start, level = 0.03 * cols, rows - 1 - 0.045 * rows
    ends = [start, start + length / across]
    for width, paint in ((3.2, "#000000c0"), (1.6, "white")):
        axes.plot(ends, [level, level], color=paint, lw=width, solid_capstyle="butt")
    text = f"{length / 10:g} cm" if length >= 100 else f"{length:g} mm"
    axes.text(
        ends[0],
        level - 0.015 * rows,
        text,
        color="white",
        fontsize=size,
        va="bottom",
        path_effects=[patheffects.withStroke(linewidth=1.6, foreground="#000000c0")],
    )
    return length


def nice(longest: float) -> float:
    """Return the largest 1, 2 or 5 times a power of ten that is not above ``longest``."""
    power = 10.0 ** math.floor(math.log10(longest))
    return max(n * power for n in (1, 2, 5) if n * power <= longest * (1 + 1e-9))


def orientation(axes: Axes, image: Image, index: int, size: float = 7) -> None:
    """Write the patient's sides at the edges, where the file says them."""
    from matplotlib import patheffects

    left, right, top, bottom = edge_labels(image, index)
    for text, x, y, across, along in (
        (left, 0.015, 0.5, "left", "center"),
        (right, 0.985, 0.5, "right", "center"),
        (top, 0.5, 0.985, "center", "top"),
        (bottom, 0.5, 0.015, "center", "bottom"),
    ):
        if text:
            axes.text(
                x,
                y,
                text,
                transform=axes.transAxes,
                ha=across,
                va=along,
                color="white",
                fontsize=size,
                weight="semibold",
                path_effects=[patheffects.withStroke(linewidth=1.6, foreground="#000000c0")],
            )


def colour_bar(
    axes: Axes,
    one: MapFinding,
    *,
    upright: bool = True,
    size: float = 7,
    look: Look = picture.DEFAULT,
) -> None:
    """Fill axes with the map's colours and the values at their ends.

    Hollow where a wash draws nothing for its threshold; of lines it is faint, with a mark and the
    value of each.
    """
    low, high = look.range(one.map)
    signed = one.map.sign == "signed"
    colours = look.table(one.map) / 255
    paint = np.ones((len(colours), 4))
    paint[:, :3] = colours
    if look.kind != "wash":
        paint[:, 3] = 0.35
    elif look.threshold > 0:
        share = np.abs(np.linspace(-1 if signed else 0, 1, len(colours)))
        paint[share < look.threshold, 3] = 0
    strip: Any = paint[:, None, :] if upright else paint[None, :, :]
    extent = (0, 1, low, high) if upright else (low, high, 0, 1)
    hollow = bool((paint[:, 3] == 0).any())
    axes.imshow(
        strip,
        aspect="auto",
        origin="lower",
        extent=extent,
        interpolation="nearest" if hollow else "bilinear",
    )
    ticks = [low, high] if not signed else [low, 0.0, high]
    if look.kind != "wash":
        ticks = _mark(axes, one, look, ticks, 0.0 if upright else _digit(axes, size))
    texts = [short(value) for value in ticks]
    if upright:
        axes.set_xticks([])
        axes.yaxis.tick_right()
        axes.set_yticks(ticks, texts, fontsize=size)
    else:
        axes.set_yticks([])
        axes.set_xticks(ticks, texts, fontsize=size)
        labels = axes.get_xticklabels()
        labels[0].set_horizontalalignment("left")
        labels[-1].set_horizontalalignment("right")


#: Values nearer than this share of an upright bar to another's are marked and not written.
_NEAREST = 0.045

#: A digit's width in parts of the size of the type, with some room to spare.
_DIGIT = 0.66


def _digit(axes: Axes, size: float) -> float:
    """Return the share of a flat bar's length that a digit takes."""
    width = axes.get_position().width * axes.figure.get_figwidth() * 72  # type: ignore[union-attr]
    return _DIGIT * size / width


def _mark(axes: Axes, one: MapFinding, look: Look, ticks: list[float], digit: float) -> list[float]:
    """Mark the value of each line on the bar; return what is written beside it.

    digit: the share of the bar's length that a digit takes along it; 0 where the bar is upright.
    """
    low, high = look.range(one.map)
    said = list(ticks)
    upright = not digit

    def room(value: float) -> float:
        """What a number takes to each side: at the ends, which it keeps inside, all to one."""
        return digit * len(short(value)) * (1.0 if value in (low, high) else 0.5)

    for line in lines_of(one.map, look).lines:
        if not low <= line.value <= high:
            continue
        draw = axes.axhline if upright else axes.axvline
        draw(line.value, color="#000000", linewidth=2.6)
        style: Any = (0, (1.4, 1.0)) if line.dashed else "solid"
        colour = look.line_colour(one.map, line.share)
        draw(line.value, color=colour, linewidth=1.4, linestyle=style)
        own = room(line.value) + digit
        if all(
            abs(line.value - other) > (_NEAREST if upright else own + room(other)) * (high - low)
            for other in said
        ):
            said.append(line.value)
    return sorted(said)


def short(value: float) -> str:
    """Write a number with three digits that count, as short as it goes."""
    if value == 0:
        return "0"
    size = abs(value)
    if 1000 <= size < 1e6:
        text = f"{value:.0f}"
    else:
        text = f"{value:.3g}" if 1e-3 <= size < 1000 else f"{value:.1e}"
    return text.replace("-", "−")


def legend_of(masks: tuple[Mask, ...], index: int) -> list[Mask]:
    """Return the masks that are drawn on a frame."""
    return [mask for mask in masks if mask.area(index)]
