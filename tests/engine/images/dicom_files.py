"""DICOM files made for the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

RAMP = np.arange(48, dtype=np.int16).reshape(8, 6) * 10
STUDY, SERIES, PLACE = (generate_uid() for _ in range(3))


def dataset(pixels: NDArray[Any], **elements: Any) -> FileDataset:
    """A data set of (rows, cols), (frames, rows, cols) or (rows, cols, 3) pixels."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = elements.pop("SOPClassUID", MRImageStorage)
    made = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    made.SOPClassUID = meta.MediaStorageSOPClassUID
    made.SOPInstanceUID = meta.MediaStorageSOPInstanceUID = generate_uid()
    made.StudyInstanceUID, made.SeriesInstanceUID, made.FrameOfReferenceUID = STUDY, SERIES, PLACE
    made.Modality, made.PatientName, made.PatientID = "MR", "Test^Ada", "7"
    colour = pixels.ndim >= 3 and pixels.shape[-1] == 3
    made.SamplesPerPixel = 3 if colour else 1
    made.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        made.PlanarConfiguration = 0
    shape = pixels.shape[:-1] if colour else pixels.shape
    if len(shape) == 3:
        made.NumberOfFrames = shape[0]
    made.Rows, made.Columns = shape[-2:]
    made.BitsAllocated = made.BitsStored = 8 * pixels.dtype.itemsize
    made.HighBit = made.BitsStored - 1
    made.PixelRepresentation = int(pixels.dtype.kind == "i")
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    made.PixelData = np.ascontiguousarray(pixels).tobytes()
    if len(made.PixelData) % 2:
        made.PixelData += b"\0"
    made["PixelData"].VR = "OW" if made.BitsAllocated > 8 else "OB"
    return made


def save(made: FileDataset, path: Path) -> Path:
    """Write it in its transfer syntax."""
    made.save_as(path, enforce_file_format=True)
    return path


def slice_(
    position: float, *, value: int = 0, shape: tuple[int, int] = (8, 6), **elements: Any
) -> FileDataset:
    """An axial slice at a height (mm), its pixels holding ``value``."""
    return dataset(
        np.full(shape, value, np.int16),
        **{
            "ImagePositionPatient": [-10.0, -20.0, position],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "PixelSpacing": [1.5, 0.5],
            "SliceThickness": 3.0,
            **elements,
        },
    )


def item(**elements: Any) -> Dataset:
    """A sequence item."""
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def sequence(*items: Dataset) -> Sequence:
    """A sequence."""
    return Sequence(items)
