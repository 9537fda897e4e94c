"""Mirror axis and asymmetry against shapes whose axis and sums are known."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import InvalidInputError
from engine.images.image import Image
from engine.saliency.anatomy import foreground
from engine.saliency.map import Provenance, SaliencyMap
from engine.saliency.mirror import (
    asymmetry,
    find_axis,
    mirror_difference,
    mirrored,
    overlap_at,
    pixel_difference,
)


def limbs(axis: float, shape=(60, 101), half=22.0, radius=14.0) -> np.ndarray:
    """Two discs, each as far from the axis as the other."""
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    away = (rows - 30) ** 2
    return (away + (cols - axis - half) ** 2 < radius**2) | (
        away + (cols - axis + half) ** 2 < radius**2
    )


@pytest.mark.parametrize("axis", [50.0, 47.5, 41.0, 58.5])
def test_the_axis_between_two_limbs_is_found_to_the_half_column(axis):
    found = find_axis(limbs(axis))
    assert (found.col, found.overlap) == (axis, pytest.approx(1))
    assert overlap_at(limbs(axis), axis) == 1
    assert overlap_at(limbs(axis), axis + 6) < 0.8


def test_one_swollen_limb_moves_the_axis_little_and_what_fills_the_image_has_its_middle():
    body = limbs(50.0)
    rows, cols = np.mgrid[:60, :101]
    body |= (rows - 30) ** 2 + (cols - 72) ** 2 < 17**2
    found = find_axis(body)
    assert abs(found.col - 50) <= 1.5 and 0.7 < found.overlap < 1
    assert find_axis(np.ones((5, 8), bool)).col == 3.5
    with pytest.raises(InvalidInputError, match="no body"):
        find_axis(np.zeros((5, 8), bool))


def test_asymmetry_is_the_closed_form():
    values = np.zeros((4, 11), np.float32)
    values[:, 2], values[:, 7] = 1, 3  # 4 on the left at 2.5 columns, 12 on the right at 2.5
    values[0, 3] = -100  # speaks against, and is not relevance
    found = asymmetry(values, 4.5)
    assert found.index == pytest.approx((12 - 4) / 16) and found.left_share == 0.25
    np.testing.assert_array_equal(found.distance, np.arange(5) + 0.5)
    np.testing.assert_array_equal(found.left, [0, 0, 4, 0, 0])
    np.testing.assert_array_equal(found.right, [0, 0, 12, 0, 0])
    np.testing.assert_array_equal(found.columns, [0, 0, 4, 0, 0, 0, 0, 12, 0, 0, 0])
    # Through a column, which belongs to neither side.
    through = asymmetry(values, 7.0)
    np.testing.assert_array_equal(through.distance, [1, 2, 3])
    assert through.index is None and not through.right.any()
    inside = np.zeros(values.shape, bool)
    inside[:2] = True
    assert asymmetry(values, 4.5, inside).right.sum() == 6
    assert asymmetry(values[:, ::-1], 5.5).index == pytest.approx(-0.5)
    for col in (0.0, 10.0, -3.0):
        with pytest.raises(InvalidInputError, match=r"between 0\.5 and 9\.5"):
            asymmetry(values, col)


def test_mirrored_twice_is_the_same_where_both_sides_are():
    values = np.random.default_rng(0).random((3, 9)).astype(np.float32)
    np.testing.assert_array_equal(mirrored(values, 4.0), values[:, ::-1])
    once = mirrored(values, 2.5)
    np.testing.assert_array_equal(once[:, :6], values[:, 5::-1])
    assert np.isnan(once[:, 6:]).all()
    np.testing.assert_array_equal(mirrored(once, 2.5)[:, :6], values[:, :6])


def test_the_difference_of_a_map_changes_sign_across_the_axis():
    values = np.random.default_rng(0).random((3, 9)).astype(np.float32)
    made_by = Provenance("Demo 1", "a", "gate", "channel-sum", {"device": "cpu"}, frame=1)
    found = mirror_difference(
        SaliencyMap("gate", values, values.copy(), "nonnegative", 0, "benign", made_by), 3.5
    )
    assert (found.name, found.sign) == ("gate-mirror", "signed")
    np.testing.assert_allclose(found.values[:, :8], -found.values[:, 7::-1])
    assert (found.values[:, 8] == 0).all()
    assert found.provenance.parameters == {"axis_col": 3.5, "of": "channel-sum", "device": "cpu"}
    assert found.provenance.frame == 1


def test_pixels_differ_where_one_limb_does():
    grey = np.random.default_rng(0).integers(90, 110, (60, 101)) * limbs(50.0)
    grey[25:35, 68:76] += 100
    image = Image(grey.astype(np.int16)[None])
    body = foreground(image.grey(0))
    axis = find_axis(body)
    assert axis.col == 50
    found = pixel_difference(image, 0, axis.col)
    assert found.values[27:33, 70:74].min() > 0.3 and found.values[27:33, 27:30].max() < -0.3
    assert np.abs(found.values[:20]).max() < 0.2
    assert (found.values[:3] == 0).all() and found.provenance.image_key == image.key
    assert asymmetry(image.grey(0), axis.col, body).index > 0.02
