"""Hostile, cut and garbled files: an image or one sentence, never the patient's name."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
)

from engine.errors import UnreadableImageError
from engine.images import limits, reader
from engine.images.scan import scan
from tests.engine.images.damage import fails
from tests.engine.images.dicom_files import RAMP, dataset, save


def test_announced_sizes_are_checked(tmp_path: Path) -> None:
    cases = [
        ({"Rows": 65535, "Columns": 65535}, "million that a frame may have"),
        ({"NumberOfFrames": 100_000}, "frames, more than the limit"),
        ({"Rows": 4000, "Columns": 4000, "NumberOfFrames": 2000}, "GiB"),
        ({"Rows": 9}, "cut short, with 96 of 108 bytes"),
        ({"NumberOfFrames": 2}, "cut short"),
        ({"Rows": 0}, "lacks the number of rows"),
        ({"SamplesPerPixel": 2}, "which no image has"),
        ({"BitsAllocated": 12}, "which no image has"),
    ]
    for elements, clause in cases:
        path = save(dataset(RAMP, **elements), tmp_path / "a")
        with pytest.raises(UnreadableImageError) as caught:
            reader.read(path)
        assert clause in str(caught.value)


def test_frame_counts_that_are_none(tmp_path: Path) -> None:
    made = dataset(RAMP)
    made.add_new("NumberOfFrames", "IS", "0")
    assert reader.read(save(made, tmp_path / "a")).frames == 1


def test_deflated_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_INFLATED_BYTES", 1 << 20)
    made = dataset(np.zeros((1200, 1200), np.uint8))
    made.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    path = save(made, tmp_path / "a")
    assert path.stat().st_size < 10_000
    with pytest.raises(UnreadableImageError, match="unpacks to more than"):
        reader.read(path)
    with pytest.raises(zlib.error):
        zlib.decompress(path.read_bytes())


def test_cut_short_or_garbled_anywhere(tmp_path: Path) -> None:
    """Either an image or the one error, whatever the damage, in every kind of encoding."""
    wheel = Path(pydicom.data.__file__).parent / "test_files"
    rng = np.random.default_rng(2)
    names = (
        "MR_small.dcm", "MR_small_RLE.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm",
        "image_dfl.dcm", "SC_rgb_small_odd_jpeg.dcm", "MR_small_jpeg_ls_lossless.dcm",
    )  # fmt: skip
    path = tmp_path / "a.dcm"
    for name in names:
        content = (wheel / name).read_bytes()
        failed = 0
        for length in np.linspace(0, len(content) - 2, 40).astype(int):
            path.write_bytes(content[:length])
            failed += fails(path)
        # Decoders of lossy codes forgive a missing end; nothing else may.
        assert failed >= 30, name
        for _ in range(25):
            garbled = bytearray(content)
            for place in rng.integers(0, min(len(content), 3000), 4):
                garbled[place] = rng.integers(0, 256)
            path.write_bytes(garbled)
            fails(path)


def test_a_damaged_length_tells_nobody_the_patients_name(tmp_path: Path) -> None:
    """It makes a value of all that follows, the patient's name included, which errors may quote."""
    path = save(dataset(np.zeros((4, 4), np.uint8)), tmp_path / "a.dcm")
    whole = path.read_bytes()
    modality = whole.index(b"\x08\x00\x60\x00CS")
    syntax = whole.index(b"\x02\x00\x10\x00UI")
    assert b"Test^Ada" in whole[modality:]
    for place, length in ((modality, 0x7000), (syntax, 0x7000), (syntax, 0x40)):
        damaged = bytearray(whole)
        damaged[place + 6 : place + 8] = length.to_bytes(2, "little")
        path.write_bytes(damaged)
        problems = scan([path]).problems
        assert len(problems) == 1
        sentence = problems[0].sentence
        assert len(sentence) < 200 and sentence.isprintable() and "Ada" not in sentence
