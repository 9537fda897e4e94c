"""Windows against the standard's formulas as pydicom has them, and robust defaults."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.pixels import apply_voi_lut

from engine.images import windowing
from engine.images.image import Display, Identity, Image, Window, WindowFunction

FUNCTIONS: tuple[WindowFunction, ...] = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


def _theirs(values: np.ndarray, window: Window, bits: int) -> np.ndarray:
    dataset = Dataset()
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsStored = bits
    dataset.PixelRepresentation = int(values.dtype.kind == "i")
    dataset.WindowCenter, dataset.WindowWidth = window.centre, window.width
    dataset.VOILUTFunction = window.function
    out = apply_voi_lut(values, dataset, prefer_lut=False)
    low = -(2 ** (bits - 1)) if values.dtype.kind == "i" else 0
    return (out - low) / (2**bits - 1)


@pytest.mark.parametrize("function", FUNCTIONS)
@settings(max_examples=60, deadline=None)
@given(
    centre=st.floats(-3000, 3000, width=32),
    width=st.floats(1, 5000, width=32),
    signed=st.booleans(),
)
def test_formulas_agree_with_pydicom(
    function: WindowFunction, centre: float, width: float, signed: bool
) -> None:
    if function == "LINEAR" and width == 1:
        return  # a step at centre - 0.5; pydicom divides by zero there
    window = Window(centre, width, "", function)
    values = np.arange(-4096, 4096, 7, dtype=np.int16)
    if not signed:
        values = values.astype(np.uint16) % 8192
    ours = windowing.unit_values(values, window)
    assert np.allclose(ours, _theirs(values, window, 16), atol=1e-6)


def test_linear_window_by_hand() -> None:
    """PS3.3 C.11.2.1.2.1, its own example: centre 2048, width 4096 maps 0..4095 fully."""
    values = np.array([-1, 0, 4095, 4096])
    assert windowing.unit_values(values, Window(2048, 4096)).tolist() == [0, 0, 1, 1]
    step = windowing.unit_values(np.array([99, 100, 101]), Window(100.0, 1.0))
    assert step.tolist() == [0, 1, 1]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", ">i2", "i4", "u4", "f4", "f8"])
def test_fast_paths_agree_with_the_formula(
    dtype: str, function: WindowFunction, inverted: bool
) -> None:
    rng = np.random.default_rng(3)
    values = rng.integers(0, 120, (33, 41)).astype(dtype)
    if np.dtype(dtype).kind != "u":
        values -= np.asarray(40, dtype)
    window = Window(31.5, 71.0, "", function)
    unit = windowing.unit_values(values, window)
    exact = (1 - unit if inverted else unit) * 255
    ours = windowing.to_grey8(values, window, inverted)
    assert ours.dtype == np.uint8
    assert np.abs(ours - exact).max() <= 0.5 + 1e-3


def test_not_a_number_is_black_in_either_polarity() -> None:
    values = np.array([[np.nan, 0.0, 1.0, np.inf, -np.inf]], np.float32)
    window = Window(0.5, 1.0, "", "LINEAR_EXACT")
    assert windowing.to_grey8(values, window).tolist() == [[0, 0, 255, 255, 0]]
    assert windowing.to_grey8(values, window, True)[0, 1:].tolist() == [255, 0, 0, 255]


def test_large_offsets_do_not_cancel() -> None:
    values = np.array([[2**30, 2**30 + 64, 2**30 + 128]], np.int32)
    grey = windowing.to_grey8(values, Window(2**30 + 64, 128, "", "LINEAR_EXACT"))
    assert grey.tolist() == [[0, 128, 255]]


def _image(pixels: np.ndarray, **display: object) -> Image:
    return Image(pixels=pixels[None], display=Display(**display))  # type: ignore[arg-type]


def test_auto_window_ignores_background_and_outliers() -> None:
    rng = np.random.default_rng(0)
    pixels = np.zeros((200, 200), np.int16)
    pixels[60:140, 60:140] = rng.normal(500, 50, (80, 80)).astype(np.int16)
    pixels[0, 0] = 30_000
    window = windowing.auto_window(_image(pixels), 0)
    low, high = window.centre - window.width / 2, window.centre + window.width / 2
    assert 350 < low < 430
    assert 600 < high < 700


def test_auto_window_leaves_padding_out() -> None:
    pixels = np.full((100, 100), -2000, np.int16)
    pixels[20:80, 20:80] = np.linspace(0, 100, 3600).reshape(60, 60).astype(np.int16)
    pixels[:3] = -1999
    window = windowing.auto_window(_image(pixels, padding=(-2000.0, -1999.0)), 0)
    assert window.centre - window.width / 2 >= 0


@pytest.mark.parametrize("value", [0, 7, -5])
def test_constant_frames_have_a_window(value: int) -> None:
    image = _image(np.full((8, 8), value, np.int16))
    for window in (windowing.default_window(image, 0), *windowing.presets(image)):
        assert window.width > 0
        assert np.isfinite(window.centre)


def test_defaults() -> None:
    stored = Window(5, 10, "BONE")
    image = _image(np.arange(64, dtype=np.int16).reshape(8, 8), windows=(stored,))
    assert windowing.default_window(image, 0) == stored
    assert windowing.presets(image)[0] == stored

    picture = _image(np.arange(64, dtype=np.uint8).reshape(8, 8) * 4)
    grey = windowing.to_grey8(picture.frame(0), windowing.default_window(picture, 0))
    assert np.array_equal(grey, picture.frame(0))

    labels = _image((np.arange(64) % 3).astype(np.uint8).reshape(8, 8))
    grey = windowing.to_grey8(labels.frame(0), windowing.default_window(labels, 0))
    assert grey.max() == 255


def test_voi_lut_is_the_default_and_follows_the_window() -> None:
    table = np.linspace(0, 1, 101) ** 2
    image = _image(np.arange(121, dtype=np.int16).reshape(11, 11), voi_lut=(10, table))
    window = windowing.default_window(image, 0)
    unit = windowing.unit_values(np.array([0, 10, 60, 110, 120]), window)
    assert np.allclose(unit, [0, 0, 0.25, 1, 1], atol=1e-9)
    grey = windowing.to_grey8(np.array([[60]], np.int16), window)
    assert grey[0, 0] == 64


def test_each_frame_its_own_window() -> None:
    windows = ((Window(1, 2),), (Window(3, 4),))
    pixels = np.zeros((2, 4, 4), np.int16)
    image = Image(pixels=pixels, display=Display(windows=windows[0], frame_windows=windows))
    assert windowing.default_window(image, 1) == Window(3, 4)


def test_presets_have_distinct_names() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 1000, (1, 32, 32))
    for modality, dtype in (("MR", "i2"), ("CT", "i2"), ("US", "u1")):
        image = Image(pixels=(pixels % 256).astype(dtype), identity=Identity(modality=modality))
        names = [window.name for window in windowing.presets(image)]
        assert all(names)
        assert len(set(names)) == len(names)
