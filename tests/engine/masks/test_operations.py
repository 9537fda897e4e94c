"""Whole-frame operations against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from engine.masks import operations


@pytest.fixture(params=range(4))
def pixels(request) -> np.ndarray:
    rng = np.random.default_rng(request.param)
    return rng.random((23, 31)) < (0.02, 0.3, 0.9, 0.98)[request.param]


@pytest.mark.parametrize("distance", [1.0, 2.5, 6.0])
def test_grow_and_shrink_are_distances(pixels, distance):
    everywhere = np.argwhere(np.ones_like(pixels))
    near = cdist(everywhere, np.argwhere(pixels)).min(axis=1).reshape(pixels.shape)
    np.testing.assert_array_equal(operations.grow(pixels, distance), near <= distance)
    # Beyond the edge nothing is marked.
    wide = np.pad(pixels, 1)
    away = cdist(np.argwhere(np.ones_like(wide)), np.argwhere(~wide)).min(axis=1)
    away = away.reshape(wide.shape)[1:-1, 1:-1]
    np.testing.assert_array_equal(operations.shrink(pixels, distance), away > distance)


@pytest.mark.parametrize("spacing", [(2.0, 0.7), (0.4, 1.3)])
def test_growing_and_shrinking_in_mm_know_the_spacing(pixels, spacing):
    places = np.argwhere(np.ones_like(pixels)) * spacing
    near = cdist(places, np.argwhere(pixels) * spacing).min(axis=1).reshape(pixels.shape)
    np.testing.assert_array_equal(operations.grow(pixels, 2.1, spacing), near <= 2.1 + 1e-9)
    wide = np.pad(pixels, 1)
    places = np.argwhere(np.ones_like(wide)) * spacing
    away = cdist(places, np.argwhere(~wide) * spacing).min(axis=1)
    away = away.reshape(wide.shape)[1:-1, 1:-1]
    np.testing.assert_array_equal(operations.shrink(pixels, 2.1, spacing), away > 2.1 + 1e-9)


def test_growing_agrees_with_simpleitk():
    import SimpleITK as sitk

    pixels = np.zeros((60, 70), bool)
    pixels[20:35, 30:33] = pixels[40:42, 10:50] = True
    spacing = (1.5, 0.8)
    picture = sitk.GetImageFromArray(pixels.astype(np.uint8))
    picture.SetSpacing(spacing[::-1])
    distance = sitk.SignedMaurerDistanceMap(
        picture, insideIsPositive=False, squaredDistance=False, useImageSpacing=True
    )
    expected = sitk.GetArrayFromImage(distance) <= 5.0
    np.testing.assert_array_equal(operations.grow(pixels, 5.0, spacing), expected)


def test_smoothing_rounds_corners_and_keeps_the_size():
    pixels = np.zeros((60, 60), bool)
    pixels[15:45, 15:45] = True
    pixels[5, 5] = True
    smooth = operations.smooth(pixels, 2)
    assert not smooth[5, 5]
    assert not smooth[15, 15]
    assert smooth[15, 30]
    assert abs(int(smooth.sum()) - 900) < 30


def test_the_largest_piece_stays():
    pixels = np.zeros((20, 20), bool)
    pixels[2:5, 2:5] = True
    pixels[5, 5] = True  # hangs on by a corner
    pixels[10:13, 10:13] = True
    expected = pixels.copy()
    expected[10:13, 10:13] = False
    np.testing.assert_array_equal(operations.keep_largest(pixels), expected)


def test_nothing_stays_nothing():
    empty = np.zeros((9, 9), bool)
    for result in (
        operations.grow(empty, 3),
        operations.shrink(empty, 3),
        operations.smooth(empty, 3),
        operations.keep_largest(empty),
    ):
        assert not result.any()
    assert operations.invert(empty).all()
