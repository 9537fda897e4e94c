"""Whose image it is, and what to call it on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydicom.dataset import Dataset

from engine.images.dicom import values
from engine.images.image import Identity


def spoken(stored: str) -> str:
    """Return a patient's name as it is read aloud: prefix, given, middle, family, suffix.

    A name has up to three groups (alphabetic=ideographic=phonetic, PS3.5 6.2.1.1), of which the
    first that is there is taken. pydicom has decoded it by the SpecificCharacterSet.
    """
    group = next((part for part in stored.split("=") if part.strip("^ ")), "")
    family, given, middle, prefix, suffix = (*group.split("^"), "", "", "", "", "")[:5]
    parts = (prefix, given, middle, family, suffix)
    return " ".join(part.strip() for part in parts if part.strip())


def identity(
    dataset: Dataset, paths: Sequence[Path], uids: Sequence[str], frames: Sequence[int]
) -> Identity:
    """Build the identity of frames: one path, UID and frame number (from 1) each."""
    known = all(uids)
    return Identity(
        source_paths=tuple(paths),
        modality=values.code(dataset, "Modality"),
        patient_name=values.text(dataset, "PatientName"),
        patient_id=values.text(dataset, "PatientID"),
        study_instance_uid=values.text(dataset, "StudyInstanceUID"),
        series_instance_uid=values.text(dataset, "SeriesInstanceUID"),
        frame_of_reference_uid=values.text(dataset, "FrameOfReferenceUID"),
        sop_class_uid=values.text(dataset, "SOPClassUID"),
        sop_instance_uids=tuple(uids) if known else (),
        sop_frames=tuple(frames) if known else (),
        study_date=values.text(dataset, "StudyDate"),
        series_description=values.text(dataset, "SeriesDescription"),
    )
