"""Where frames lie in the patient: PS3.3 C.7.6.2 (Image Plane) and C.7.6.3.1.7 (aspect)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from engine.images.dicom import ultrasound, values
from engine.images.dicom.functional import FrameView
from engine.images.image import Geometry

ORTHOGONALITY = 1e-2
"""How far the two direction cosines may be from unit length and right angles: headers with four
decimals reach 1e-3, anything beyond this is not an orientation."""

MAX_SPACING = 100.0
"""Millimetres between pixels beyond which a spacing is a mistake, not a coarse image."""

SPACING_TOLERANCE = 1e-2
"""Relative difference below which distances between planes are the same."""

MIN_PLANE_STEP = 1e-3
"""Millimetres below which two planes are at the same place."""

GAP_FACTOR = 1.5
"""A step between slices beyond this many ordinary ones is a gap."""


@dataclass(frozen=True)
class Plane:
    """One frame's place: any part is None where the file does not give it sensibly."""

    position: NDArray[np.float64] | None
    orientation: NDArray[np.float64] | None  # (6,), orthonormal
    spacing: tuple[float, float] | None
    thickness: float | None

    @property
    def normal(self) -> NDArray[np.float64] | None:
        """Row direction x column direction, as PS3.3 C.7.6.2.1.1 orders them."""
        if self.orientation is None:
            return None
        return np.cross(self.orientation[:3], self.orientation[3:])

    @property
    def distance(self) -> float | None:
        """Position along the normal, mm."""
        if self.normal is None or self.position is None:
            return None
        return float(self.normal @ self.position)


def sensible_spacing(pair: NDArray[np.float64] | None) -> tuple[float, float] | None:
    """Return (row, col) spacing where both are positive and below ``MAX_SPACING``."""
    if pair is None or not ((pair > 0) & (pair < MAX_SPACING)).all():
        return None
    return float(pair[0]), float(pair[1])


