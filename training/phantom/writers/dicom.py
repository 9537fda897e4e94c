"""DICOM: MR Image Storage, one file a slice, and Ultrasound Image Storage (PS3.3 A.4, A.6)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    MRImageStorage,
    RLELossless,
    UltrasoundImageStorage,
)

from training.phantom.seeds import uid
from training.phantom.study import Sequence, Study
from training.phantom.writers import Written
from training.phantom.writers.png import write_mask

IMPLEMENTATION_UID = uid("implementation")
DATE = "20000101"
TIME = "120000"


def write(study: Study, images: Path, masks: Path) -> list[Written]:
    """Write every frame as ``SEQUENCE/NNN.dcm``, its mask as PNG below ``masks``.

    MR is deflated explicit little endian, ultrasound RLE: small, and without loss.
    """
    written = []
    for number, sequence in enumerate(study.sequences, 1):
        name = sequence.name.replace(" ", "")
        for index in range(len(sequence.pixels)):
            path = images / name / f"{index + 1:03d}.dcm"
            path.parent.mkdir(parents=True, exist_ok=True)
            dataset = build(study, number, index)
            dataset.save_as(path, enforce_file_format=True)
            mask = None
            if sequence.masks[index].any():
                mask = masks / name / f"{index + 1:03d}_mask.png"
                write_mask(sequence.masks[index], mask)
            written.append(Written(path, 0, mask, sequence, index))
    return written


def build(study: Study, number: int, index: int) -> FileDataset:
    """Return the data set of frame ``index`` of the study's sequence ``number`` (from 1)."""
    sequence = study.sequences[number - 1]
    magnetic = study.modality == "MR"
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MRImageStorage if magnetic else UltrasoundImageStorage
    meta.MediaStorageSOPInstanceUID = uid(study.key, number, index, "instance")
    meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian if magnetic else RLELossless
    meta.ImplementationClassUID = IMPLEMENTATION_UID
    meta.ImplementationVersionName = "SALISCOPE_1"
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    _patient_and_study(ds, study)
    ds.SOPClassUID = meta.MediaStorageSOPClassUID
    ds.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    ds.Modality = study.modality
    ds.SeriesInstanceUID = uid(study.key, number, "series")
    ds.SeriesNumber = number
    ds.SeriesDescription = f"{sequence.name} axial" if magnetic else f"Breast {sequence.name}"
    ds.InstanceNumber = index + 1
    ds.ImageType = ["ORIGINAL", "PRIMARY", "M", "SE"] if magnetic else ["ORIGINAL", "PRIMARY"]
    if magnetic:
        _magnetic(ds, study, sequence, index)
    else:
        _ultrasound(ds, study, sequence)
    _pixels(ds, sequence, index)
    return ds


def _patient_and_study(ds: FileDataset, study: Study) -> None:
    ds.PatientName = study.name
    ds.PatientID = study.patient
    ds.PatientBirthDate = ""
    ds.PatientSex = ""
    ds.PatientIdentityRemoved = "YES"
    ds.DeidentificationMethod = "Simulated: there is no such patient"
    ds.StudyInstanceUID = uid(study.key, "study")
    ds.StudyID = "1"
    ds.StudyDate = ds.SeriesDate = ds.ContentDate = DATE
    ds.StudyTime = ds.SeriesTime = ds.ContentTime = TIME
    ds.StudyDescription = f"Phantom {study.body_part.lower()}"
    ds.AccessionNumber = ""
    ds.ReferringPhysicianName = ""
    ds.Manufacturer = "Saliscope"
    ds.ManufacturerModelName = "Phantom"
    ds.SoftwareVersions = "1"


def _magnetic(ds: FileDataset, study: Study, sequence: Sequence, index: int) -> None:
    inverted = bool(sequence.parameters["InversionTime"])
    ds.BodyPartExamined = "LEG" if study.body_part == "CALF" else study.body_part
    ds.PatientPosition = "FFS"
    ds.FrameOfReferenceUID = uid(study.key, "frame of reference")
    ds.PositionReferenceIndicator = ""
    ds.Laterality = ""
    ds.ScanningSequence = ["SE", "IR"] if inverted else "SE"
    ds.SequenceVariant = "SK"
    ds.ScanOptions = "IR" if inverted else ""
    ds.MRAcquisitionType = "2D"
    ds.SequenceName = sequence.name
    ds.ProtocolName = sequence.name
    ds.EchoTrainLength = 1
    for keyword, value in sequence.parameters.items():
        if keyword != "InversionTime" or inverted:
            setattr(ds, keyword, value)
    ds.ImagingFrequency = round(42.577 * float(sequence.parameters["MagneticFieldStrength"]), 3)
    ds.SliceThickness = sequence.slice_thickness
    ds.SpacingBetweenSlices = round(sequence.slice_spacing, 4)
    ds.PixelSpacing = [round(s, 4) for s in sequence.spacing]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    x, y, z = sequence.origin
    z += sequence.slice_spacing * index
    ds.ImagePositionPatient = [round(v, 4) for v in (x, y, z)]
    ds.SliceLocation = round(z, 4)
    high = max(float(np.percentile(sequence.pixels, 99.7)), 2.0)
    ds.WindowCenter = round(high / 2)
    ds.WindowWidth = round(high)
    ds.WindowCenterWidthExplanation = "PHANTOM"


def _ultrasound(ds: FileDataset, study: Study, sequence: Sequence) -> None:
    rows, cols = sequence.pixels.shape[1:]
    ds.BodyPartExamined = study.body_part
    ds.PatientOrientation = ""
    ds.Laterality = ""
    ds.LossyImageCompression = "00"
    for keyword, value in sequence.parameters.items():
        if keyword != "TransducerFrequency":
            setattr(ds, keyword, value)
    region = Dataset()
    region.RegionSpatialFormat = 1  # two-dimensional (tissue or flow)
    region.RegionDataType = 1  # tissue
    region.RegionFlags = 0
    region.RegionLocationMinX0 = 0
    region.RegionLocationMinY0 = 0
    region.RegionLocationMaxX1 = cols - 1
    region.RegionLocationMaxY1 = rows - 1
    region.PhysicalUnitsXDirection = 3  # cm
    region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX = sequence.spacing[1] / 10.0
    region.PhysicalDeltaY = sequence.spacing[0] / 10.0
    region.TransducerFrequency = int(sequence.parameters["TransducerFrequency"] / 1e3)  # kHz
    ds.SequenceOfUltrasoundRegions = Items([region])
    ds.TransducerType = "LINEAR"


def _pixels(ds: FileDataset, sequence: Sequence, index: int) -> None:
    frame = np.ascontiguousarray(sequence.pixels[index])
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = frame.shape
    ds.BitsAllocated = 8 * frame.dtype.itemsize
    ds.BitsStored = 8 if frame.dtype.itemsize == 1 else 12
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = 0
    if ds.file_meta.TransferSyntaxUID == RLELossless:
        ds.compress(RLELossless, frame, encoding_plugin="pydicom", generate_instance_uid=False)
    else:
        ds.PixelData = frame.tobytes()
        ds["PixelData"].VR = "OB" if frame.dtype.itemsize == 1 else "OW"
