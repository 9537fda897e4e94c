"""MoRF and LeRF curves (the paper's Figure 5), averaged over images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from training.figures import style


class Orders(NamedTuple):
    """Curves of the same images, (images, steps + 1): by a map, and in random order."""

    morf: NDArray[np.float64]
    lerf: NDArray[np.float64]
    random: NDArray[np.float64] | None


def draw(panels: Mapping[str, Mapping[str, Orders]]) -> Figure:
    """Return a row of panels a run, one a map: mean probability, with its standard error."""
    widest = max(len(maps) for maps in panels.values())
    figure, axes = style.panels(len(panels), widest, (1.85, 2.15), sharex=True, sharey=True)
    for line, (run, maps) in zip(axes, panels.items(), strict=True):
        for axis in line[len(maps) :]:
            axis.set_axis_off()
        for axis, (name, orders) in zip(line, maps.items(), strict=False):
            colour = style.colour(name)
            percent = np.linspace(0, 100, orders.morf.shape[1])
            if orders.random is not None:
                axis.plot(
                    percent,
                    orders.random.mean(axis=0),
                    color=style.QUIET,
                    lw=1.0,
                    ls=(0, (1, 1.2)),
                    label="random order",
                )
            for curves, dash, label in (
                (orders.lerf, (0, (4, 1.5)), "least relevant first"),
                (orders.morf, "-", "most relevant first"),
            ):
                mean = curves.mean(axis=0)
                error = curves.std(axis=0) / np.sqrt(max(len(curves) - 1, 1))
                axis.plot(percent, mean, color=colour, lw=1.6, ls=dash, label=label)
                axis.fill_between(
                    percent, mean - error, mean + error, color=colour, alpha=0.13, lw=0
                )
            gap = (orders.lerf - orders.morf)[:, 1:].mean()
            axis.set_title(f"{name.replace('shap-', 'SHAP ')}  {gap:+.3f}".replace("-", "−"))
            axis.set(xlim=(0, 100), xticks=(0, 50, 100))
        line[0].set_ylabel(f"{run}\nprobability")
    for axis in axes[-1]:
        axis.set_xlabel("% of pixels blurred")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=3)
    return figure
