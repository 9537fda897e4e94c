"""What is DICOM, and what of it is an image."""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import UID

from engine.errors import UnreadableImageError
from engine.images.dicom import values

_VALUE_REPRESENTATIONS = {
    b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"OB",
    b"OW", b"PN", b"SH", b"SL", b"SQ", b"SS", b"ST", b"TM", b"UI", b"UL", b"UN", b"US", b"UT",
}  # fmt: skip

MAX_FIRST_LENGTH = 1024
"""Bytes of a data set's first value where it has no preamble: a character set, a group length or
a UID is far shorter."""

_MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"


def without_preamble(head: bytes) -> bool:
    """Whether bytes look like a DICOM data set that lacks the preamble of PS3.10 section 7.1.

    The first element of such a file is of group 0002 or 0008, its representation or length is
    sensible, and its value is text or short; random bytes pass about once in 10^8.
    """
    if len(head) < 16:
        return False
    for order in ("little", "big"):
        group = int.from_bytes(head[:2], order)
        element = int.from_bytes(head[2:4], order)
        if group not in (0x0002, 0x0008) or element > 0x0100:
            continue
        if head[4:6] in _VALUE_REPRESENTATIONS:
            return True
        length = int.from_bytes(head[4:8], order)
        if order == "little" and length <= MAX_FIRST_LENGTH:
            value = head[8 : 8 + min(length, len(head) - 8)]
            # A group length is four bytes of a number; everything else here is text.
            return (element == 0 and length == 4) or all(32 <= b < 127 or b == 0 for b in value)
    return False


def is_directory(dataset: Dataset) -> bool:
    """Whether this is a DICOMDIR, the index of a disc."""
    meta = getattr(dataset, "file_meta", None)
    media = values.text(meta, "MediaStorageSOPClassUID") if meta is not None else ""
    return media == _MEDIA_DIRECTORY or "DirectoryRecordSequence" in dataset


def not_an_image(path: Path, dataset: Dataset) -> UnreadableImageError:
    """Return the error for a DICOM object without pixels, naming what it is."""
    if is_directory(dataset):
        return UnreadableImageError(
            path,
            "it is the index of a DICOM disc, not an image",
            "open the folder that it lies in",
        )
    uid = values.text(dataset, "SOPClassUID")
    name = UID(uid).name if uid else ""
    modality = values.code(dataset, "Modality")
    what = next((text for key, text in _KINDS if key in name), "")
    if what:
        return UnreadableImageError(path, f"it holds {what}, not an image", "open the images")
    if name and name != uid and "Image" not in name:
        kind = name.removesuffix(" Storage")
        return UnreadableImageError(
            path, f"it holds no image but a DICOM object “{kind}”", "open the images"
        )
    suffix = f" ({modality})" if modality else ""
    return UnreadableImageError(
        path,
        f"it is a DICOM file{suffix} without pixel data",
        "export the images with their pixels",
    )


_KINDS = (
    ("Structure Set", "contours (an RT structure set)"),
    ("RT Plan", "a radiotherapy plan"),
    ("RT Ion Plan", "a radiotherapy plan"),
    ("Softcopy Presentation State", "a presentation state (how to show other images)"),
    ("Presentation State", "a presentation state (how to show other images)"),
    ("SR", "a structured report"),
    ("Key Object Selection", "a list of key images"),
    ("Encapsulated PDF", "a PDF document"),
    ("Encapsulated", "an enclosed document"),
    ("Waveform", "a waveform (such as an ECG)"),
    ("ECG", "a waveform (an ECG)"),
    ("Raw Data", "raw scanner data"),
    ("Spectroscopy", "a spectrum"),
    ("Registration", "a registration between images"),
    ("Video", "a video"),
)
