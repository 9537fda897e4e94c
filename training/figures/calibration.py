"""Reliability diagrams: how often a confidence is right."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from engine.evaluation.classification import ECE_BINS, expected_calibration_error, reliability
from training.figures import style

Panel = Mapping[str, tuple[NDArray[np.float64], NDArray[np.int64]]]
"""By line, probabilities (N, classes) and class indices (N,)."""


def draw(panels: Mapping[str, Panel]) -> Figure:
    """Return a diagram a panel: accuracy against confidence, and how confident predictions are."""
    rows, columns = style.grid_of(len(panels), 3)
    figure, axes = style.panels(rows, columns, (3.1, 3.3))
    for axis, (title, lines) in zip(
        style.hide_rest(axes, len(panels)), panels.items(), strict=True
    ):
        axis.plot([0, 1], [0, 1], color=style.QUIET, lw=0.8, ls=(0, (3, 3)))
        colours = (style.QUIET, style.SERIES[0])
        for (name, (probabilities, target)), colour in zip(lines.items(), colours, strict=False):
            bins = reliability(probabilities, target)
            ece = expected_calibration_error(probabilities, target)
            largest = max(b.images for b in bins)
            x, y = [b.confidence for b in bins], [b.accuracy for b in bins]
            axis.plot(x, y, color=colour, lw=1.5, label=f"{name}  ECE {ece:.3f}")
            # The area says how many predictions a point stands for.
            areas = [10 + 60 * b.images / largest for b in bins]
            axis.scatter(x, y, s=areas, color=colour, zorder=3, edgecolor="white", linewidth=0.6)
            confidence = probabilities.max(1)
            counts, edges = np.histogram(confidence, bins=ECE_BINS * 2, range=(0, 1))
            axis.stairs(
                0.18 * counts / max(counts.max(), 1), edges, fill=True, color=colour, alpha=0.18
            )
        style.square(axis, "Confidence", "Accuracy")
        axis.set_title(title)
        axis.legend(loc="upper left")
    return figure
