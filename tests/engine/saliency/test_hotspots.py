"""Hot spots rank and count ties as RRA does, whatever the order of the pixels in memory."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import InvalidInputError
from engine.evaluation.coherence import coherence
from engine.saliency.contours import smoothed
from engine.saliency.hotspots import hot_spot, least_drawn
from tests.engine.saliency.test_scale import saliency


def test_without_ties_it_is_the_most_relevant_pixels():
    values = np.random.default_rng(0).permutation(400).astype(np.float32).reshape(20, 20)
    spot = hot_spot(values, 0.05)
    assert spot.count == 20 and not spot.tied.any()
    np.testing.assert_array_equal(spot.sure, values >= 380)
    assert spot.level == 380


def test_its_mean_over_the_mask_is_rra_with_ties_and_zeros():
    rng = np.random.default_rng(1)
    for _ in range(40):
        values = np.maximum(rng.integers(-3, 6, (11, 13)), 0).astype(np.float32)
        mask = rng.random((11, 13)) < rng.uniform(0.02, 0.4)
        if not mask.any() or not values.any():
            continue
        area = int(mask.sum())
        spot = hot_spot(values, count=area)
        if np.count_nonzero(values) < area:  # the zeros that fill RRA's ranks are no hot spot
            np.testing.assert_array_equal(spot.largest, values > 0)
            continue
        assert spot.expected[mask].sum() / area == pytest.approx(coherence(values, mask).rra)
        assert spot.expected.sum() == pytest.approx(area)


def test_ties_at_the_edge_are_all_named_and_none_is_chosen():
    values = np.zeros((10, 10), np.float32)
    values[2:4, 2:4] = 2  # 4 pixels ahead
    values[6:8] = 1  # 20 pixels share rank 10
    spot = hot_spot(values, 0.10)
    np.testing.assert_array_equal(spot.sure, values == 2)
    np.testing.assert_array_equal(spot.tied, values == 1)
    assert spot.chance == pytest.approx(6 / 20)
    turned = hot_spot(values[::-1, ::-1], 0.10)
    np.testing.assert_array_equal(turned.tied[::-1, ::-1], spot.tied)


def test_signs_and_what_has_no_hot_spot():
    values = np.array([[-4, 1, 2, 0.5]], np.float32)
    assert hot_spot(values, count=1).sure.tolist() == [[False, False, True, False]]
    absolute = hot_spot(values, count=1, sign="absolute")
    assert absolute.sure.tolist() == [[True, False, False, False]]
    with pytest.raises(InvalidInputError, match="positive nowhere"):
        hot_spot(-np.ones((2, 2)), 0.1)
    for share in (0.0, 1.1, None):
        with pytest.raises(InvalidInputError, match="at most 100 %"):
            hot_spot(values, share)
    with pytest.raises(InvalidInputError, match="1 to 4 pixels"):
        hot_spot(values, count=5)


def test_what_is_nearly_zero_is_not_hot_whatever_its_rank():
    """Four pixels stand out; the fifth to tenth per cent by rank are a thousandth of them."""
    values = np.random.default_rng(2).uniform(1e-4, 1e-3, (20, 20)).astype(np.float32)
    values[5:7, 5:7] = [[1.0, 0.9], [0.8, 0.05]]
    least = least_drawn(saliency(values, "nonnegative"))
    assert hot_spot(values, 0.1).sure.sum() == 40  # as RRA ranks
    spot = hot_spot(values, 0.1, least=least)
    np.testing.assert_array_equal(spot.largest, values >= np.float32(0.05))
    assert (spot.count, spot.short, spot.level) == (40, 4 / 400, pytest.approx(0.05))
    # Where enough pixels are high, nothing changes.
    assert hot_spot(values, 0.01, least=least).short is None
    with pytest.raises(InvalidInputError, match="near zero"):
        hot_spot(values, 0.1, least=2.0)


def test_a_blurred_map_is_measured_by_what_the_blur_leaves():
    """Single pixels of a SHAP map stand far out of what lines are drawn on."""
    rng = np.random.default_rng(5)
    values = rng.laplace(0.02, 1.0, (200, 200)).astype(np.float32)
    values[80:120, 60:110] += 0.15
    pixels = saliency(values, "signed")
    drawn, sigma = smoothed(pixels)
    assert sigma > 0
    spot = hot_spot(drawn, 0.1, least=least_drawn(pixels, drawn))
    assert spot.short is None and spot.sure.sum() == spot.count == 4000
    # By the unblurred map's strongest pixels most of the ten per cent would be nearly nothing.
    assert hot_spot(drawn, 0.1, least=least_drawn(pixels)).sure.sum() < 2500
