"""Shapes between slices: closed forms for discs, and SimpleITK's distances for the rest."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from engine.images.image import Geometry
from engine.masks.interpolation import Pair, interpolate, signed_distance, slice_places
from engine.masks.mask import ImageReference, Mask
from engine.masks.shapes import disc, ellipse
from tests.engine.masks.mask_images import stack, turned

SHAPE = (120, 130)


def drawn(stamp) -> np.ndarray:
    out = np.zeros(SHAPE, bool)
    out[stamp.box.slices] = stamp.cover
    return out


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def mask_of(frames: dict, count: int) -> Mask:
    return Mask(ImageReference("key", count, SHAPE), frames=frames)


@pytest.mark.parametrize("along", [0.2, 0.5, 0.75])
@pytest.mark.parametrize(
    ("centre", "to"), [((60, 60), (60, 60)), ((50, 50), (60, 70)), ((25, 25), (95, 100))]
)
def test_between_two_discs_lies_the_disc_between(along, centre, to):
    """Distances to a disc are r - |x - c|: their mean is that of the mean radius and centre."""
    one, two = 12.0, 20.0
    between = Pair(drawn(disc(centre, one, SHAPE)), drawn(disc(to, two, SHAPE)), (1, 1)).at(along)
    row, col = ((1 - along) * np.array(centre) + along * np.array(to)).tolist()
    radius = (1 - along) * one + along * two
    rows, cols = np.indices(SHAPE)
    away = np.hypot(rows - row, cols - col)
    # Discs of pixels have an outline of steps: it is nowhere farther from the circle than a pixel.
    assert between[away <= radius - 1.0].all()
    assert not between[away >= radius + 1.0].any()
    assert abs(between.sum() / (np.pi * radius**2) - 1) < 0.03


def test_the_ends_are_the_drawn_frames():
    one = drawn(ellipse((50, 60), (30, 12), SHAPE, 0.4))
    two = drawn(disc((55, 66), 15, SHAPE)) | drawn(disc((20, 20), 8, SHAPE))
    pair = Pair(one, two, (1.3, 0.8))
    np.testing.assert_array_equal(pair.at(0.0), one)
    np.testing.assert_array_equal(pair.at(1.0), two)


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (1.7, 0.6)])
def test_several_pieces_follow_simpleitks_distances(spacing):
    """Where nothing is moved, it is the mean of the signed distances: SimpleITK's give the same.

    Its distances run to the border's centres, ours half a pixel farther: the sign of the mean can
    differ only within that.
    """
    one = drawn(disc((40, 40), 22, SHAPE)) | drawn(disc((90, 95), 12, SHAPE))
    two = drawn(ellipse((50, 50), (25, 10), SHAPE, 0.7)) | drawn(disc((85, 90), 18, SHAPE))
    maps = []
    for pixels in (one, two):
        picture = sitk.GetImageFromArray(pixels.astype(np.uint8))
        picture.SetSpacing(spacing[::-1])
        inside = sitk.SignedMaurerDistanceMap(
            picture, insideIsPositive=True, squaredDistance=False, useImageSpacing=True
        )
        maps.append(sitk.GetArrayFromImage(inside))
    for along in (0.25, 0.5, 0.6):
        found = Pair(one, two, spacing).at(along)
        mean = (1 - along) * maps[0] + along * maps[1]
        assert found[mean > max(spacing)].all()
        assert not found[mean < -max(spacing)].any()
        assert dice(found, mean >= -0.5 * min(spacing)) > 0.97


def test_signed_distances_are_scipys_and_change_sign_half_way():
    pixels = drawn(ellipse((50, 60), (30, 12), SHAPE, 0.4))
    signed = signed_distance(pixels, (1.0, 1.0))
    assert (signed > 0).tolist() == pixels.tolist()
    expected = ndimage.distance_transform_edt(pixels) - 0.5
    np.testing.assert_allclose(signed[pixels], expected[pixels])


def test_a_slanted_tube_keeps_its_width():
    count, radius = 11, 7.0
    ends = {0: (30.0, 30.0), 10: (80.0, 90.0)}
    mask = mask_of({i: drawn(disc(c, radius, SHAPE)) for i, c in ends.items()}, count)
    found = interpolate(mask, Geometry())
    assert found.keys() == set(range(1, 10))
    for index, pixels in found.items():
        centre = np.array(ends[0]) + index / 10 * (np.array(ends[10]) - np.array(ends[0]))
        np.testing.assert_allclose(np.argwhere(pixels).mean(axis=0), centre, atol=0.3)
        assert dice(pixels, drawn(disc(tuple(centre), radius, SHAPE))) > 0.94


def test_only_what_lies_between_is_filled_by_its_place_in_space():
    frames = {i: drawn(disc((60, 60), r, SHAPE)) for i, r in ((1, 10), (4, 22), (5, 22), (7, 30))}
    mask = mask_of(frames, 9)
    # Uneven slices: 2 lies a tenth, 3 half of the way from 1 to 4.
    places = np.array([0, 10, 11, 15, 20, 22, 24, 26, 28], float)
    affines = np.tile(np.eye(4), (9, 1, 1))
    affines[:, 2, 3] = places
    found = interpolate(mask, Geometry(frame_affines=affines))
    assert found.keys() == {2, 3, 6}
    for index, radius in ((2, 11.2), (3, 16.0), (6, 26.0)):
        assert abs(found[index].sum() / (np.pi * radius**2) - 1) < 0.04
    assert interpolate(mask_of({3: frames[1]}, 9), Geometry()) == {}
    assert interpolate(mask_of({3: frames[1], 4: frames[4]}, 9), Geometry()) == {}


def test_places_follow_the_normal_and_fall_back_to_numbers():
    image = stack(turned(3), frames=5, step=-3.3)
    np.testing.assert_allclose(np.abs(np.diff(slice_places(image.geometry, 5))), 3.3)
    back = image.geometry.frame_affines.copy()
    back[3:] = back[1:3]
    np.testing.assert_array_equal(slice_places(Geometry(frame_affines=back), 5), np.arange(5))
    np.testing.assert_array_equal(slice_places(Geometry(), 4), np.arange(4))


def test_shapes_at_the_edge_stay_at_the_edge():
    one = np.zeros(SHAPE, bool)
    one[:20, :30] = True
    two = np.zeros(SHAPE, bool)
    two[:30, :30] = True
    found = Pair(one, two, (1, 1)).at(0.5)
    assert found[:24, :25].all()  # the inner corner is rounded
    assert not found[27:].any()
