"""What figures and reports share: a frame on axes, outlines, scale bar, orientation, colour bar."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.images.image import Image
from engine.images.orientation import edge_labels
from engine.masks.mask import Mask
from engine.report import picture
from engine.report.findings import Findings, MapFinding

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
) -> None:
    """Draw the frame, a map over it, and the outlines of masks (all of them for None)."""
    image = findings.image
    shown = picture.under(
        image,
        findings.frame,
        window=findings.window,
        inverted=findings.inverted,
        covers=findings.covers,
    )
    if one is not None:
        shown = picture.over(shown, one.map)
        for box in findings.covers:  # what is covered shows nothing at all
            shown[picture.clipped(box, image.shape)] = 0
    axes.imshow(shown, interpolation=interpolation, aspect=image.geometry.aspect)
    axes.set_axis_off()
    for mask in findings.masks if masks is None else masks:
        outline(axes, mask.frame(findings.frame), mask.colour, line)


def outline(axes: Axes, pixels: NDArray[np.bool_], colour: str, line: float) -> None:
    """Draw the exact boundary of marked pixels, dark below and bright above."""
    from matplotlib.collections import LineCollection

    edges = boundary(pixels)
    if not len(edges):
        return
    for width, paint in ((line + 0.9, "#000000b0"), (line, colour)):
        axes.add_collection(
            LineCollection(list(edges), colors=paint, linewidths=width, capstyle="projecting"),
            autolim=False,
        )


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


def colour_bar(axes: Axes, one: MapFinding, *, upright: bool = True, size: float = 7) -> None:
    """Fill axes with the map's colours and the values at their ends."""
    low, high = one.map.range
    colours = picture.table(picture.COLOURS[one.map.sign]) / 255
    strip: Any = colours[:, None, :] if upright else colours[None, :, :]
    extent = (0, 1, low, high) if upright else (low, high, 0, 1)
    axes.imshow(strip, aspect="auto", origin="lower", extent=extent, interpolation="bilinear")
    ticks = [low, high] if one.map.sign != "signed" else [low, 0.0, high]
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
