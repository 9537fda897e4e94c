"""All files with pixels in the pydicom wheel decode, but for those named here; values agree with
SimpleITK's where it reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
import pytest
import SimpleITK as sitk
from pydicom.uid import JPEGBaseline8Bit, JPEGExtended12Bit

from engine.errors import UnreadableImageError
from engine.images import reader
from engine.images.dicom import header

FOLDER = Path(pydicom.data.__file__).parent / "test_files"

# Made to be undecodable, each with the clause that says why.
FAILURES = {
    "MR_truncated.dcm": "cut short, with 8130 of 8192 bytes",
    "JPEG-lossy.dcm": "damaged or does not match its header",
    "JPEG2000-embedded-sequence-delimiter.dcm": "header announces",
    # These two hold a few private elements and a stub of pixel data, no image.
    "meta_missing_tsyntax.dcm": "lacks the number of rows",
    "nested_priv_SQ.dcm": "lacks the number of rows",
}

# SimpleITK swaps the bytes of 32-bit big endian wrongly and shuffles the planes of deep RLE
# colour; the same picture in another encoding is compared.
_TWINS = {
    "rtdose_expb.dcm": "rtdose.dcm",
    "SC_rgb_rle_16bit.dcm": "SC_rgb_rle.dcm",
    "SC_rgb_rle_32bit.dcm": "SC_rgb_rle.dcm",
    "SC_rgb_rle_16bit_2frame.dcm": "SC_rgb_rle_2frame.dcm",
    "SC_rgb_rle_32bit_2frame.dcm": "SC_rgb_rle_2frame.dcm",
}


def _with_pixels() -> list[Path]:
    found = []
    for path in sorted(FOLDER.rglob("*")):
        if not path.is_file() or reader.sniff(path) != "dicom":
            continue
        try:
            dataset = header.read(path, pixels=True)
        except UnreadableImageError:
            continue
        if header.has_pixels(dataset):
            found.append(path)
    return found


PATHS = _with_pixels()


def test_the_walk_finds_the_files() -> None:
    assert len(PATHS) >= 95
    assert {path.name for path in PATHS} >= set(FAILURES)


@pytest.mark.parametrize("path", PATHS, ids=lambda p: str(p.relative_to(FOLDER)))
def test_decodes_or_says_why(path: Path) -> None:
    if path.name in FAILURES:
        with pytest.raises(UnreadableImageError) as caught:
            reader.read(path)
        sentence = str(caught.value)
        assert FAILURES[path.name] in sentence
        assert sentence.startswith(f"{path.name} cannot be read: ")
        return
    image = reader.read(path)
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    assert image.shape == (dataset.Rows, dataset.Columns)
    assert image.pixels.dtype in (np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.float32)
    assert image.pixels.dtype.isnative


def _theirs(path: Path) -> np.ndarray | None:
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        read = sitk.ReadImage(str(path), imageIO="GDCMImageIO")
    except RuntimeError:
        return None
    pixels = sitk.GetArrayFromImage(read)
    colour = read.GetNumberOfComponentsPerPixel() == 3
    return pixels[None] if pixels.ndim == (3 if colour else 2) else pixels


def test_values_agree_with_simpleitk() -> None:
    compared, colours = 0, 0
    for path in PATHS:
        if path.name in FAILURES:
            continue
        theirs = _theirs(path.with_name(_TWINS.get(path.name, path.name)))
        if theirs is None:
            continue
        image = reader.read(path)
        ours = image.pixels
        assert ours.shape == theirs.shape, path.name
        if "liver" in path.name:
            theirs = theirs // 255  # SimpleITK spreads one bit over a byte
        if image.display.inverted:
            # SimpleITK turns MONOCHROME1 over: value and its mirror add up to one constant.
            mirrored = ours.astype(np.float64) + theirs
            assert np.ptp(mirrored) < 1e-3, path.name
        else:
            # Decoders of lossy JPEG round the cosine transform differently, and colours add up
            # three such planes; everything else is exact.
            syntax = header.read(path, pixels=False).file_meta.TransferSyntaxUID
            lossy = syntax in (JPEGBaseline8Bit, JPEGExtended12Bit)
            tolerance = 4 if lossy else 1e-3
            difference = np.abs(ours.astype(np.float64) - theirs.astype(np.float64))
            assert difference.max() <= tolerance, path.name
        compared += 1
        colours += image.is_colour
    assert compared >= 85
    assert colours >= 25


def test_what_holds_no_image_says_what_it_is() -> None:
    clauses = {
        "rtstruct.dcm": "contours", "rtplan.dcm": "radiotherapy plan",
        "test-SR.dcm": "structured report", "waveform_ecg.dcm": "waveform",
        "dicomdirtests/DICOMDIR": "index of a DICOM disc", "reportsi.dcm": "structured report",
        "dicomdirtests/TINY_ALPHA/PT000000/ST000000/SE000000/IM000000": "without pixel data",
    }  # fmt: skip
    for name, clause in clauses.items():
        with pytest.raises(UnreadableImageError) as caught:
            reader.read(FOLDER / name)
        assert clause in str(caught.value), name
