"""The image: pixels as stored, where they lie in space, whose they are, how to show them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

WindowFunction = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]


@dataclass(frozen=True)
class Window:
    """A grey-scale window in modality units (DICOM PS3.3 C.11.2.1.2).

    curve: where the file has a VOI LUT, its output (0 to 1) at equal steps across the window;
    moving or widening the window moves and stretches the curve.
    """

    centre: float
    width: float
    name: str = ""
    function: WindowFunction = "LINEAR"
    curve: tuple[float, ...] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class VoxelLayout:
    """How the frames of an image lie in the voxel array of the file it was cut from.

    ``axes`` names, for (frame, row, col), the source array's axis; ``flips`` says which of the
    three run backwards along it. ``shape`` and ``affine`` (voxel index to RAS mm, as NIfTI has it)
    are the source's own, so that a mask can be written on the very grid that was read.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    axes: tuple[int, int, int]
    flips: tuple[bool, bool, bool]


@dataclass(frozen=True)
class ScaledRegion:
    """A part of an ultrasound picture with a scale of its own (DICOM PS3.3 C.8.5.5).

    top, left, bottom, right: its pixels, the ends included. spacing: (row, col) mm a pixel; None
    where its axes are not both lengths (time in M-mode, velocity in a spectrum).
    """

    top: int
    left: int
    bottom: int
    right: int
    spacing: tuple[float, float] | None = None

    @property
    def area(self) -> int:
        """Pixels."""
        return (self.bottom - self.top + 1) * (self.right - self.left + 1)

    def holds(self, row: float, col: float) -> bool:
        """Whether an image position lies on one of its pixels."""
        return (
            self.top - 0.5 <= row <= self.bottom + 0.5
            and self.left - 0.5 <= col <= self.right + 0.5
        )


@dataclass(frozen=True)
class Geometry:
    """Where the pixels lie; None wherever the file does not say.

    spacing: (row, col) distance between pixel centres, mm.
    frame_affines: (frames, 4, 4), each takes (row, col, 0, 1) to DICOM patient coordinates
        (LPS, mm); row and col are 0 at the centre of the first pixel.
    slice_spacing: distance between neighbouring frames' planes where it is constant, mm.
    layout: set for images cut from a voxel array (NIfTI).
    pixel_aspect: a pixel's height over its width where only that is known (DICOM
        PixelAspectRatio).
    directions: where only that is known, the patient's directions towards which columns (to the
        screen's right) and rows (downwards) run, as DICOM PatientOrientation ("L", "FA", ...).
    regions: of an ultrasound picture; what lies outside all of them has no scale.
    gaps: the frames after which slices are missing, from 0: what lies there is not known, and
        ``slice_spacing`` is then None.
    """

    spacing: tuple[float, float] | None = None
    frame_affines: NDArray[np.float64] | None = None
    slice_spacing: float | None = None
    layout: VoxelLayout | None = None
    pixel_aspect: float | None = None
    directions: tuple[str, str] = ("", "")
    regions: tuple[ScaledRegion, ...] = ()
    gaps: tuple[int, ...] = ()

    @property
    def aspect(self) -> float:
        """A pixel's height over its width: 1 where the file does not say otherwise."""
        if self.spacing is not None:
            return self.spacing[0] / self.spacing[1]
        return self.pixel_aspect or 1.0


@dataclass(frozen=True)
class Identity:
    """Whose image this is; a mask carries it wherever it goes.

    sop_instance_uids and sop_frames have one entry a frame (frame numbers count from 1, as
    DICOM does), or are empty where there are no UIDs. source_paths: the files, in frame order.
    volume: the index in the fourth dimension (time, echo, ...), where there is one.
    """

    source_paths: tuple[Path, ...] = ()
    modality: str = ""
    patient_name: str = ""
    patient_id: str = ""
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    frame_of_reference_uid: str = ""
    sop_class_uid: str = ""
    sop_instance_uids: tuple[str, ...] = ()
    sop_frames: tuple[int, ...] = ()
    study_date: str = ""
    series_description: str = ""
    volume: int | None = None

    @property
    def is_dicom(self) -> bool:
        """Whether it was read from DICOM; a stack cut along another axis has no frames' UIDs."""
        return bool(self.sop_instance_uids or self.sop_class_uid or self.series_instance_uid)