def orthonormal(cosines: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    """Return the six direction cosines made exactly orthonormal, None if far from it."""
    if cosines is None:
        return None
    col, row = cosines[:3], cosines[3:]
    if (
        abs(np.linalg.norm(col) - 1) > ORTHOGONALITY
        or abs(np.linalg.norm(row) - 1) > ORTHOGONALITY
        or abs(float(col @ row)) > ORTHOGONALITY
    ):
        return None
    col = col / np.linalg.norm(col)
    row = row - (row @ col) * col
    return np.concatenate([col, row / np.linalg.norm(row)])


def plane(view: FrameView, frame: int = 0) -> Plane:
    """Read the place of a frame (counted from 0 in its file)."""
    position = values.vector(view.position, "ImagePositionPatient", 3)
    orientation = orthonormal(values.vector(view.orientation, "ImageOrientationPatient", 6))
    offsets = values.floats(view.dataset, "GridFrameOffsetVector")
    if position is not None and orientation is not None and len(offsets) > frame:
        # RT dose gives the first frame's position and the others' distances from it, or, where
        # the first offset is not 0, their coordinates along the axis (PS3.3 C.8.8.3.2).
        offset = offsets[frame] - offsets[0]
        position = position + offset * np.cross(orientation[:3], orientation[3:])
    return Plane(
        position=position,
        orientation=orientation,
        spacing=sensible_spacing(values.vector(view.measures, "PixelSpacing", 2)),
        thickness=values.number(view.measures, "SliceThickness"),
    )


def affine(place: Plane, spacing: tuple[float, float], step: float) -> NDArray[np.float64] | None:
    """Return (4, 4): (row, col, 0, 1) to LPS, by equation C.7.6.2.1-1; None if not known.

    step: length of the third column, along the normal, which makes the matrix invertible.
    """
    if place.position is None or place.orientation is None or place.normal is None:
        return None
    matrix = np.eye(4)
    matrix[:3, 0] = place.orientation[3:] * spacing[0]  # one row down
    matrix[:3, 1] = place.orientation[:3] * spacing[1]  # one column to the right
    matrix[:3, 2] = place.normal * step
    matrix[:3, 3] = place.position
    return matrix


def plane_step(distances: Sequence[float]) -> float | None:
    """Return the constant distance between neighbouring planes, or None where there is none."""
    if len(distances) < 2:
        return None
    steps = np.diff(np.asarray(distances))
    middle = float(np.median(steps))
    if abs(middle) < MIN_PLANE_STEP:
        return None
    if (np.abs(steps - middle) > SPACING_TOLERANCE * abs(middle)).any():
        return None
    return abs(float(np.mean(steps)))


def geometry(
    dataset: Dataset, planes: Sequence[Plane], shape: tuple[int, int], notes: list[str]
) -> Geometry:
    """Build the geometry of frames from their planes and the first frame's data set."""
    spacing = planes[0].spacing
    if spacing is not None and any(
        p.spacing is not None and not np.allclose(p.spacing, spacing, rtol=1e-3) for p in planes
    ):
        notes.append("Its frames differ in pixel spacing; the first frame's is used.")
    aspect = None
    if spacing is None or values.text(dataset, "Modality") == "US":
        spacing = _other_spacing(dataset, shape, spacing, notes)
    if spacing is None:
        aspect = _aspect_ratio(dataset)
    directions = values.texts(dataset, "PatientOrientation")
    edges = (directions[0], directions[1]) if len(directions) == 2 else ("", "")

    distances = [p.distance for p in planes]
    step = None
    if all(d is not None for d in distances) and _parallel(planes):
        step = plane_step([d for d in distances if d is not None])
    affines = None
    if spacing is not None:
        third = step or planes[0].thickness or 1.0
        found = [affine(p, spacing, third if third > 0 else 1.0) for p in planes]
        known = [matrix for matrix in found if matrix is not None]
        if len(known) == len(found):
            affines = np.stack(known)
        elif known:
            notes.append("Some frames have no position, so none is placed in the patient.")
    sound = values.text(dataset, "Modality") == "US" or planes[0].spacing is None
    regions = ultrasound.regions(dataset, shape) if sound else ()
    return Geometry(spacing, affines, step, None, aspect, edges, regions)


def ordinary_step(steps: NDArray[np.float64]) -> float:
    """Return the median of positive steps, of two in the middle the smaller.

    Half way between a step and a gap, as in three slices with one missing, lies neither.
    """
    return float(np.sort(steps)[(len(steps) - 1) // 2])


def with_gaps(where: Geometry, planes: Sequence[Plane], places: Sequence[int]) -> Geometry:
    """Say after which frames slices are missing; no spacing between slices is given across them.

    places: of the frames in their series, from 0. Those left out between two frames leave a gap
    even where what is left happens to be evenly spaced.
    """
    gaps = {i for i in range(len(places) - 1) if places[i + 1] - places[i] > 1}
    distances = [plane.distance for plane in planes if plane.distance is not None]
    if len(distances) == len(planes) and _parallel(planes):
        steps = np.diff(np.asarray(distances))
        if len(steps) and ((steps > 0).all() or (steps < 0).all()):
            wide = np.abs(steps) > GAP_FACTOR * ordinary_step(np.abs(steps))
            gaps |= {int(i) for i in np.flatnonzero(wide)}
    if not gaps:
        return where
    affines, thickness = where.frame_affines, planes[0].thickness
    if where.slice_spacing and affines is not None and thickness:
        affines = affines.copy()
        affines[:, :3, 2] *= thickness / where.slice_spacing
    return replace(where, frame_affines=affines, slice_spacing=None, gaps=tuple(sorted(gaps)))


def _parallel(planes: Sequence[Plane]) -> bool:
    first = planes[0].orientation
    return first is not None and all(
        p.orientation is not None and np.allclose(p.orientation, first, atol=1e-3) for p in planes
    )


def _other_spacing(
    dataset: Dataset,
    shape: tuple[int, int],
    stated: tuple[float, float] | None,
    notes: list[str],
) -> tuple[float, float] | None:
    """Look for a spacing besides PixelSpacing: ultrasound regions, the detector's, a scanner's."""
    regions = ultrasound.spacing(dataset, shape, notes)
    if regions is not None:
        return regions
    if stated is not None:
        return stated
    detector = sensible_spacing(values.vector(dataset, "ImagerPixelSpacing", 2))
    if detector is not None:
        # PS3.3 10.7.1.3: at the detector's plane, so lengths in the patient come out too large
        # by the geometric magnification, where that is not given.
        factor = values.number(dataset, "EstimatedRadiographicMagnificationFactor")
        if factor is not None and 1.0 <= factor < 10.0:
            return detector[0] / factor, detector[1] / factor
        notes.append(
            "Its pixel spacing is the detector's, so lengths in the patient are smaller than shown."
        )
        return detector
    scanned = sensible_spacing(values.vector(dataset, "NominalScannedPixelSpacing", 2))
    if scanned is not None:
        notes.append("Its pixel spacing is that of the scanned page or film.")
    return scanned


def _aspect_ratio(dataset: Dataset) -> float | None:
    """PixelAspectRatio: vertical over horizontal size of a pixel (PS3.3 C.7.6.3.1.7)."""
    ratio = values.vector(dataset, "PixelAspectRatio", 2)
    if ratio is None or (ratio <= 0).any() or not 0.05 < ratio[0] / ratio[1] < 20:
        return None
    return float(ratio[0] / ratio[1])
