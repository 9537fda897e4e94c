"""Frame to model input: where pixels go, what they become, and the exact way back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.images import windowing
from engine.images.image import Display, Geometry, Image
from engine.images.preprocess import Preprocessing, to_model_input, unit_intensity

PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0), "intensity": "dtype-range"}


def _image(pixels: np.ndarray, **parts: object) -> Image:
    return Image(pixels=pixels[None], **parts)  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(60, 700), st.integers(60, 700)),
    size=st.sampled_from([(224, 224), (160, 256), (97, 131)]),
    keep=st.booleans(),
    place=st.tuples(st.floats(0.1, 0.9), st.floats(0.1, 0.9)),
)
def test_a_landmark_maps_back_within_half_a_pixel(
    shape: tuple[int, int], size: tuple[int, int], keep: bool, place: tuple[float, float]
) -> None:
    """The centroid of a blob, found in the input, lies where it was in the image."""
    row, col = place[0] * (shape[0] - 1), place[1] * (shape[1] - 1)
    # Wide enough to be sampled in either direction, narrow enough to stay clear of the border.
    spread = [max(shape[i] / size[i], 1.0) * 1.5 for i in (0, 1)]
    rows, cols = np.ogrid[: shape[0], : shape[1]]
    blob = np.exp(-(((rows - row) / spread[0]) ** 2 + ((cols - col) / spread[1]) ** 2))
    image = _image(np.rint(blob * 255).astype(np.uint8))
    made = to_model_input(image, 0, Preprocessing(size=size, keep_aspect=keep, **PLAIN))  # type: ignore[arg-type]
    weight = np.where(made.tensor[0] > 0.02, made.tensor[0], 0).astype(np.float64)
    grid = np.indices(size)
    centroid = [float((grid[i] * weight).sum() / weight.sum()) for i in (0, 1)]
    back = made.to_image @ (*centroid, 1.0)
    scale = max(made.to_image[0, 0], made.to_image[1, 1], 1.0)
    assert abs(back[0] - row) < 0.5 * scale
    assert abs(back[1] - col) < 0.5 * scale
    if scale == 1.0:
        assert np.hypot(back[0] - row, back[1] - col) < 0.5


@pytest.mark.parametrize("shape", [(300, 500), (500, 300), (224, 224), (50, 41), (1, 9)])
@pytest.mark.parametrize("keep", [True, False])
def test_corners_of_the_image_are_corners_of_the_valid_part(
    shape: tuple[int, int], keep: bool
) -> None:
    made = to_model_input(
        _image(np.full(shape, 255, np.uint8)),
        0,
        Preprocessing(keep_aspect=keep, **PLAIN),  # type: ignore[arg-type]
    )
    rows, cols = np.nonzero(made.valid)
    first = made.to_image @ (rows.min() - 0.5, cols.min() - 0.5, 1)
    last = made.to_image @ (rows.max() + 0.5, cols.max() + 0.5, 1)
    assert np.allclose(first[:2], (-0.5, -0.5))
    assert np.allclose(last[:2], (shape[0] - 0.5, shape[1] - 0.5))
    assert np.allclose(made.tensor[0][made.valid], 1.0, atol=1e-6)
    assert (made.tensor[0][~made.valid] == 0).all()
    if not keep:
        assert made.valid.all()


def test_non_square_pixels_keep_their_shape_in_millimetres() -> None:
    image = _image(np.zeros((100, 100), np.uint8), geometry=Geometry(spacing=(2.0, 1.0)))
    made = to_model_input(image, 0, Preprocessing(**PLAIN))  # type: ignore[arg-type]
    rows, cols = np.nonzero(made.valid)
    assert np.ptp(rows) + 1 == 224
    assert np.ptp(cols) + 1 == 112


def test_shrinking_does_not_alias() -> None:
    """Stripes of one pixel become grey, not a moire pattern."""
    stripes = np.zeros((640, 640), np.uint8)
    stripes[:, ::2] = 255
    made = to_model_input(_image(stripes), 0, Preprocessing(**PLAIN))  # type: ignore[arg-type]
    assert np.ptp(made.tensor[0, 10:-10, 10:-10]) < 0.1


def test_normalisation_and_channels() -> None:
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[..., 1] = 255
    preprocessing = Preprocessing(size=(32, 32))
    made = to_model_input(_image(pixels), 0, preprocessing)
    for channel, value in enumerate((0.0, 1.0, 0.0)):
        mean, std = preprocessing.mean[channel], preprocessing.std[channel]
        assert np.allclose(made.tensor[channel], (value - mean) / std, atol=1e-5)
    assert made.tensor.dtype == np.float32
    assert made.tensor.flags.c_contiguous


def test_grey_fills_the_three_channels() -> None:
    made = to_model_input(
        _image(np.arange(256, dtype=np.uint8).reshape(16, 16)),
        0,
        Preprocessing(**PLAIN),  # type: ignore[arg-type]
    )
    assert np.array_equal(made.tensor[0], made.tensor[2])


def test_intensities() -> None:
    ramp = np.linspace(100, 1100, 10_000).reshape(100, 100).astype(np.int16)
    auto = unit_intensity(_image(ramp), 0, Preprocessing(percentiles=(0, 100)))
    assert auto.min() == 0
    assert auto.max() == pytest.approx(1)
    scaled = unit_intensity(_image((ramp * 7).astype(np.int16)), 0, Preprocessing())
    assert np.allclose(scaled, unit_intensity(_image(ramp), 0, Preprocessing()), atol=2e-3)
    full = unit_intensity(_image(ramp), 0, Preprocessing(intensity="dtype-range"))
    assert full[0, 0] == pytest.approx((100 + 32768) / 65535)
    shown = unit_intensity(_image(ramp), 0, Preprocessing(intensity="window"))
    window = windowing.default_window(_image(ramp), 0)
    assert np.allclose(shown, windowing.unit_values(ramp, window))


def test_inverted_and_not_a_number() -> None:
    pixels = np.array([[0.0, np.nan], [50.0, 100.0]], np.float32)
    preprocessing = Preprocessing(percentiles=(0, 100))
    plain = unit_intensity(_image(pixels), 0, preprocessing)
    assert np.isfinite(plain).all()
    inverted = unit_intensity(_image(pixels, display=Display(inverted=True)), 0, preprocessing)
    assert inverted[0, 0] == 1
    assert inverted[1, 1] == 0
