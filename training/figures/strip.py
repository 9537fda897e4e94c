"""The strip of progressively blurred images (the paper's Figure 6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

import resources
from training.figures import style

SHOWN = (0, 1, 2, 3, 5, 7, 10)
"""The steps that are shown: what matters goes early."""


def draw(strip: Mapping[str, NDArray[Any]], title: str) -> Figure:
    """Return both orders as rows of pictures, the probability under each, the map at the left."""
    steps = [s for s in SHOWN if s < len(strip["morf"])]
    figure, axes = style.panels(2, len(steps) + 1, (1.3, 1.62))
    for line, name, said in zip(
        axes, ("morf", "lerf"), ("most relevant first", "least relevant first"), strict=True
    ):
        for axis, step in zip(line[1:], steps, strict=True):
            axis.imshow(strip[name][step], interpolation="nearest")
            percent = round(100 * step / (len(strip[name]) - 1))
            axis.set_title(f"{percent} %", loc="center", color=style.QUIET, fontsize=8)
            axis.set_xlabel(f"{strip[f'q_{name}'][step]:.3f}", color=style.INK)
        line[0].set_ylabel(said, fontsize=8)
    picture, relevance = strip["morf"][0], strip["relevance"]
    low, high = float(relevance.min()), float(relevance.max())
    unit = (relevance - low) / (high - low) if high > low else np.zeros_like(relevance)
    table = np.load(resources.path("colours", "inferno.npy"), allow_pickle=False)
    for axis in axes[:, 0]:
        axis.imshow(_blend(picture, unit, np.asarray(table)))
    axes[0, 0].set_title("map", loc="center", color=style.QUIET, fontsize=8)
    for axis in np.ravel(axes):
        axis.set(xticks=[], yticks=[])
        axis.grid(visible=False)
        for spine in axis.spines.values():
            spine.set_visible(False)
    figure.get_layout_engine().set(hspace=0.06)  # type: ignore[union-attr, call-arg]
    figure.suptitle(title, x=0.01, ha="left", fontsize=9.5, color=style.INK)
    return figure


def _blend(
    picture: NDArray[np.uint8], unit: NDArray[Any], table: NDArray[Any]
) -> NDArray[np.float64]:
    """Lay the map over the picture by its strength."""
    colours = table[np.clip((unit * (len(table) - 1)).round().astype(int), 0, len(table) - 1), :3]
    if colours.max() > 1:
        colours = colours / 255
    weight = 0.7 * unit[..., None]
    blended: NDArray[np.float64] = (1 - weight) * picture / 255 + weight * colours
    return blended.clip(0, 1)  # rounding may leave it by a billionth, which matplotlib warns of
