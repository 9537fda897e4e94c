"""Violins: how a score is spread over images, map by map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from training.figures import style

Values = Mapping[str, NDArray[np.float64]]


def draw(
    panels: Mapping[str, Values],
    label: str,
    lines: Mapping[str, Mapping[str, float]] | None = None,
    limits: tuple[float, float] | None = None,
) -> Figure:
    """Return a row a panel: a violin a map, its median and quartiles, and its mean as a dot.

    lines: by panel, levels to compare with, by name.
    """
    widest = max(len(values) for values in panels.values())
    figure, axes = style.panels(len(panels), 1, (max(5.0, 0.82 * widest + 1.6), 2.7), sharey=True)
    for axis, (title, values) in zip(np.ravel(axes), panels.items(), strict=True):
        names = list(values)
        for place, name in enumerate(names):
            _violin(axis, place, values[name], style.colour(name), name.startswith("shap-"))
        for (name, level), dash in zip(
            (lines or {}).get(title, {}).items(), ((0, (4, 2)), (0, (1, 1.5))), strict=False
        ):
            axis.axhline(level, color=style.INK, lw=0.9, ls=dash, label=f"{name} {level:.3f}")
        if limits is not None:
            axis.set_ylim(limits)
        axis.set(ylabel=label, xlim=(-0.6, widest - 0.4), title=title)
        axis.set_xticks(range(len(names)), _labels(names))
        axis.tick_params(axis="x", length=0)
        axis.grid(visible=False, axis="x")
        if lines:
            axis.legend(loc="upper right", ncols=2)
    return figure


def _violin(
    axis: Axes, place: int, values: NDArray[np.float64], colour: str, counterpart: bool
) -> None:
    if len(values) > 1 and np.ptp(values) > 0:
        body = axis.violinplot([values], [place], widths=0.78, showextrema=False, points=200)
        for part in cast("list[PolyCollection]", body["bodies"]):
            part.set(
                facecolor=colour,
                alpha=0.16 if counterpart else 0.32,
                edgecolor=colour,
                linewidth=0.8,
                linestyle="--" if counterpart else "-",
            )
    if len(values):
        low, median, high = np.quantile(values, (0.25, 0.5, 0.75))
        axis.vlines(place, low, high, color=colour, lw=3.2)
        axis.hlines(median, place - 0.13, place + 0.13, color=colour, lw=1.6)
        axis.scatter([place], [values.mean()], s=18, color="white", edgecolor=colour, zorder=4)


def _labels(names: Sequence[str]) -> list[str]:
    return style.wrap([name.replace("random-", "random\n") for name in names])
