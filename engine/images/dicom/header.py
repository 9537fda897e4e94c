"""Opening a DICOM file: with or without preamble, file meta or transfer syntax, safely."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from engine.errors import UnreadableImageError
from engine.images import limits
from engine.images.dicom import codestream, recognise, values

_DAMAGED = "copy or export it again"
_PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")

SCANNED = (
    "SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "StudyDate", "SeriesDate",
    "AcquisitionTime", "ContentTime", "Modality", "Manufacturer", "StudyDescription",
    "SeriesDescription", "ImageType", "PatientName", "PatientID", "PatientBirthDate",
    "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "AcquisitionNumber",
    "InstanceNumber", "StudyID", "ImagePositionPatient", "ImageOrientationPatient",
    "FrameOfReferenceUID", "TemporalPositionIdentifier", "TriggerTime", "SliceLocation",
    "EchoTime", "EchoNumbers", "InversionTime", "FlipAngle", "ProtocolName", "SliceThickness",
    "DiffusionBValue", "NumberOfFrames", "Rows", "Columns", "PixelSpacing", "SamplesPerPixel",
    "PhotometricInterpretation", "BitsAllocated", "BitsStored", "PixelRepresentation",
    "PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence",
    "DirectoryRecordSequence", "ConcatenationUID", "ComplexImageComponent",
    "SequenceName", "PulseSequenceName", "RepetitionTime",
)  # fmt: skip
"""What the scan of a folder reads of each file; everything else is skipped over on disk."""


def read(path: Path, *, pixels: bool, keywords: tuple[str, ...] | None = None) -> Dataset:
    """Read a data set, without its pixel data unless ``pixels``.

    A missing preamble, file meta group or transfer syntax is made good where the content is
    plainly DICOM. Raises ``UnreadableImageError``.
    """
    try:
        size = path.stat().st_size
        if size == 0:
            raise UnreadableImageError(path, "it is empty", "copy it again from where it came")
        if pixels and size > limits.MAX_INFLATED_BYTES:
            raise UnreadableImageError(
                path,
                f"it has {size / 2**30:.1f} GiB, more than the limit of "
                f"{limits.MAX_DECODED_BYTES / 2**30:.0f} GiB",
                "export it in parts",
            )
        _check_inflation(path)
        force = _forced(path)
        dataset: Dataset = pydicom.dcmread(
            path,
            stop_before_pixels=not pixels,
            force=force,
            specific_tags=list(keywords) if keywords else None,
        )
    except UnreadableImageError:
        raise
    except InvalidDicomError:
        raise _not_dicom(path) from None
    except OSError as error:
        if error.errno is None:
            raise damaged(path) from None
        raise UnreadableImageError.refused(path, error) from None
    except MemoryError:
        raise UnreadableImageError.too_large(path) from None
    except Exception:
        # pydicom raises many kinds on damaged files (struct.error, EOFError, AttributeError,
        # NotImplementedError, RecursionError, ...); all of them mean the same to a user.
        raise damaged(path) from None
    if len(dataset) == 0 and not recognise.is_directory(dataset):
        raise damaged(path) if getattr(dataset, "preamble", None) else _not_dicom(path)
    try:
        _complete_meta(dataset)
    except Exception:
        raise damaged(path) from None
    return dataset


def _not_dicom(path: Path) -> UnreadableImageError:
    return UnreadableImageError(
        path, "its content is not DICOM", "check that it is what its name says"
    )


def damaged(path: Path) -> UnreadableImageError:
    """Return the error for a header that cannot be parsed."""
    return UnreadableImageError(path, "its DICOM header is damaged or cut short", _DAMAGED)


def _forced(path: Path) -> bool:
    """Whether to read without the preamble: only where the first bytes are a data set's."""
    with path.open("rb") as file:
        head = file.read(256)
    return head[128:132] != b"DICM" and recognise.without_preamble(head)


def _check_inflation(path: Path) -> None:
    """Unpack a deflated data set once without keeping it, and refuse what grows out of bounds.

    pydicom unpacks such a file whole, whatever it grows to, before the first tag is read
    (PS3.5 A.5: everything after the file meta group is one deflated stream).
    """
    with path.open("rb") as file:
        if file.read(132)[128:] != b"DICM":
            return
    meta = read_file_meta_info(path)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return
    length = meta.get("FileMetaInformationGroupLength")
    if not isinstance(length, int):
        raise UnreadableImageError(
            path, "its compressed data set has no beginning that can be found", _DAMAGED
        )
    with path.open("rb") as file:
        file.seek(132 + 12 + length)  # preamble, prefix, and the group length element itself
        if _inflated_size(file, limits.MAX_INFLATED_BYTES) > limits.MAX_INFLATED_BYTES:
            raise UnreadableImageError(
                path,
                "its compressed content unpacks to more than "
                f"{limits.MAX_INFLATED_BYTES / 2**30:.0f} GiB",
                "check that the file is intact",
            )


def _inflated_size(file: BinaryIO, limit: int) -> int:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    total = 0
    block = file.read(1 << 20)
    while block and total <= limit:
        total += len(inflater.decompress(block, 1 << 24))
        block = inflater.unconsumed_tail or file.read(1 << 20)
    return total


def _complete_meta(dataset: Dataset) -> None:
    """Give the data set a transfer syntax where the file has none: the one it was parsed by."""
    meta = getattr(dataset, "file_meta", None)
    if meta is None:
        meta = FileMetaDataset()
        dataset.file_meta = meta
    if meta.get("TransferSyntaxUID"):
        return
    implicit, little = dataset.original_encoding
    element = dataset.get_item("PixelData") if "PixelData" in dataset else None
    if element is not None and getattr(element, "length", 0) == 0xFFFFFFFF:
        found = codestream.transfer_syntax(getattr(element, "value", b"") or b"")
        if found is not None:
            meta.TransferSyntaxUID = found
            dataset["PixelData"].is_undefined_length = True
            return
    if little is False:
        meta.TransferSyntaxUID = ExplicitVRBigEndian
    else:
        meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian


def has_pixels(dataset: Dataset) -> bool:
    """Whether a data set that was read whole holds pixel data."""
    return any(keyword in dataset for keyword in _PIXEL_KEYWORDS)


def frame_count(dataset: Dataset) -> int:
    """Return NumberOfFrames, 1 where it is missing, malformed or below 1."""
    return max(values.integer(dataset, "NumberOfFrames") or 1, 1)
