"""The figures keep what they say readable."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from training.figures import roc, style


@pytest.mark.parametrize(
    "names",
    [
        ("global", "local", "gate"),
        ("fourteen chars", "b"),
        ("guided and erased, with all of the masks", "unguided"),
    ],
)
def test_the_legend_of_the_curves_covers_no_numbers_and_is_not_cut_off(names):
    rng = np.random.default_rng(0)
    positive = rng.random(200) < 0.4
    scores = {name: (positive, rng.normal(size=200), np.arange(200) % 5) for name in names}
    figure = roc.draw({"Outputs": scores, "Runs": scores}, style.SERIES)
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
