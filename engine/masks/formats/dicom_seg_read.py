"""DICOM Segmentations of this and other programs, laid onto the image they belong to.

A frame goes to the image's frame that it names as its source; where it names none of them, or
several, to the one that lies in its plane. Its pixels must lie on the image's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID

from engine.errors import CancelledError, MaskError, UnreadableImageError
from engine.images import limits
from engine.images.dicom import geometry, header, pixels, values
from engine.images.dicom.functional import FrameView, frame_views
from engine.images.image import Image
from engine.masks.formats.files import cannot_read
from engine.masks.formats.placing import lay
from engine.masks.mask import COLOURS, ImageReference, Mask, checked_label

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"

#: Planes closer than this (mm), or than this share of the distance between slices, are one.
PLANE_TOLERANCE_MM = 0.05
PLANE_TOLERANCE_OF_STEP = 0.02

MAX_SEGMENTS = 256

_EXPORT = "export it again"
_OTHER = "open the image that it was made on"


def read(path: Path, image: Image) -> list[Mask]:
    """Read a Segmentation, one mask a segment; fractions count from a half up.

    Raises ``MaskError``: no Segmentation, damaged, or of another image.
    """
    try:
        dataset = header.read(path, pixels=True)
        kind = values.text(dataset, "SOPClassUID")
        if kind not in (SEGMENTATION, LABEL_MAP):
            raise cannot_read(path, "it is DICOM but no Segmentation", "choose the Segmentation")
        count, rows, cols, _ = pixels.check_header(path, dataset)
        _check_length(path, dataset, count * rows * cols)
        own = values.items(dataset, "PerFrameFunctionalGroupsSequence")
        if count > 1 and len(own) != count:
            raise cannot_read(path, "it does not describe its frames", _EXPORT)
        return _masks(path, dataset, image, kind, (count, rows, cols))
    except UnreadableImageError as error:
        raise cannot_read(path, error.reason, error.advice) from None
    except (MaskError, CancelledError, MemoryError):
        raise
    except Exception:
        # Elements are converted when first asked for, and a damaged one raises anything.
        raise cannot_read(path, "it is damaged", _EXPORT) from None


def _check_length(path: Path, dataset: Dataset, size: int) -> None:
    """Refuse more pixels than are announced: the frames would begin elsewhere than they say."""
    if UID(str(dataset.file_meta.TransferSyntaxUID)).is_compressed or "PixelData" not in dataset:
        return
    expected = (size * (values.integer(dataset, "BitsAllocated") or 8) + 7) // 8
    if len(dataset.PixelData) > expected + expected % 2:
        raise cannot_read(path, "it holds more pixels than its header announces", _EXPORT)


def _masks(
    path: Path, dataset: Dataset, image: Image, kind: str, shape: tuple[int, int, int]
) -> list[Mask]:
    count, rows, cols = shape
    found = _Matcher(path, dataset, image, (rows, cols))
    wanted: list[tuple[int, int, FrameView]] = []
    for number, view in enumerate(frame_views(dataset, count)):
        frame = found.frame(view, number)
        if frame is not None:
            wanted.append((number, frame, view))
    if not wanted:
        raise cannot_read(path, "it was made on another image", _OTHER)
    notes = list(found.notes)
    if len(wanted) < count:
        notes.append(
            f"{count - len(wanted)} of the {count} frames of {path.name} are of other images and "
            "were left out."
        )
    limits.check(path, (len(wanted), rows, cols), 1)
    decoded = pixels.decode(path, dataset, [number for number, _, _ in wanted])
    segments = _segments(dataset)
    drawn: dict[int, dict[int, NDArray[np.bool_]]] = {n: {} for n in segments}
    whole = 0
    if values.text(dataset, "SegmentationType") == "FRACTIONAL":
        whole = values.integer(dataset, "MaximumFractionalValue") or 255
        notes.append(f"{path.name} holds fractions; pixels from a half up were taken.")
    for (number, frame, view), stored in zip(wanted, decoded, strict=True):
        if kind == LABEL_MAP:
            marked = {int(n): stored == n for n in np.unique(stored) if n}
        else:
            counted = 2 * stored.astype(np.int64) >= whole if whole else stored > 0
            marked = {_segment_number(view): counted}
        for segment, one in marked.items():
            if len(drawn) >= MAX_SEGMENTS and segment not in drawn:
                raise cannot_read(path, f"it has more than {MAX_SEGMENTS} segments", _EXPORT)
            placed = found.place(view, number, frame, one)
            frames = drawn.setdefault(segment, {})
            frames[frame] = placed | frames[frame] if frame in frames else placed
    return [
        _mask(image, drawn[n], segments.get(n), n, position, dataset, notes)
        for position, n in enumerate(drawn)
    ]


def _segment_number(view: FrameView) -> int:
    item = view.group("SegmentIdentificationSequence")
    return values.integer(item, "ReferencedSegmentNumber") or 1


def _segments(dataset: Dataset) -> dict[int, Dataset]:
    listed = values.items(dataset, "SegmentSequence")[:MAX_SEGMENTS]
    numbered = {values.integer(item, "SegmentNumber") or 0: item for item in listed}
    return {n: item for n, item in numbered.items() if n > 0}


def _mask(
    image: Image,
    frames: dict[int, NDArray[np.bool_]],
    segment: Dataset | None,
    number: int,
    position: int,
    dataset: Dataset,
    notes: Sequence[str],
) -> Mask:
    label = values.text(segment, "SegmentLabel") if segment is not None else ""
    lab = values.raw(segment, "RecommendedDisplayCIELabValue") if segment is not None else None
    return Mask(
        ImageReference.of(image),
        checked_label(label) if label.strip() else f"Segment {number}",
        colour=_colour(lab) or COLOURS[position % len(COLOURS)],
        author=values.text(dataset, "ContentCreatorName")[:200],
        frames=frames,
        notes=notes,
    )


def _colour(lab: Any) -> str | None:
    """Return "#rrggbb" of a CIELab value of three 16-bit numbers (PS3.3 C.10.7.1.1)."""
    try:
        light, a, b = (float(n) for n in lab)
    except (TypeError, ValueError):
        return None
    from skimage.color import lab2rgb

    real = [light / 65535 * 100, a / 65535 * 255 - 128, b / 65535 * 255 - 128]
    rgb = lab2rgb(np.array([[real]]))[0, 0]
    return "#" + "".join(f"{round(float(c) * 255):02X}" for c in rgb.clip(0, 1))


class _Matcher:
    """Finds the image's frame for each frame of a Segmentation."""

    def __init__(self, path: Path, dataset: Dataset, image: Image, shape: tuple[int, int]) -> None:
        self.notes: list[str] = []
        self._path, self._image, self._shape = path, image, shape
        identity = image.identity
        self._places: dict[str, dict[int, int]] = {}
        for index, (uid, number) in enumerate(
            zip(identity.sop_instance_uids, identity.sop_frames, strict=True)
        ):
            self._places.setdefault(uid, {})[number] = index
        theirs = values.text(dataset, "FrameOfReferenceUID")
        ours = identity.frame_of_reference_uid
        # A NIfTI file has no UIDs; that it lies where the Segmentation does must be enough.
        self._one_space = bool(theirs) and (theirs == ours or not identity.sop_instance_uids)
        self._affines = image.geometry.frame_affines

    def frame(self, view: FrameView, number: int) -> int | None:
        """Return the image's frame that a frame belongs to, None if there is none."""
        named = self._named(view)
        in_plane = self._in_plane(view, number)
        if in_plane is not None and len(named) != 1:
            both = [f for f in in_plane if f in named] or in_plane
            if len(both) > 1:
                raise cannot_read(
                    self._path,
                    "it does not say which of the frames in one plane it belongs to",
                    "export it with references to its source images",
                )
            return both[0] if both else None
        if len(named) > 1:
            raise cannot_read(self._path, "a frame of it refers to several of the image's", _EXPORT)
        return named[0] if named else None

    def _named(self, view: FrameView) -> list[int]:
        derivation = view.group("DerivationImageSequence")
        found: dict[int, None] = {}
        for item in values.items(derivation, "SourceImageSequence"):
            numbers = self._places.get(values.text(item, "ReferencedSOPInstanceUID"), {})
            said = [int(n) for n in values.floats(item, "ReferencedFrameNumber")]
            for number in said or numbers:
                if number in numbers:
                    found[numbers[number]] = None
        return list(found)

    def _affine(self, view: FrameView, number: int) -> NDArray[np.float64] | None:
        if not self._one_space or self._affines is None:
            return None
        plane = geometry.plane(view, number)
        spacing = plane.spacing or self._image.geometry.spacing
        return None if spacing is None else geometry.affine(plane, spacing, 1.0)

    def _in_plane(self, view: FrameView, number: int) -> list[int] | None:
        """Return the image's frames in the plane of a frame; None where that cannot be said."""
        affine = self._affine(view, number)
        if affine is None or self._affines is None:
            return None
        normals = np.cross(self._affines[:, :3, 1], self._affines[:, :3, 0])
        normals /= np.linalg.norm(normals, axis=1)[:, None]
        far = np.abs(((affine[:3, 3] - self._affines[:, :3, 3]) * normals).sum(axis=1))
        step = self._image.geometry.slice_spacing or 0.0
        near = far <= max(PLANE_TOLERANCE_MM, PLANE_TOLERANCE_OF_STEP * step)
        parallel = np.abs(normals @ affine[:3, 2]) > 1 - 1e-4
        return [int(i) for i in np.flatnonzero(near & parallel)]

    def place(
        self, view: FrameView, number: int, frame: int, marked: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Return (rows, cols) on the image's frame. Raises ``MaskError`` off its pixels."""
        theirs = self._affine(view, number)
        if theirs is not None and self._affines is not None:
            ours = self._affines[frame].copy()
            # Heights were compared in frame(); what is left are the pixels within the plane.
            normal = np.cross(ours[:3, 1], ours[:3, 0])
            ours[:3, 2] = normal / np.linalg.norm(normal)
            theirs = theirs.copy()
            theirs[:3, 3] -= ours[:3, 2] * float(ours[:3, 2] @ (theirs[:3, 3] - ours[:3, 3]))
            order = [2, 0, 1, 3]
            laid = lay(
                self._path,
                marked[None],
                theirs[:, order],
                ours[:, order],
                (1, *self._image.shape),
            )
            if laid is not None:
                return np.asarray(laid[0], np.bool_)
            raise cannot_read(
                self._path, "its pixels do not lie on the image's", "resample it onto the image"
            )
        if self._shape != self._image.shape:
            rows, cols = self._shape
            raise cannot_read(
                self._path,
                f"it has {cols} × {rows} pixels and the image "
                f"{self._image.shape[1]} × {self._image.shape[0]}",
                _OTHER,
            )
        return marked
