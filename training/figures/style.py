"""One look for all figures: type, colours by map, panels side by side."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import resources

INK, QUIET, RULE = "#1c2530", "#66717f", "#d9dee5"

COLOURS = {
    "global": "#2f6db3",
    "local": "#d0741c",
    "gate": "#7a3fa0",
    "concat": "#7a3fa0",
    "product": "#7a3fa0",
    "fusion": "#7a3fa0",
    "attention": "#1f8a70",
    "random": "#8a94a1",
    "centre": "#8a94a1",
}
"""By map; they differ in lightness too, for those who do not see their hues."""

SERIES = ("#7a3fa0", "#d0741c", "#1f8a70", "#2f6db3", "#b23a48", "#6b6f1d")
"""By run."""

DPI = 200


def use() -> None:
    """Set matplotlib up; called by everything that begins a figure."""
    # DejaVu, which stands in for signs that Inter lacks, has no medium weight; that is no news.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    family = "DejaVu Sans"
    for path in sorted(Path(str(resources.path("fonts"))).glob("Inter-*.otf")):
        font_manager.fontManager.addfont(str(path))
        family = "Inter"
    mpl.rcParams.update(
        {
            "font.family": [family, "DejaVu Sans"],
            "font.size": 9,
            "axes.titlesize": 9.5,
            "axes.titleweight": "medium",
            "axes.titlelocation": "left",
            "axes.edgecolor": QUIET,
            "axes.labelcolor": INK,
            "axes.titlecolor": INK,
            "axes.linewidth": 0.7,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": RULE,
            "grid.linewidth": 0.6,
            "xtick.color": QUIET,
            "ytick.color": QUIET,
            "xtick.labelcolor": INK,
            "ytick.labelcolor": INK,
            "legend.frameon": False,
            "legend.fontsize": 8.5,
            "figure.dpi": DPI,
            "savefig.dpi": DPI,
            "pdf.fonttype": 42,
        }
    )


def colour(name: str) -> str:
    """Return the colour of a map; a SHAP counterpart has its branch's."""
    base = name.removeprefix("shap-").removeprefix("random-")
    return COLOURS.get(base, INK)


def panels(
    rows: int, columns: int, size: tuple[float, float], **options: Any
) -> tuple[Figure, Any]:
    """Return a figure of ``rows`` x ``columns`` panels of ``size`` inches, and its axes (2-D)."""
    use()
    figure = Figure(figsize=(columns * size[0], rows * size[1]), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, axes


def grid_of(count: int, columns: int) -> tuple[int, int]:
    """Return (rows, columns) for ``count`` panels, at most ``columns`` in a row."""
    wide = max(1, min(count, columns))
    return -(-count // wide), wide


def hide_rest(axes: Any, used: int) -> list[Axes]:
    """Return the first ``used`` panels; the others are blank."""
    flat = list(np.ravel(axes))
    for axis in flat[used:]:
        axis.set_axis_off()
    return flat[:used]


def square(axis: Axes, x: str, y: str) -> None:
    """Set an axis up for two rates from 0 to 1."""
    ticks = (0, 0.25, 0.5, 0.75, 1)
    axis.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xticks=ticks, yticks=ticks, xlabel=x, ylabel=y)
    axis.set_aspect("equal")


def wrap(names: Sequence[str]) -> list[str]:
    """Break labels of maps where they would run into each other."""
    return [name.replace("shap-", "SHAP\n") for name in names]
