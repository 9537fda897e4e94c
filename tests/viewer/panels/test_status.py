"""The line at the foot: a map's value under the cursor, written as over the view."""

from __future__ import annotations

import pytest

from viewer.canvas.readout import CursorReading
from viewer.panels.status import signed


@pytest.mark.parametrize(
    ("value", "negatives", "said"),
    [
        *((1.62e-6, False, "1.6e−6"), (566.2, False, "566"), (0.0, True, "0")),
        *((0.0123, True, "+0.0123"), (-0.0123, True, "−0.0123")),
    ],
)
def test_values_of_maps_are_short_with_a_sign_where_there_are_two(value, negatives, said):
    assert signed(value, negatives) == said


def test_a_map_of_another_image_is_written_alike(bare_window):
    status = bare_window().status
    status.show_reading(CursorReading(3, 4, 0, True, 71.0, 1.62e-6, elsewhere=True))
    assert status.maps.text() == "map 1.6e−6"
