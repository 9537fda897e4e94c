"""Formats are told by content; every failure is one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom.data
import pytest
from PIL import Image as PillowImage

from engine.errors import UnreadableImageError
from engine.images import reader, scan, voxels


def _wheel(name: str) -> Path:
    return Path(pydicom.data.__file__).parent / "test_files" / name


def test_formats_by_content_whatever_the_name(tmp_path: Path) -> None:
    picture = tmp_path / "picture.dcm"
    PillowImage.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4)).save(picture, "PNG")
    assert reader.sniff(picture) == "raster"
    assert reader.read(picture).shape == (3, 4)

    slice_ = tmp_path / "slice.png"
    slice_.write_bytes(_wheel("MR_small.dcm").read_bytes())
    assert reader.sniff(slice_) == "dicom"
    assert reader.read(slice_).shape == (64, 64)


@pytest.mark.parametrize(
    ("name", "content", "clause"),
    [
        ("empty.dcm", b"", "it is empty"),
        ("notes.txt", b"hello, this is a text", "format is not known"),
        ("archive.zip", b"PK\x03\x04rest", "ZIP archive"),
        ("random.png", bytes(range(7, 200)), "no PNG, JPEG, TIFF or BMP"),
        ("random.nii", bytes(range(7, 200)), "no NIfTI header"),
        ("random.dcm", bytes(range(7, 200)), "not DICOM"),
        ("cut.dcm", bytes(128) + b"DICM", "header is damaged or cut short"),
        ("zipped.gz", b"\x1f\x8b\x08\0\0\0\0\0", "gzip file without a NIfTI image"),
    ],
)
def test_what_is_no_image_says_so(tmp_path: Path, name: str, content: bytes, clause: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnreadableImageError) as caught:
        reader.read(path)
    assert clause in str(caught.value)
    assert str(caught.value).startswith(f"{name} cannot be read: ")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImageError, match="no such file"):
        reader.read(tmp_path / "gone.png")
    with pytest.raises(UnreadableImageError, match="it is a folder"):
        reader.read(tmp_path)


def test_scan_of_a_mixed_drop(tmp_path: Path) -> None:
    for name in ("MR_small.dcm", "CT_small.dcm", "rtstruct.dcm"):
        (tmp_path / name).write_bytes(_wheel(name).read_bytes())
    (tmp_path / "readme.txt").write_text("nothing")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    result = scan.scan([tmp_path])
    assert sorted(s.modality for c in result.cases for s in c.series) == ["CT", "MR"]
    assert sorted(p.path.name for p in result.problems) == ["broken.png", "rtstruct.dcm"]
    for case in result.cases:
        for series in case.series:
            image = series.load(None)
            assert (image.frames, image.shape) == (series.frames, series.shape)
            assert max(series.thumbnail(32).shape[:2]) == 32


def test_nifti_pairs_named_in_capitals(tmp_path: Path) -> None:
    import nibabel as nib

    stored = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    nib.Nifti1Pair(stored, np.eye(4)).to_filename(tmp_path / "a.img")
    (tmp_path / "a.img").rename(tmp_path / "B.IMG")
    (tmp_path / "a.hdr").rename(tmp_path / "B.HDR")
    image = reader.read(tmp_path / "B.IMG")
    assert image.geometry.layout is not None
    assert np.array_equal(voxels.to_voxels(image.pixels, image.geometry.layout), stored)
