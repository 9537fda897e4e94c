"""Colours, transfer syntaxes and compressions: the same picture however it is stored."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image as PillowImage
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.pixels import apply_color_lut
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from engine.images import reader
from tests.engine.images.dicom_files import RAMP, dataset, save


def _rgb() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (8, 6, 3), np.uint8)


def test_planar_and_interleaved_rgb(tmp_path: Path) -> None:
    rgb = _rgb()
    assert np.array_equal(reader.read(save(dataset(rgb), tmp_path / "a")).frame(0), rgb)
    made = dataset(rgb, PlanarConfiguration=1)
    made.PixelData = np.ascontiguousarray(rgb.transpose(2, 0, 1)).tobytes()
    made["PixelData"].VR = "OB"
    assert np.array_equal(reader.read(save(made, tmp_path / "b")).frame(0), rgb)


def test_ybr_full_by_the_standards_equation(tmp_path: Path) -> None:
    """PS3.3 C.7.6.3.1.2: R = Y + 1.402 (Cr - 128), and so on."""
    ybr = _rgb()
    image = reader.read(save(dataset(ybr, PhotometricInterpretation="YBR_FULL"), tmp_path / "a"))
    y, cb, cr = (ybr[..., i].astype(float) for i in range(3))
    red = y + 1.402 * (cr - 128)
    green = y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128)
    blue = y + 1.772 * (cb - 128)
    want = np.clip(np.stack([red, green, blue], -1), 0, 255)
    assert np.abs(image.frame(0) - want).max() <= 1


@pytest.mark.parametrize("bits", [8, 16])
def test_palette(tmp_path: Path, bits: int) -> None:
    rng = np.random.default_rng(1)
    index = rng.integers(0, 60, (8, 6), np.uint8)
    made = dataset(index, PhotometricInterpretation="PALETTE COLOR")
    tables = rng.integers(0, 2**bits, (3, 60)).astype(f"<u{bits // 8}")
    for name, table in zip(("Red", "Green", "Blue"), tables, strict=True):
        made.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [60, 0, bits])
        made.add_new(f"{name}PaletteColorLookupTableData", "OW", table.tobytes())
    path = save(made, tmp_path / "a")
    image = reader.read(path)
    want = tables[:, index].transpose(1, 2, 0) >> (bits - 8)
    assert np.array_equal(image.frame(0), want)
    theirs = apply_color_lut(index, pydicom.dcmread(path))
    assert np.array_equal(image.frame(0), theirs >> (bits - 8))


@pytest.mark.parametrize(
    ("syntax", "implicit", "little"),
    [
        (ImplicitVRLittleEndian, True, True),
        (ExplicitVRBigEndian, False, False),
        (DeflatedExplicitVRLittleEndian, False, True),
    ],
)
def test_transfer_syntaxes(tmp_path: Path, syntax: str, implicit: bool, little: bool) -> None:
    made = dataset(RAMP)
    made.file_meta.TransferSyntaxUID = syntax
    if not little:
        made.PixelData = RAMP.astype(">i2").tobytes()
        made["PixelData"].VR = "OW"
    path = tmp_path / "a"
    dcmwrite(path, made, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    assert np.array_equal(reader.read(path).frame(0), RAMP)


@pytest.mark.parametrize("last", [52, 53, 55])
def test_retired_jpeg_processes(tmp_path: Path, last: int) -> None:
    """Files of the nineties: progressive JPEG, whose transfer syntaxes the standard has retired."""
    ramp = np.add.outer(np.arange(48) * 2, np.arange(64)).astype(np.uint8)
    stream = BytesIO()
    PillowImage.fromarray(ramp).save(stream, "JPEG", progressive=last != 52, quality=95)
    made = dataset(ramp)
    made.file_meta.TransferSyntaxUID = f"1.2.840.10008.1.2.4.{last}"
    made.PixelData = encapsulate([stream.getvalue()])
    made["PixelData"].VR = "OB"
    path = tmp_path / "a.dcm"
    dcmwrite(path, made, implicit_vr=False, little_endian=True, enforce_file_format=True)
    read = reader.read(path).frame(0).astype(int)
    # Decoders may round the inverse transform differently by one.
    assert np.abs(read - np.asarray(PillowImage.open(stream)).astype(int)).max() <= 1


def test_encodings_of_one_picture_agree(shared_data: Path) -> None:
    folder = shared_data / "dicom_pydicom_data"
    raw = reader.read(folder / "emri_small.dcm").pixels
    for name in ("emri_small_RLE.dcm", "emri_small_jpeg_ls_lossless.dcm"):
        assert np.array_equal(reader.read(folder / name).pixels, raw)
    lossless = reader.read(folder / "US1_J2KR.dcm").pixels.astype(int)
    lossy = reader.read(folder / "US1_J2KI.dcm").pixels.astype(int)
    assert np.abs(lossless - lossy).mean() < 3
