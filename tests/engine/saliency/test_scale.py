"""The colour scale of a map: the same rule in the window and in files."""

from __future__ import annotations

import numpy as np
import pytest

from engine.saliency.map import Provenance, SaliencyMap
from engine.saliency.scale import fade, is_shut, natural_range


def saliency(values: np.ndarray, sign: str = "signed") -> SaliencyMap:
    values = values.astype(np.float32)
    made_by = Provenance("test", "0" * 64, "gate", "channel-sum")
    return SaliencyMap("x", values, values.copy(), sign, 0, "malignant", made_by)


def test_a_few_extreme_pixels_do_not_empty_a_signed_map() -> None:
    values = np.random.default_rng(0).normal(0, 1, (200, 300))
    values[0, :20] = -1000.0  # fewer than a thousandth
    low, high = saliency(values).range
    assert low == -high
    assert 3.0 < high < 5.0
    # What is not extreme keeps its largest value.
    flat = np.linspace(-1, 1, 60_000).reshape(200, 300)
    assert saliency(flat).range[1] == pytest.approx(1, abs=2e-3)


def test_nonnegative_maps_run_from_zero_to_their_maximum() -> None:
    values = np.random.default_rng(0).random((20, 30)) + 5
    assert saliency(values, "nonnegative").range == (0.0, np.float32(values.max()))


@pytest.mark.parametrize("sign", ["signed", "nonnegative"])
def test_an_empty_map_still_has_a_scale(sign) -> None:
    low, high = natural_range(saliency(np.zeros((4, 5)), sign))
    assert low < high
    lonely = np.zeros((100, 100))
    lonely[3, 3] = 2.0  # one pixel, fewer than a thousandth
    assert natural_range(saliency(lonely, sign))[1] == 2.0


@pytest.mark.parametrize(("opening", "top"), [(1.0, 2.0), (0.05, 2.0), (0.04, 50.0), (0.0, 1.0)])
def test_what_a_shut_gate_lets_through_is_drawn_as_if_it_were_open(opening, top) -> None:
    values = np.zeros((4, 5), np.float32)
    values[1, 1] = 2.0 if opening else 0.0
    made_by = Provenance("test", "0" * 64, "gate", "channel-sum", {"gate_opening": opening})
    found = SaliencyMap("gate", values, values.copy(), "nonnegative", 0, "malignant", made_by)
    assert found.range == pytest.approx((0.0, top)) and is_shut(found) is (opening < 0.05)
    low, high = natural_range(found, signed=True)
    assert high == pytest.approx(top) and low == -high


def test_opacity_grows_with_the_value_over_the_whole_scale() -> None:
    faded = fade(np.linspace(-0.5, 1.5, 81))
    assert faded.min() == 0 and faded.max() == 1
    inner = fade(np.linspace(0, 1, 101))
    assert np.all(np.diff(inner) > 0)
    assert fade(np.array([0.2]))[0] < 0.15
