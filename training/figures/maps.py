"""An image with its lesion's outline, and every map laid over it, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from training.figures import style

OUTLINE = "#35d0a5"


@dataclass(frozen=True)
class Panel:
    """picture: uint8 (rows, cols, 3). title above, said below."""

    picture: NDArray[np.uint8]
    title: str
    said: str


def draw(
    panels: Sequence[Panel], mask: NDArray[np.bool_] | None, title: str, aspect: float = 1.0
) -> Figure:
    """Return the panels in rows of four at most, the mask's outline over each.

    aspect: a pixel's height over its width.
    """
    rows, columns = style.grid_of(len(panels), 5 if len(panels) <= 5 else 4)
    height, width = panels[0].picture.shape[:2]
    side = 2.5
    figure, axes = style.panels(rows, columns, (side, side * height * aspect / width + 0.55))
    for axis, panel in zip(style.hide_rest(axes, len(panels)), panels, strict=True):
        axis.imshow(panel.picture, interpolation="nearest", aspect=aspect)
        if mask is not None and mask.any():
            _outline(axis, mask)
        axis.set_title(panel.title)
        axis.set_xlabel(panel.said, fontsize=8, color=style.INK, loc="left")
        axis.set(xticks=[], yticks=[])
        axis.grid(visible=False)
        for spine in axis.spines.values():
            spine.set_visible(False)
    figure.suptitle(title, x=0.01, ha="left", fontsize=9.5, color=style.INK)
    return figure


def _outline(axis: Any, mask: NDArray[np.bool_]) -> None:
    padded = np.pad(mask, 1).astype(float)
    rows, cols = (np.arange(-1, n + 1) for n in mask.shape)
    axis.contour(cols, rows, padded, levels=[0.5], colors=[OUTLINE], linewidths=1.3)
    axis.set(xlim=(-0.5, mask.shape[1] - 0.5), ylim=(mask.shape[0] - 0.5, -0.5))
