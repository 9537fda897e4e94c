"""What a reader is told as a number, where rounding would mislead."""

from __future__ import annotations

import pytest

from engine.report import numbers


@pytest.mark.parametrize(
    ("value", "said"), [(0.9961, ">99 %"), (1.0, ">99 %"), (0.8, "80 %"), (0.001, "<1 %")]
)
def test_no_probability_is_certain(value, said):
    assert numbers.probability(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        *((0.0, "0.00"), (0.0002, "<0.001"), (0.0037, "0.004"), (0.0099, "0.010")),
        *((0.00999, "0.01"), (0.32, "0.32"), (1.0, "1.00"), (None, "–")),
    ],
)
def test_the_chance_of_a_small_lesion_is_not_nothing(value, said):
    assert numbers.share(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        *((18.71, "18.7×"), (99.94, "99.9×"), (99.96, "100×")),
        *((132.5, "132×"), (1e5, ">9999×"), (None, "–")),
    ],
)
def test_a_lift_fits_its_column(value, said):
    assert numbers.lift(value) == said
