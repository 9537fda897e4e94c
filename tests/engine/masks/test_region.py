"""Region growing against SimpleITK's connected threshold, and the threshold brush's range."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from engine.errors import CancelledError
from engine.images.image import Image
from engine.masks.region import region, region_through, tolerance_range
from engine.masks.shapes import Box
from engine.masks.threshold import IntensityRange, picked_range
from engine.progress import Progress


@pytest.fixture(params=range(4))
def image(request) -> Image:
    rng = np.random.default_rng(request.param)
    noise = ndimage.gaussian_filter(rng.normal(size=(7, 40, 50)), (1, 2.5, 2.5))
    return Image((noise / noise.std() * 100 + 500).astype(np.float32))


def test_a_region_is_simpleitks_connected_threshold(image):
    rng = np.random.default_rng(9)
    sizes = []
    for _ in range(10):
        frame, row, col = (int(rng.integers(n)) for n in image.pixels.shape)
        pixels = image.grey(frame)
        low, high = tolerance_range(pixels, (row, col), 60.0)
        expected = sitk.GetArrayFromImage(
            sitk.ConnectedThreshold(
                sitk.GetImageFromArray(pixels), [(col, row)], float(low), float(high)
            )
        ).astype(bool)
        box, cover = region(pixels, (row, col), low, high)
        found = np.zeros_like(expected)
        found[box.slices] = cover
        np.testing.assert_array_equal(found, expected)
        through = region_through(image, (frame, row, col), low, high)
        whole = sitk.GetArrayFromImage(
            sitk.ConnectedThreshold(
                sitk.GetImageFromArray(image.pixels), [(col, row, frame)], float(low), float(high)
            )
        ).astype(bool)
        assert through.keys() == {i for i, p in enumerate(whole) if p.any()}
        for index, pixels in through.items():
            np.testing.assert_array_equal(pixels, whole[index])
        sizes.append(whole.sum())
    assert max(sizes) > 200


def test_a_seed_outside_grows_nothing(image):
    assert region(image.grey(0), (-1, 3), 0, 1e9).box.is_empty
    assert region(image.grey(0), (3, 50), 0, 1e9).box.is_empty
    assert region(image.grey(0), (3, 3), 1e8, 1e9).box.is_empty
    assert region_through(image, (0, 3, 3), 1e8, 1e9) == {}


def test_growing_through_slices_can_be_cancelled(image):
    progress = Progress(lambda fraction, text: progress.cancel())
    with pytest.raises(CancelledError):
        region_through(image, (0, 3, 3), 0, 1e9, progress)


def test_a_range_holds_its_ends_and_no_nan():
    pixels = np.array([[1, 2, 3, np.nan], [4, 5, 6, 2]], np.float32)
    within = IntensityRange(pixels, 2, 4)
    np.testing.assert_array_equal(
        within(Box(0, 1, 2, 4)), [[True, True, False], [False, False, True]]
    )


def test_a_picked_range_is_that_of_the_tissue_around():
    rng = np.random.default_rng(0)
    pixels = np.where(np.arange(60) < 30, 100, 400) + rng.normal(0, 10, (60, 60))
    pixels = pixels.astype(np.float32)
    for col, level in ((15, 100), (45, 400)):
        low, high = picked_range(pixels, (30, col))
        assert level - 40 < low < level - 8
        assert level + 8 < high < level + 40
    low, high = picked_range(pixels, (30, 28))
    assert high < 250, "the other side of an edge does not count"
    pixels[10, 10] = 900
    low, high = picked_range(pixels, (10, 10))
    assert high >= 900, "the pixel that was picked can be painted"
    assert picked_range(pixels, (0, 0))[0] < 100
    assert picked_range(np.full((5, 5), np.nan, np.float32), (2, 2)) == (0.0, 0.0)
