"""Contours against maps whose lines are known: planes, cones, and maps of two signs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.saliency.contours import SMOOTH, contours, is_pixelwise, thinned
from engine.saliency.map import Provenance, SaliencyMap


def saliency(values, sign="nonnegative", raw=(7, 7)) -> SaliencyMap:
    made_by = Provenance("test", "0", "gate", "channel-sum")
    values = np.asarray(values, np.float32)
    return SaliencyMap("gate", values, np.zeros(raw, np.float32), sign, 0, "benign", made_by)


def test_a_plane_has_straight_lines_between_pixel_centres():
    values = np.broadcast_to(np.arange(11.0), (6, 11))
    found = contours(saliency(values), (0.25, 0.55), 10.0, signed=False)
    assert [level.value for level in found.levels] == [2.5, 5.5] and found.sigma == 0
    for level in found.levels:
        (line,) = level.lines
        np.testing.assert_allclose(line[:, 0], level.value + 0.5, atol=1e-6)
        assert (line[:, 1].min(), line[:, 1].max()) == (0.5, 5.5)


def test_a_cone_has_closed_circles_of_the_right_radius():
    rows, cols = np.mgrid[:101, :101]
    values = np.maximum(40 - np.hypot(rows - 50, cols - 50), 0)
    found = contours(saliency(values), (0.5,), 40.0, signed=False)
    (line,) = found.levels[0].lines
    np.testing.assert_array_equal(line[0], line[-1])
    np.testing.assert_allclose(np.hypot(line[:, 0] - 50.5, line[:, 1] - 50.5), 20, atol=0.05)


def test_signed_maps_have_lines_on_both_sides_of_zero():
    values = np.broadcast_to(np.linspace(-1, 1, 21), (5, 21))
    found = contours(saliency(values, "signed"), (0.5, 0.25), 1.0, signed=True)
    assert [level.share for level in found.levels] == [-0.5, -0.25, 0.25, 0.5]
    for level in found.levels:
        np.testing.assert_allclose(level.lines[0][:, 0], 10.5 + 10 * level.share, atol=1e-5)


def test_maps_of_single_pixels_are_smoothed_and_levels_are_of_what_is_left():
    rng = np.random.default_rng(0)
    rows, cols = np.mgrid[:200, :200]
    values = np.exp(-((rows - 100) ** 2 + (cols - 100) ** 2) / 800) * rng.normal(1, 2, (200, 200))
    noisy = saliency(values, "signed", raw=(224, 224))
    assert is_pixelwise(noisy) and not is_pixelwise(saliency(values, raw=(24, 24)))
    found = contours(noisy, (0.5,), float(np.abs(values).max()), signed=True)
    assert found.sigma == pytest.approx(SMOOTH * 200)
    upper = found.levels[1]
    assert 0 < upper.value < 0.5 * np.abs(values).max()
    assert 0 < len(upper.lines) < 60
    raw = contours(saliency(values, "signed"), (0.2,), float(np.abs(values).max()), signed=True)
    assert len(raw.levels[1].lines) > 200


def test_a_difference_of_cells_is_not_smoothed_and_one_of_pixels_is():
    from engine.saliency.difference import difference

    values = np.random.default_rng(0).random((90, 90)).astype(np.float32)
    cells = saliency(values)
    assert not is_pixelwise(difference(cells, saliency(values[::-1])))
    pixels = replace(cells, name="shap-gate")
    assert is_pixelwise(difference(cells, pixels))


def test_points_on_a_straight_way_are_left_out_and_bends_stay():
    straight = np.column_stack([np.arange(100.0), 2 * np.arange(100.0)])
    thin = thinned(straight)
    assert len(thin) < 10 and (thin[0] == straight[0]).all() and (thin[-1] == straight[-1]).all()
    bend = np.array([[0, 0], [1, 0], [1, 1], [2, 1], [2, 2]], float)
    np.testing.assert_array_equal(thinned(bend), bend)
    circle = np.array([[np.cos(a), np.sin(a)] for a in np.linspace(0, 2 * np.pi, 500)]) * 60
    thin = thinned(circle)
    middles = (thin[1:] + thin[:-1]) / 2
    assert len(thin) < 250 and np.abs(np.hypot(*middles.T) - 60).max() < 0.1


def test_what_is_not_there_has_no_line():
    assert contours(saliency(np.zeros((5, 5))), (0.5,), 0.0, signed=False).levels == ()
    values = np.full((5, 9), np.nan)
    values[:, 4:] = np.arange(5.0)
    found = contours(saliency(values), (0.5,), 4.0, signed=False)
    np.testing.assert_allclose(found.levels[0].lines[0][:, 0], 6.5)
    found = contours(saliency(values), (0.0, 1.0, 0.5, 0.5), 4.0, signed=False)
    assert [level.share for level in found.levels] == [0.5]
