"""DICOM Segmentation (PS3.3 A.51), binary: a segment a mask, a frame a drawn frame.

Every frame names the source's SOP instance and frame it was drawn on. Its place in the patient is
written where the source has one and a frame of reference; frames that share a plane (times,
echoes) are then told apart by their number in the stack. The patient and the study are the
source's own, as DICOM asks of what is stored beside it.
"""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID, MRImageStorage, generate_uid

from engine.errors import MaskError, UnreadableImageError
from engine.images.dicom import header, values
from engine.images.image import Image
from engine.masks.formats.files import replacing
from engine.masks.formats.sidecar import program_version
from engine.masks.mask import Mask

NAMES_PATIENT = (
    "The segmentation carries the patient's name and number as the source images do, so that it "
    "can be stored beside them; de-identify it before you pass it on."
)

# Its warnings quote names that it finds odd, and those are patients'.
warnings.filterwarnings("ignore", module=r"highdicom(\.|$)")

#: DICOM limits a name or label (LO, PN component group) to this many characters.
_LONGEST = 64

#: Planes closer than this (mm) are one plane.
_SAME_PLANE_MM = 1e-3

_SAME_DIRECTION = 1e-4
_SERIES_NUMBER = 900

_COPIED = ("PatientID", "PatientName", "AccessionNumber", "StudyID", "ReferringPhysicianName")


def export(
    masks: Sequence[Mask],
    image: Image,
    path: Path,
    *,
    deidentify: Callable[[Dataset], object] | None = None,
) -> tuple[str, ...]:
    """Write masks as one Segmentation; return what the user should know, one sentence each.

    The source files are opened again for the patient and the study. deidentify: changes the data
    set before it is written, as it does the source images that go along. Raises ``MaskError``:
    misfit, an image that is not from DICOM, sources that are gone, or it cannot be written.
    """
    if not masks:
        raise ValueError("one mask at least")
    for mask in masks:
        mask.check_fits(image)
    made = build(masks, image)
    if deidentify is not None:
        deidentify(made)
    with replacing(path) as temporary:
        made.save_as(temporary, enforce_file_format=True)
    return () if deidentify is not None else (NAMES_PATIENT,)


def build(masks: Sequence[Mask], image: Image) -> Dataset:
    """Return the data set that ``export`` writes."""
    from highdicom.seg import Segmentation

    identity = image.identity
    if len(identity.sop_instance_uids) != image.frames or not identity.sop_class_uid:
        raise MaskError(
            "The image is not from DICOM (or lacks its UIDs), and a DICOM Segmentation refers to "
            "DICOM images; export the mask as NIfTI or NRRD."
        )
    source = _source(image)
    placed = image.geometry.frame_affines if identity.frame_of_reference_uid else None
    stacked = placed is None or not _distinct_planes(placed)
    stand_ins = [_stand_in(source, image, i, stacked) for i in range(image.frames)]
    drawn = sorted({i for mask in masks for i, p in mask.frames.items() if p.any()}) or [0]
    pixels = np.zeros((len(drawn), *image.shape, len(masks)), np.uint8)
    for number, mask in enumerate(masks):
        for position, index in enumerate(drawn):
            pixels[position, ..., number] = mask.frame(index)
    try:
        made: Dataset = Segmentation(
            source_images=[stand_ins[i] for i in drawn],
            pixel_array=pixels,
            segmentation_type="BINARY",
            segment_descriptions=[_segment(n, mask) for n, mask in enumerate(masks, 1)],
            series_instance_uid=generate_uid(),
            series_number=_SERIES_NUMBER,
            sop_instance_uid=generate_uid(),
            instance_number=1,
            manufacturer="Saliscope",
            manufacturer_model_name="Saliscope",
            software_versions=program_version() or "development",
            device_serial_number="0",
            content_label="MASKS",
            content_description="Masks drawn in Saliscope, research use only",
            content_creator_name=_author(masks) or None,
        )
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise MaskError(
            f"The DICOM images do not allow a Segmentation ({' '.join(str(error).split())[:120]}); "
            "export the mask as NIfTI or NRRD."
        ) from None
    _refer(made, image, [UID(s.SOPInstanceUID) for s in stand_ins])
    if stacked:
        _stack(made, image, placed)
    return made


def _author(masks: Sequence[Mask]) -> str:
    names = dict.fromkeys(mask.author.strip() for mask in masks if mask.author.strip())
    return ", ".join(names).replace("\\", "/").replace("=", "-")[:_LONGEST]


