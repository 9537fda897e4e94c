"""Values of input pixels land where the input pixels lie in the image."""

from __future__ import annotations

import numpy as np
import pytest

from engine.images.image import Image
from engine.images.preprocess import ModelInput, Preprocessing, to_model_input
from engine.saliency import pixels


def prepared(shape: tuple[int, int], keep_aspect: bool) -> ModelInput:
    image = Image(np.zeros((1, *shape), np.uint8))
    return to_model_input(image, 0, Preprocessing(size=(64, 64), keep_aspect=keep_aspect))


SHAPES = [(64, 64), (300, 200), (37, 51), (20, 200), (64, 30)]


@pytest.mark.parametrize("keep_aspect", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_spot_lands_where_it_lies(shape: tuple[int, int], keep_aspect: bool):
    way = prepared(shape, keep_aspect)
    rows, cols = np.nonzero(way.valid)
    # A spot of 5 × 5 input pixels, away from the border by its own width where there is room.
    at = np.array([rows.min() + np.ptp(rows) * 0.4, cols.min() + np.ptp(cols) * 0.6]).round()
    grid = np.indices((64, 64)) - at[:, None, None]
    spot = np.clip(3 - np.abs(grid), 0, None).prod(axis=0) * way.valid
    placed = pixels.to_image(spot.astype(np.float32), way, shape)
    assert placed.shape == shape and placed.dtype == np.float32
    centre = [(np.indices(shape)[axis] * placed).sum() / placed.sum() for axis in (0, 1)]
    spot_centre = [(np.indices((64, 64))[axis] * spot).sum() / spot.sum() for axis in (0, 1)]
    expected = way.to_image @ [*spot_centre, 1]
    step = np.abs(np.diag(way.to_image)[:2])
    assert np.all(np.abs(np.array(centre) - expected[:2]) < np.maximum(0.1 * step, 0.1))


@pytest.mark.parametrize("shape", SHAPES)
def test_constants_stay_and_padding_does_not_leak(shape: tuple[int, int]):
    way = prepared(shape, keep_aspect=True)
    values = np.where(way.valid, 2.5, 1e6).astype(np.float32)
    np.testing.assert_allclose(pixels.to_image(values, way, shape), 2.5, rtol=1e-6)


def test_no_input_pixel_is_passed_over_where_the_image_is_coarser():
    way = prepared((16, 16), keep_aspect=True)
    rng = np.random.default_rng(0)
    values = rng.normal(size=(64, 64)).astype(np.float32)
    basis = np.eye(64, dtype=np.float32)
    weight = sum(pixels.to_image(np.outer(row, np.ones(64)), way, (16, 16)).sum() for row in basis)
    assert weight == pytest.approx(16 * 16)
    for row in basis:  # each row of input pixels weighs about the same
        share = pixels.to_image(np.outer(row, np.ones(64)), way, (16, 16)).sum()
        assert share == pytest.approx(16 * 16 / 64, rel=0.35)
    assert pixels.to_image(values, way, (16, 16)).mean() == pytest.approx(values.mean(), abs=0.03)


def test_identity():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(64, 64)).astype(np.float32)
    assert np.array_equal(pixels.to_image(values, prepared((64, 64), True), (64, 64)), values)