@dataclass(frozen=True)
class Display:
    """How the file asks to be shown.

    inverted: MONOCHROME1, low values are white. windows: the stored ones, first is the default.
    voi_lut: (first input value, table of outputs from 0 to 1) where the file has one instead of
        a window.
    frame_windows: each frame's own stored windows, where they differ between frames.
    padding: the range of values (modality units) that mark pixels outside the image.
    frame_rate: frames a second at which the file asks to be played, None where it does not.
    """

    inverted: bool = False
    windows: tuple[Window, ...] = ()
    voi_lut: tuple[int, NDArray[np.float64]] | None = None
    unit: str = ""
    frame_times_ms: tuple[float, ...] = ()
    frame_windows: tuple[tuple[Window, ...], ...] = ()
    padding: tuple[float, float] | None = None
    frame_rate: float | None = None


@dataclass(frozen=True)
class LeftOut:
    """A slice of a series that could not be read, and is not among the image's frames.

    place: which of the series' frames it would be, from 0. reason, advice: clauses, as those of
    ``UnreadableImageError``.
    """

    path: Path
    place: int
    reason: str
    advice: str


@dataclass(frozen=True, eq=False)
class Image:
    """An image or a stack of frames of one shape. Immutable: ``pixels`` cannot be written to.

    pixels: (frames, rows, cols), in modality units, or (frames, rows, cols, 3) uint8 RGB.
    notes: what the reader wants the user to know (gaps, assumptions), one sentence each.
    left_out: the slices of its series that could not be read; ``notes`` begin with them.
    """

    pixels: NDArray[Any]
    geometry: Geometry = field(default_factory=Geometry)
    identity: Identity = field(default_factory=Identity)
    display: Display = field(default_factory=Display)
    title: str = ""
    notes: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    def __post_init__(self) -> None:
        pixels = self.pixels
        if pixels.ndim not in (3, 4) or (pixels.ndim == 4 and pixels.shape[3] != 3):
            raise ValueError(f"pixels must be (frames, rows, cols[, 3]), not {pixels.shape}")
        if 0 in pixels.shape:
            raise ValueError("an image has at least one pixel")
        pixels.flags.writeable = False

    @property
    def frames(self) -> int:
        """The number of frames (slices, time points of a cine loop)."""
        return int(self.pixels.shape[0])

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols) of one frame."""
        return int(self.pixels.shape[1]), int(self.pixels.shape[2])

    def said_of_left_out(self, name: str = "") -> str:
        """Say which slices could not be read, why and what to do; "" where all could be.

        name: stands in place of the file's.
        """
        if not self.left_out:
            return ""
        first, many = self.left_out[0], len(self.left_out)
        total = self.frames + many
        name = name or f"the file {first.path.name}"
        if many == 1:
            return (
                f"1 of {total} slices is left out, as {name} cannot be read: {first.reason}; "
                f"{first.advice}."
            )
        return (
            f"{many} of {total} slices are left out, as their files cannot be read; the first is "
            f"{name}: {first.reason}; {first.advice}."
        )

    @property
    def is_colour(self) -> bool:
        """Whether the pixels are RGB."""
        return self.pixels.ndim == 4

    def frame(self, index: int) -> NDArray[Any]:
        """Return one frame, (rows, cols) or (rows, cols, 3), as a read-only view."""
        return self.pixels[index]  # type: ignore[no-any-return]

    def grey(self, index: int) -> NDArray[np.float32]:
        """Return one frame as float32 (rows, cols); RGB by ITU-R BT.601 luma."""
        pixels = self.pixels[index]
        if self.is_colour:
            luma: NDArray[np.float32] = pixels @ np.array([0.299, 0.587, 0.114], np.float32)
            return luma
        return pixels.astype(np.float32)  # type: ignore[no-any-return]

    @cached_property
    def key(self) -> str:
        """A name for this image's content: the same pixels and UIDs give the same key anywhere.

        It names autosaved masks and cached maps, and says nothing about the patient.
        """
        digest = hashlib.blake2b(digest_size=16)
        digest.update(repr((self.pixels.shape, self.pixels.dtype.str)).encode())
        digest.update("\n".join(self.identity.sop_instance_uids).encode())
        digest.update(repr(self.identity.volume).encode())
        digest.update(np.ascontiguousarray(self.pixels).data)
        return digest.hexdigest()


def stack(frames: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Stack equal frames (rows, cols[, 3]) to (frames, rows, cols[, 3])."""
    return np.stack(list(frames))