def _source(image: Image) -> Dataset:
    path = image.identity.source_paths[0]
    try:
        source = header.read(path, pixels=False)
    except UnreadableImageError as error:
        raise MaskError(
            f"A DICOM Segmentation needs the source image, but {error.path.name} cannot be read: "
            f"{error.reason}; put it back, or export the mask as NIfTI."
        ) from None
    if values.text(source, "SOPInstanceUID") != image.identity.sop_instance_uids[0]:
        raise MaskError(
            f"{path.name} is no longer the image that the mask was drawn on; open it again."
        )
    return source


def _distinct_planes(affines: NDArray[np.float64]) -> bool:
    """Whether frames are parallel and at places of their own."""
    if np.abs(affines[:, :3, :2] - affines[:1, :3, :2]).max() > _SAME_DIRECTION:
        return False
    normal = np.cross(affines[0, :3, 1], affines[0, :3, 0])
    heights = np.sort(affines[:, :3, 3] @ (normal / np.linalg.norm(normal)))
    return len(heights) == 1 or bool(np.diff(heights).min() > _SAME_PLANE_MM)


def _stand_in(source: Dataset, image: Image, frame: int, stacked: bool) -> Dataset:
    """Return one frame as a single-frame image, sound enough for highdicom.

    Real series have frames in several studies, pixel measures missing, dates that are none. The
    place is the one that was read, or a plane of its own where the frames have none.
    """
    made = Dataset()
    for keyword in _COPIED:
        setattr(made, keyword, values.text(source, keyword))
    sex = values.text(source, "PatientSex")
    made.PatientSex = sex if sex in ("M", "F", "O") else ""
    made.PatientBirthDate = _date(values.text(source, "PatientBirthDate"))
    made.StudyDate = _date(values.text(source, "StudyDate"))
    made.StudyTime = _time(values.text(source, "StudyTime"))
    made.Modality = image.identity.modality or "OT"
    made.SpecificCharacterSet = "ISO_IR 192"
    identity = image.identity
    # ``_refer`` puts the real ones in their place.
    made.SOPClassUID, made.SOPInstanceUID = MRImageStorage, generate_uid()
    made.StudyInstanceUID = identity.study_instance_uid or generate_uid(
        entropy_srcs=[identity.sop_instance_uids[0], "study"]
    )
    made.SeriesInstanceUID = identity.series_instance_uid or generate_uid(
        entropy_srcs=[identity.sop_instance_uids[0], "series"]
    )
    made.FrameOfReferenceUID = identity.frame_of_reference_uid or generate_uid(
        entropy_srcs=[identity.sop_instance_uids[0], "place"]
    )
    made.Rows, made.Columns = image.shape
    geometry = image.geometry
    row, col = geometry.spacing or (1.0, 1.0)
    affine = np.diag([col, row, 1.0, 1.0])[:, [1, 0, 2, 3]]
    affine[2, 3] = frame
    if not stacked and geometry.frame_affines is not None:
        affine = geometry.frame_affines[frame]
    down, right = (affine[:3, a] / np.linalg.norm(affine[:3, a]) for a in (0, 1))
    made.ImagePositionPatient = _decimals(affine[:3, 3])
    made.ImageOrientationPatient = _decimals(np.concatenate([right, down]))
    made.PixelSpacing = _decimals(np.array([row, col]))
    thick = geometry.slice_spacing or 1.0
    if geometry.slice_spacing is None and geometry.frame_affines is not None:
        thick = float(np.linalg.norm(geometry.frame_affines[frame, :3, 2]))
    made.SliceThickness = _decimals(np.array([thick]))[0]
    lossy = values.text(source, "LossyImageCompression")
    if lossy in ("00", "01"):
        made.LossyImageCompression = lossy
    return made


def _decimals(numbers: NDArray[np.float64]) -> list[str]:
    """Write numbers as decimal strings, at most 16 characters (PS3.5 6.2, DS)."""
    from pydicom.valuerep import format_number_as_ds

    return [format_number_as_ds(float(n)) for n in numbers]


def _date(text: str) -> str:
    try:
        datetime.strptime(text, "%Y%m%d")
    except ValueError:
        return ""
    return text


def _time(text: str) -> str:
    whole = text.split(".")[0]
    try:
        datetime.strptime(whole, "%H%M%S")
    except ValueError:
        return ""
    return whole


def _segment(number: int, mask: Mask) -> Any:
    from highdicom.color import CIELabColor
    from highdicom.seg import SegmentDescription
    from pydicom.sr.coding import Code

    tissue = Code("85756007", "SCT", "Tissue")
    category, kind = tissue, tissue
    if "lesion" in mask.label.casefold():
        category = Code("49755003", "SCT", "Morphologically Abnormal Structure")
        kind = Code("52988006", "SCT", "Lesion")
    rgb = [int(mask.colour[i : i + 2], 16) for i in (1, 3, 5)]
    return SegmentDescription(
        segment_number=number,
        segment_label=mask.label[:_LONGEST].replace("\\", "/"),
        segmented_property_category=category,
        segmented_property_type=kind,
        algorithm_type="MANUAL",
        tracking_uid=_tracking_uid(mask.id),
        tracking_id=mask.id[:_LONGEST],
        display_color=CIELabColor.from_rgb(*rgb),
    )


