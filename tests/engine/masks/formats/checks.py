"""Masks, segmentations and damaged files, checked by libraries that share none of the code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import highdicom
import numpy as np
import pydicom

from engine.errors import MaskError
from engine.images.image import Image
from engine.masks.mask import Mask


def same(mask: Mask, other: Mask) -> bool:
    return mask.same_pixels(other) and (mask.label, mask.author) == (other.label, other.author)


def refused(folder: Path, cases: dict[str, bytes], read: Callable[[Path], object]) -> int:
    """Read damaged files, each an image or one sentence; return how many were refused.

    Only those named "random" may hold a mask all the same.
    """
    count = 0
    for name, content in cases.items():
        path = folder / name
        path.write_bytes(content)
        try:
            read(path)
        except MaskError as error:
            count += 1
            assert str(error).startswith(f"{name} cannot be read as a mask: ")
            assert str(error).endswith(".")
        else:
            assert name.startswith("random")
    return count


def garbled(data: bytes, count: int, head: int, ending: str) -> dict[str, bytes]:
    """Return copies of a file with three bytes of its beginning changed, by name."""
    rng = np.random.default_rng(0)
    cases = {}
    for i in range(count):
        damaged = bytearray(data)
        for at in rng.integers(0, head, 3):
            damaged[at] = int(rng.integers(256))
        cases[f"random{i}{ending}"] = bytes(damaged)
    return cases


def check_segmentation(path, masks: list[Mask], image: Image) -> None:
    """By highdicom and pydicom: frames, references and places."""
    opened = highdicom.seg.segread(path)
    dataset = pydicom.dcmread(path)
    identity = image.identity
    assert dataset.StudyInstanceUID == identity.study_instance_uid
    assert [s.SegmentLabel for s in dataset.SegmentSequence] == [m.label for m in masks]
    assert dataset.PatientID == identity.patient_id
    stored = np.atleast_3d(dataset.pixel_array.T).T
    seen = dict.fromkeys(range(1, len(masks) + 1), 0)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    for pixels, groups in zip(stored, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        (origin,) = groups.DerivationImageSequence[0].SourceImageSequence
        assert origin.ReferencedSOPClassUID == identity.sop_class_uid
        place = (origin.ReferencedSOPInstanceUID, origin.get("ReferencedFrameNumber", 1))
        frame = list(zip(identity.sop_instance_uids, identity.sop_frames, strict=True)).index(place)
        segment = (shared if "SegmentIdentificationSequence" in shared else groups)[
            "SegmentIdentificationSequence"
        ][0].ReferencedSegmentNumber
        np.testing.assert_array_equal(pixels != 0, masks[segment - 1].frame(frame))
        seen[segment] += int(np.count_nonzero(pixels))
        if identity.frame_of_reference_uid and image.geometry.frame_affines is not None:
            affine = image.geometry.frame_affines[frame]
            position = groups.PlanePositionSequence[0].ImagePositionPatient
            np.testing.assert_allclose(position, affine[:3, 3], atol=1e-5)
            owner = groups if "PlaneOrientationSequence" in groups else shared
            cosines = owner.PlaneOrientationSequence[0].ImageOrientationPatient
            spacing = shared.PixelMeasuresSequence[0].PixelSpacing
            np.testing.assert_allclose(np.array(cosines[3:]) * spacing[0], affine[:3, 0], atol=1e-5)
            np.testing.assert_allclose(np.array(cosines[:3]) * spacing[1], affine[:3, 1], atol=1e-5)
    assert seen == {n: mask.area() for n, mask in enumerate(masks, 1)}
    assert {i.ReferencedSOPInstanceUID for s in opened.ReferencedSeriesSequence
            for i in s.ReferencedInstanceSequence} <= set(identity.sop_instance_uids)  # fmt: skip
