"""ROC curves with bands over folds (the paper's Figure 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from engine.evaluation.classification import area, band, roc
from training.figures import style

Scores = tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.int64]]
"""Whether each image is positive, its score, and its fold."""

ROOM = 23
"""Letters of a legend's line that fit under the curves."""

LINE = 20
"""Letters of a name in a line of the legend, with its figures beside it."""

LINE_INCHES = 0.2
"""How high such a line is."""


def draw(
    groups: Mapping[str, Mapping[str, Scores]],
    colours: Sequence[str],
    last: Sequence[str] | None = None,
) -> Figure:
    """Return a panel for each of ``groups``: the mean curve of each of its lines, ± a deviation.

    colours: of the lines; ``last``: of the last panel's, where those are something else.
    """
    rows, columns = style.grid_of(len(groups), 3)
    figure, axes = style.panels(rows, columns, (3.1, 3.3))
    crowded = False  # whether a curve goes where the legend would be
    panels = zip(style.hide_rest(axes, len(groups)), groups.items(), strict=True)
    for number, (axis, (title, lines)) in enumerate(panels, 1):
        palette = last if last is not None and number == len(groups) else colours
        axis.plot([0, 1], [0, 1], color=style.QUIET, lw=0.8, ls=(0, (3, 3)))
        for (name, scores), colour in zip(lines.items(), _cycle(palette, len(lines)), strict=True):
            curves, areas = _folds(scores)
            if not curves:
                continue
            mean = band(curves)
            # Curves rise, so the lowest above the legend is where the legend begins.
            crowded |= bool(np.interp(0.3, mean.false_positives, mean.mean) < 0.4)
            spread = f" ± {np.std(areas, ddof=1):.3f}" if len(areas) > 1 else ""
            label = fill(name, LINE) + f"  {np.mean(areas):.3f}{spread}"
            axis.plot(mean.false_positives, mean.mean, color=colour, lw=1.8, label=label)
            axis.fill_between(
                mean.false_positives,
                np.clip(mean.mean - mean.deviation, 0, 1),
                np.clip(mean.mean + mean.deviation, 0, 1),
                color=colour,
                alpha=0.13,
                lw=0,
            )
        style.square(axis, "1 − specificity", "Sensitivity")
        axis.set_title(title)
    _legends(figure, rows, crowded)
    return figure


def _legends(figure: Figure, rows: int, crowded: bool) -> None:
    """Under the curves, where these and the names leave room; else below the panels."""
    how: dict[str, Any] = {"title": "AUC, mean ± sd", "title_fontsize": 8, "alignment": "left"}
    labels = {axis: axis.get_legend_handles_labels()[1] for axis in figure.axes}
    below = crowded or any(len(label) > ROOM for axis in labels for label in labels[axis])
    if below:
        lines = max(sum(1 + label.count("\n") for label in labels[axis]) for axis in labels)
        figure.set_figheight(figure.get_figheight() + rows * LINE_INCHES * (lines + 2))
        how |= {"loc": "upper left", "bbox_to_anchor": (0, -0.2), "borderaxespad": 0}
    for axis in labels:
        if labels[axis]:
            axis.legend(**{"loc": "lower right", **how})


def _folds(
    scores: Scores,
) -> tuple[list[tuple[NDArray[np.float64], NDArray[np.float64]]], list[float]]:
    positive, score, fold = scores
    curves, areas = [], []
    for k in sorted(set(fold.tolist())):
        curve = roc(positive[fold == k], score[fold == k])
        found = area(positive[fold == k], score[fold == k])
        if curve is not None and found is not None:
            curves.append(curve)
            areas.append(found)
    return curves, areas


def _cycle(colours: Sequence[str], count: int) -> list[str]:
    return [colours[i % len(colours)] for i in range(count)]
