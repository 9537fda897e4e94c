"""Paths are the cheapest there are, and lie on the edges."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage.graph import route_through_array

from engine.masks.livewire import NEAR, Livewire, simplified
from engine.masks.shapes import polygon


def path_cost(path: np.ndarray, cost: np.ndarray) -> float:
    """Each step: its length times the mean cost of its ends."""
    steps = np.hypot(*np.diff(path, axis=0).T)
    values = cost[tuple(path.T)]
    return float((steps * (values[1:] + values[:-1]) / 2).sum())


def blob(shape=(400, 420), seed=3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    pixels = ndimage.gaussian_filter(rng.normal(size=shape), 18)
    pixels = np.where(pixels > 0, 200.0, 60.0) + rng.normal(0, 8, shape)
    return pixels.astype(np.float32)


@pytest.mark.parametrize("seed", range(4))
def test_near_paths_cost_what_scikit_image_finds(seed):
    wire = Livewire(blob((150, 160), seed))
    rng = np.random.default_rng(seed)
    for _ in range(3):
        anchor = (int(rng.integers(40, 110)), int(rng.integers(50, 110)))
        wire.set_anchor(anchor)
        for _ in range(4):
            row, col = anchor + rng.integers(-40, 40, 2)
            path = wire.path_to((int(row), int(col)))
            assert tuple(path[0]) == anchor
            assert tuple(path[-1]) == (row, col)
            assert np.abs(np.diff(path, axis=0)).max() == 1
            _, best = route_through_array(wire.cost, anchor, (row, col), geometric=True)
            assert path_cost(path, wire.cost) == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_far_paths_are_connected_and_nearly_the_cheapest(seed):
    wire = Livewire(blob(seed=seed))
    wire.set_anchor((10, 12))
    for point in ((380, 400), (395, 20), (11, 13 + NEAR), (200, 410)):
        path = wire.path_to(point)
        assert tuple(path[0]) == (10, 12)
        assert tuple(path[-1]) == point
        assert np.abs(np.diff(path, axis=0)).max() == 1
        _, best = route_through_array(wire.cost, (10, 12), point, geometric=True)
        assert best <= path_cost(path, wire.cost) * (1 + 1e-9)
        assert path_cost(path, wire.cost) < 1.05 * best


def test_four_clicks_outline_a_disc_to_a_pixel():
    rows, cols = np.indices((200, 200))
    away = np.hypot(rows - 100, cols - 98)
    rng = np.random.default_rng(0)
    pixels = np.where(away < 50, 300, 100) + rng.normal(0, 15, away.shape)
    wire = Livewire(pixels.astype(np.float32))
    clicks = [(50, 98), (100, 148), (150, 98), (100, 48)]
    corners: list[tuple[float, float]] = []
    for one, two in zip(clicks, clicks[1:] + clicks[:1], strict=True):
        wire.set_anchor(one)
        path = wire.path_to(two)
        assert np.abs(np.hypot(*(path - (100, 98)).T) - 50).max() < 3.0
        corners += simplified(path)[:-1]
    box, cover = polygon(corners, away.shape, "non-zero")
    found = np.zeros(away.shape, bool)
    found[box.slices] = cover
    assert 2 * (found & (away < 50)).sum() / (found.sum() + (away < 50).sum()) > 0.97


def test_points_beyond_the_image_and_bad_values():
    pixels = blob((60, 70))
    pixels[5, 5] = np.nan
    wire = Livewire(pixels)
    with pytest.raises(ValueError, match="anchor"):
        wire.path_to((3, 3))
    wire.set_anchor((-5, 200))
    assert wire.anchor == (0, 69)
    assert tuple(wire.path_to((900, -4))[-1]) == (59, 0)
    assert wire.path_to((0, 69)).tolist() == [[0, 69]]
    flat = Livewire(np.zeros((30, 30), np.float32))
    flat.set_anchor((5, 5))
    assert len(flat.path_to((5, 20))) == 16


def test_simplified_paths_keep_their_turns():
    path = np.array([(0, 0), (0, 1), (0, 2), (1, 3), (2, 4), (2, 5)])
    assert simplified(path) == [(0, 0), (0, 2), (2, 4), (2, 5)]
    assert simplified(path[:1]) == [(0, 0)]
