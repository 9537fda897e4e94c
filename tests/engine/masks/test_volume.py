"""Operations through slices against scipy on the whole volume."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from engine.errors import CancelledError
from engine.masks import operations, volume
from engine.masks.components import Linked
from engine.masks.mask import ImageReference, Mask
from engine.progress import Progress

SPACING = (3.3, 0.7, 1.1)


def mask_of(pixels: np.ndarray) -> Mask:
    reference = ImageReference("key", pixels.shape[0], pixels.shape[1:])
    return Mask(reference, frames={i: p for i, p in enumerate(pixels) if p.any()})


def applied(mask: Mask, frames: dict) -> np.ndarray:
    out = mask.volume()
    for index, pixels in frames.items():
        out[index] = pixels
    return out


volumes = arrays.arrays(np.bool_, (5, 9, 11), elements=st.booleans(), fill=st.just(False))


@settings(deadline=None, max_examples=60)
@given(volumes, st.sampled_from([0.5, 0.7, 1.5, 3.4, 6.7]), st.sampled_from([SPACING, (1, 1, 1)]))
def test_growing_and_shrinking_are_distances_in_space(pixels, distance, spacing):
    mask = mask_of(pixels)
    if pixels.any():
        near = ndimage.distance_transform_edt(~pixels, sampling=spacing) <= distance + 1e-9
    else:
        near = pixels
    np.testing.assert_array_equal(applied(mask, volume.grow(mask, distance, spacing)), near)
    depth = ndimage.distance_transform_edt(np.pad(pixels, 1), sampling=spacing)
    deep = depth[1:-1, 1:-1, 1:-1] > distance + 1e-9
    np.testing.assert_array_equal(applied(mask, volume.shrink(mask, distance, spacing)), deep)


@settings(deadline=None, max_examples=60)
@given(volumes)
def test_the_largest_piece_is_that_of_the_whole_volume(pixels):
    mask = mask_of(pixels)
    labels, count = ndimage.label(pixels, structure=np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel())[1:]
    kept = applied(mask, volume.keep_largest(mask))
    if count == 0:
        assert not kept.any()
        return
    assert kept.sum() == sizes.max()
    assert len(np.unique(labels[kept])) == 1


@settings(deadline=None, max_examples=60)
@given(volumes, st.booleans())
def test_pieces_found_slice_by_slice_are_those_of_the_volume(pixels, corners):
    structure = np.ones((3, 3, 3)) if corners else None
    labels, _ = ndimage.label(pixels, structure=structure)
    linked = Linked(range(len(pixels)), lambda i: pixels[i], corners=corners)
    assert sorted(linked.sizes) == sorted(np.bincount(labels.ravel())[1:])
    for index, row, col in np.argwhere(pixels)[:20]:
        piece = linked.piece_at(index, row, col)
        found = np.stack([linked.region(i, piece) for i in range(len(pixels))])
        np.testing.assert_array_equal(found, labels == labels[index, row, col])
    assert linked.piece_at(0, 0, 0) is None or pixels[0, 0, 0]


@pytest.mark.parametrize("sigma", [0.8, 2.0])
def test_smoothing_is_a_gaussian_in_space(sigma):
    rng = np.random.default_rng(1)
    pixels = ndimage.gaussian_filter(rng.normal(size=(9, 40, 40)), (1, 3, 3)) > 0.02
    pixels[:2] = False
    mask = mask_of(pixels)
    blurred = ndimage.gaussian_filter(
        pixels.astype(np.float64), [sigma / s for s in SPACING], mode="nearest"
    )
    sure = np.abs(blurred - 0.5) > 1e-5
    found = applied(mask, volume.smooth(mask, sigma, SPACING))
    np.testing.assert_array_equal(found[sure], (blurred >= 0.5)[sure])


def test_each_frame_is_worked_on_by_itself():
    pixels = np.zeros((4, 20, 20), bool)
    pixels[1, 5:9, 5:9] = pixels[3, 2:4, 2:4] = True
    mask = mask_of(pixels)
    found = volume.each_frame(mask, lambda p: operations.grow(p, 2))
    assert found.keys() == {1, 3}
    for index in (1, 3):
        np.testing.assert_array_equal(found[index], operations.grow(pixels[index], 2))
    assert volume.changed(mask, found | {0: pixels[0]}).keys() == {1, 3}


@pytest.mark.parametrize(
    "work",
    [
        lambda mask, p: volume.grow(mask, 2, SPACING, p),
        lambda mask, p: volume.shrink(mask, 2, SPACING, p),
        lambda mask, p: volume.smooth(mask, 2, SPACING, p),
        lambda mask, p: volume.keep_largest(mask, p),
        lambda mask, p: volume.each_frame(mask, operations.keep_largest, p),
    ],
)
def test_long_work_reports_and_can_be_cancelled(work):
    pixels = np.zeros((12, 30, 30), bool)
    pixels[:, 5:20, 5:20] = True
    reports = []

    def stop(fraction, text):
        reports.append(fraction)
        if len(reports) == 3:
            progress.cancel()

    progress = Progress(stop)
    with pytest.raises(CancelledError):
        work(mask_of(pixels), progress)
    assert reports == sorted(reports)
    assert len(reports) == 3
