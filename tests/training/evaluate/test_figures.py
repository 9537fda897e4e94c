"""The figures keep what they say readable."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from training.figures import roc, style


def scores(names: tuple[str, ...], effect: float) -> dict[str, roc.Scores]:
    rng = np.random.default_rng(0)
    positive, fold = rng.random(200) < 0.4, np.arange(200) % 5
    return {name: (positive, rng.normal(size=200) + effect * positive, fold) for name in names}


@pytest.mark.parametrize("rows", [1, 2])
def test_the_legend_keeps_clear_of_curves_below_chance(rows):
    groups = dict.fromkeys(map(str, range(3 * rows)), scores(("a", "b"), -1.0))
    figure = roc.draw(groups, style.SERIES)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    for axis in figure.axes:
        legend = axis.get_legend().get_window_extent()
        assert not legend.overlaps(axis.get_window_extent())
        assert figure.bbox.y0 <= legend.y0


@pytest.mark.parametrize(
    "names",
    [
        ("global", "local", "gate"),
        ("fourteen chars", "b"),
        ("guided and erased, with all of the masks", "unguided"),
        tuple(f"guided and erased, with all of the {n} masks" for n in ("five", "ten", "many")),
    ],
)
def test_the_legend_of_the_curves_covers_no_numbers_and_is_not_cut_off(names):
    figure = roc.draw(dict.fromkeys(("Outputs", "Runs"), scores(names, 2.0)), style.SERIES)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    for axis in figure.axes:
        legend = axis.get_legend().get_window_extent()
        for text in (*axis.get_xticklabels(), *axis.get_yticklabels(), axis.xaxis.label):
            assert not legend.overlaps(text.get_window_extent())
        assert figure.bbox.x0 <= legend.x0 and legend.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= legend.y0 and legend.y1 <= figure.bbox.y1
    # Panels of one size, whatever their legends.
    first, second = (axis.get_window_extent() for axis in figure.axes)
    assert first.height == pytest.approx(second.height, rel=0.01)
