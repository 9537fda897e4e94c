"""One file of any known format to an image; the format is told by content, not by name."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Literal

from engine.errors import UnreadableImageError
from engine.images.image import Image
from engine.images.names import readable
from engine.progress import Progress

Format = Literal["raster", "nifti", "dicom", ""]

SNIFFED = 352
"""Bytes looked at: a NIfTI-1 header and its magic; DICOM's is at 128."""

_RASTER_MAGIC = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"II*\0",
    b"MM\0*",
    b"II+\0",
    b"MM\0+",
)
_RASTER_SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".tif", ".tiff", ".bmp", ".dib")


def sniff(path: Path) -> Format:
    """Tell a file's format from its first bytes; "" where it is none that is known.

    Raises ``UnreadableImageError`` where the file cannot be opened at all.
    """
    try:
        with path.open("rb") as file:
            head = file.read(SNIFFED)
    except OSError as error:
        raise UnreadableImageError.refused(path, error) from None
    return sniff_bytes(head, path.name)


def sniff_bytes(head: bytes, name: str) -> Format:
    """Tell the format from the first ``SNIFFED`` bytes; the name decides only where they don't."""
    from engine.images.dicom import recognise

    if head.startswith(b"\x1f\x8b"):
        try:
            head = zlib.decompressobj(31).decompress(head, SNIFFED)
        except zlib.error:
            head = b""
        if _nifti_magic(head) or name.lower().endswith((".nii.gz", ".hdr.gz", ".img.gz")):
            return "nifti"
        return ""
    if head[128:132] == b"DICM":
        return "dicom"
    if _nifti_magic(head):
        return "nifti"
    if head.startswith(_RASTER_MAGIC):
        return "raster"
    # "BM" alone begins many texts; the reserved bytes of a bitmap are zero.
    if head.startswith(b"BM") and head[6:10] == b"\0\0\0\0":
        return "raster"
    if name.lower().endswith((".nii", ".img", ".hdr")):
        return "nifti"
    if recognise.without_preamble(head):
        return "dicom"
    lower = name.lower()
    if lower.endswith(_RASTER_SUFFIXES):
        return "raster"
    if lower.endswith((".dcm", ".dicom", ".ima")):
        return "dicom"
    return ""


def _nifti_magic(head: bytes) -> bool:
    return head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] in (b"n+2\0", b"ni2\0")


def read(path: Path, *, axis: int | None = None, progress: Progress | None = None) -> Image:
    """Read one file as an image.

    axis: for volumes in one file (NIfTI), the voxel axis to slice along. For 4-D files the
    first volume is read; ``engine.images.scan`` offers the others.
    Raises ``UnreadableImageError`` for everything that cannot be read, ``CancelledError``.
    """
    path = Path(path)
    if path.is_dir():
        raise UnreadableImageError(path, "it is a folder", "open it as a folder of cases")
    kind = sniff(path)
    if kind == "raster":
        from engine.images import raster

        return raster.read(path, progress)
    if kind == "nifti":
        from engine.images import nifti

        return nifti.read(path, axis=axis, progress=progress)
    if kind == "dicom":
        from engine.images.dicom import reader as dicom_reader

        return dicom_reader.read(path, progress=progress)
    raise unknown(path)


def unknown(path: Path) -> UnreadableImageError:
    """Return the error for a file of no known format, saying what it may be."""
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        head = b""
    if not head:
        return UnreadableImageError(path, "it is empty", "copy it again from where it came from")
    if head.startswith(b"\x1f\x8b"):
        return UnreadableImageError(
            path, "it is a gzip file without a NIfTI image in it", "unpack it first"
        )
    if head.startswith(b"PK\x03\x04"):
        return UnreadableImageError(path, "it is a ZIP archive", "unpack it and open the folder")
    return UnreadableImageError(
        path,
        f"its format is not known ({readable(path.suffix) or 'no suffix'})",
        "open DICOM, NIfTI, PNG, JPEG, TIFF or BMP files",
    )