def _tracking_uid(mask_id: str) -> str:
    """Return the UID of a mask's UUID (PS3.5 B.2), so that the same mask is known again."""
    try:
        return f"2.25.{uuid.UUID(mask_id).int}"
    except ValueError:
        return str(generate_uid(entropy_srcs=[mask_id]))


def _refer(made: Dataset, image: Image, stand_ins: Sequence[UID]) -> None:
    """Put the source's own UIDs and frame numbers where the stand-ins' are."""
    identity = image.identity
    number_of = {uid: index for index, uid in enumerate(stand_ins)}
    several = len(set(identity.sop_instance_uids)) < image.frames or max(identity.sop_frames) > 1
    done: set[int] = set()

    def rename(item: Dataset) -> None:
        # highdicom lets several segments share one item.
        if id(item) in done:
            return
        done.add(id(item))
        index = number_of[item.ReferencedSOPInstanceUID]
        item.ReferencedSOPClassUID = identity.sop_class_uid
        item.ReferencedSOPInstanceUID = identity.sop_instance_uids[index]
        if several:
            item.ReferencedFrameNumber = identity.sop_frames[index]

    for groups in made.PerFrameFunctionalGroupsSequence:
        for derivation in groups.get("DerivationImageSequence", ()):
            for item in derivation.get("SourceImageSequence", ()):
                rename(item)
    lists = [(series, "ReferencedInstanceSequence") for series in made.ReferencedSeriesSequence]
    if "SourceImageSequence" in made:
        lists.append((made, "SourceImageSequence"))
    for owner, keyword in lists:
        once: dict[str, Dataset] = {}
        for item in owner[keyword].value:
            index = number_of.get(item.ReferencedSOPInstanceUID)
            plain = Dataset()
            plain.ReferencedSOPClassUID = identity.sop_class_uid
            plain.ReferencedSOPInstanceUID = (
                item.ReferencedSOPInstanceUID
                if index is None
                else identity.sop_instance_uids[index]
            )
            once.setdefault(plain.ReferencedSOPInstanceUID, plain)
        setattr(owner, keyword, list(once.values()))


def _stack(made: Dataset, image: Image, affines: NDArray[np.float64] | None) -> None:
    """Tell frames apart by their number in the stack, and give each its own place or none."""
    stand_in = {
        (uid, number): index
        for index, (uid, number) in enumerate(
            zip(image.identity.sop_instance_uids, image.identity.sop_frames, strict=True)
        )
    }
    for item in made.DimensionIndexSequence:
        if item.DimensionIndexPointer == 0x00200032:  # ImagePositionPatient
            item.DimensionIndexPointer = 0x00209057  # InStackPositionNumber
            item.FunctionalGroupPointer = 0x00209111  # FrameContentSequence
            if "DimensionDescriptionLabel" in item:
                item.DimensionDescriptionLabel = "In-Stack Position Number"
    shared = made.SharedFunctionalGroupsSequence[0]
    if "PlaneOrientationSequence" in shared:
        del shared.PlaneOrientationSequence
    if affines is None and "PixelMeasuresSequence" in shared:
        # The frames refer to the source's pixels; a thickness would have to be made up.
        del shared.PixelMeasuresSequence
    if "DimensionOrganizationType" in made:
        del made.DimensionOrganizationType
    if affines is None:
        for keyword in ("FrameOfReferenceUID", "PositionReferenceIndicator"):
            if keyword in made:
                delattr(made, keyword)
    for groups in made.PerFrameFunctionalGroupsSequence:
        origin = groups.DerivationImageSequence[0].SourceImageSequence[0]
        number = int(origin.get("ReferencedFrameNumber", 1))
        index = stand_in[origin.ReferencedSOPInstanceUID, number]
        content = groups.FrameContentSequence[0]
        content.StackID = "1"
        content.InStackPositionNumber = index + 1
        if "PlanePositionSequence" in groups:
            del groups.PlanePositionSequence
        if affines is not None:
            affine = affines[index]
            down, right = (affine[:3, a] / np.linalg.norm(affine[:3, a]) for a in (0, 1))
            groups.PlanePositionSequence = [_item("ImagePositionPatient", affine[:3, 3])]
            groups.PlaneOrientationSequence = [
                _item("ImageOrientationPatient", np.concatenate([right, down]))
            ]


def _item(keyword: str, numbers: NDArray[np.float64]) -> Dataset:
    made = Dataset()
    value: Any = _decimals(numbers)
    setattr(made, keyword, value)
    return made
