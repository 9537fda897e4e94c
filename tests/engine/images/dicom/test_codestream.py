"""What compressed frames announce is read before a decoder believes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    JPEG2000,
    JPEG2000Lossless,
)

from engine.errors import UnreadableImageError
from engine.images import reader
from engine.images.dicom import codestream
from tests.engine.images.dicom_files import dataset


def test_codestream_larger_than_the_header(tmp_path: Path) -> None:
    """A compressed frame that announces another size is refused before its decoder allocates."""
    wheel = Path(pydicom.data.__file__).parent / "test_files"
    for name, marker, shift in (
        ("MR_small_jp2klossless.dcm", b"\xff\x4f\xff\x51", 8),
        ("SC_rgb_jpeg_dcmtk.dcm", b"\xff\xc0", 5),
        ("MR_small_jpeg_ls_lossless.dcm", b"\xff\xf7", 5),
    ):
        content = bytearray((wheel / name).read_bytes())
        place = content.index(marker) + shift
        content[place : place + 2] = b"\x7f\xff"
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UnreadableImageError, match=r"announces"):
            reader.read(tmp_path / name)


def test_codestream_headers() -> None:
    wheel = Path(pydicom.data.__file__).parent / "test_files"
    for name in ("693_J2KI.dcm", "SC_rgb_jpeg_dcmtk.dcm", "MR_small_jpeg_ls_lossless.dcm"):
        made = pydicom.dcmread(wheel / name)
        (frame,) = pydicom.encaps.generate_frames(made.PixelData, number_of_frames=1)
        found = codestream.announced(frame)
        assert found is not None
        assert (found.rows, found.cols) == (made.Rows, made.Columns)
        assert found.samples == made.SamplesPerPixel
        guessed = codestream.transfer_syntax(made.PixelData)
        # A stream that could be lossless may be stored under the syntax that allows either.
        if guessed == JPEG2000Lossless:
            guessed = JPEG2000
        assert guessed == made.file_meta.TransferSyntaxUID
    assert codestream.announced(b"\xff\xd8\xff") is None


@pytest.mark.timeout(60)
def test_a_jp2_box_without_length_does_not_hang(tmp_path: Path) -> None:
    made = dataset(np.zeros((8, 8), np.uint8))
    made.file_meta.TransferSyntaxUID = JPEG2000
    made.PixelData = encapsulate([b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0" * 64])
    made["PixelData"].VR = "OB"
    path = tmp_path / "a.dcm"
    dcmwrite(path, made, implicit_vr=False, little_endian=True, enforce_file_format=True)
    with pytest.raises(UnreadableImageError, match="compressed frames"):
        reader.read(path)
