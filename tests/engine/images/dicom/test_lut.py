"""Stored values to units and windows, as pydicom does it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from engine.images import reader, windowing
from engine.images.image import Window
from tests.engine.images.dicom_files import RAMP, dataset, item, save, sequence


@pytest.mark.parametrize(
    ("slope", "intercept", "dtype"),
    [(1, 0, "i2"), (1, -1024, "i4"), (2, 5, "i4"), (0.5, 0.25, "f4"), (-1, 0, "i4")],
)
def test_rescale(tmp_path: Path, slope: float, intercept: float, dtype: str) -> None:
    made = dataset(RAMP, RescaleSlope=slope, RescaleIntercept=intercept)
    image = reader.read(save(made, tmp_path / "a"))
    assert image.pixels.dtype == np.dtype(dtype)
    assert np.allclose(image.frame(0), apply_modality_lut(RAMP, made))


def test_bits_stored_decide_the_type(tmp_path: Path) -> None:
    """12 stored bits with a CT's intercept fit 16: slices of a series all get that type."""
    made = dataset(RAMP, RescaleSlope=1, RescaleIntercept=-1024, BitsStored=12, HighBit=11)
    assert reader.read(save(made, tmp_path / "a")).pixels.dtype == np.int16


def test_modality_lut_sequence(tmp_path: Path) -> None:
    table = (np.arange(300) ** 2 % 4096).astype(np.uint16)
    lut = item(LUTDescriptor=[300, 20, 16], ModalityLUTType="US", LUTData=table.tobytes())
    lut["LUTDescriptor"].VR, lut["LUTData"].VR = "US", "OW"
    made = dataset(RAMP.astype(np.uint16), ModalityLUTSequence=sequence(lut))
    image = reader.read(save(made, tmp_path / "a"))
    assert np.array_equal(image.frame(0), apply_modality_lut(RAMP.astype(np.uint16), made))


def test_slope_zero_is_ignored(tmp_path: Path) -> None:
    made = dataset(RAMP, RescaleSlope=0, RescaleIntercept=0)
    assert np.array_equal(reader.read(save(made, tmp_path / "a")).frame(0), RAMP)


def test_windows_with_names_and_functions(tmp_path: Path) -> None:
    made = dataset(
        RAMP,
        WindowCenter=[40, 100],
        WindowWidth=[80, 300],
        WindowCenterWidthExplanation=["FAT", "ALL"],
        VOILUTFunction="SIGMOID",
    )
    image = reader.read(save(made, tmp_path / "a"))
    assert image.display.windows == (
        Window(40, 80, "FAT", "SIGMOID"),
        Window(100, 300, "ALL", "SIGMOID"),
    )


def test_voi_lut_is_applied_as_pydicom_does(tmp_path: Path) -> None:
    table = np.linspace(0, 4095, 200) ** 0.5 * 64
    lut = item(LUTDescriptor=[200, -50, 12], LUTData=table.astype(np.uint16).tobytes())
    lut["LUTDescriptor"].VR, lut["LUTData"].VR = "SS", "OW"
    signed = (RAMP - 100).astype(np.int16)
    made = dataset(signed, VOILUTSequence=sequence(lut))
    path = save(made, tmp_path / "a")
    image = reader.read(path)
    unit = windowing.unit_values(image.frame(0), windowing.default_window(image, 0))
    theirs = apply_voi_lut(signed, pydicom.dcmread(path)) / 4095
    assert np.allclose(unit, theirs, atol=1e-9)


def test_nonsense_windows_are_left_out(tmp_path: Path) -> None:
    made = dataset(RAMP, WindowCenter=[40, 50], WindowWidth=[0, 60])
    assert [w.width for w in reader.read(save(made, tmp_path / "a")).display.windows] == [60]
    made = dataset(RAMP, WindowCenter=40)
    assert reader.read(save(made, tmp_path / "b")).display.windows == ()


def test_monochrome1_and_padding(tmp_path: Path) -> None:
    made = dataset(RAMP, PhotometricInterpretation="MONOCHROME1")
    made.add_new("PixelPaddingValue", "SS", -5)
    made.RescaleSlope, made.RescaleIntercept = 1, -10
    image = reader.read(save(made, tmp_path / "a"))
    assert image.display.inverted
    assert image.display.padding == (-15, -15)
    window = Window(215, 470, "", "LINEAR_EXACT")
    grey = windowing.to_grey8(image.frame(0), window, image.display.inverted)
    assert grey[0, 0] > grey[-1, -1]
