"""Where a place in one image lies in another: by patient coordinates, else by proportion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.images.image import Image

#: Planes whose normals' cosine is above this are cut along the same direction.
PARALLEL = 0.99
#: Rounding in headers' positions, mm.
TOLERANCE = 0.05
#: A single frame has no neighbours to say how thick it is, mm.
FLAT = 2.0


def share_space(one: Image, other: Image, same_patient: bool = False) -> bool:
    """Whether positions of both are in the same patient coordinates.

    DICOM says so by the frame of reference UID (PS3.3 C.7.4.1); without one, images of the same
    file are. Files that know no such UID (NIfTI) are taken to be where they both lie if they are
    of the same patient and overlap there.
    """
    if one.geometry.frame_affines is None or other.geometry.frame_affines is None:
        return False
    uid = one.identity.frame_of_reference_uid
    if uid or other.identity.frame_of_reference_uid:
        return uid == other.identity.frame_of_reference_uid
    paths = one.identity.source_paths
    if paths and paths == other.identity.source_paths:
        return True
    return same_patient and _overlap(one, other)


def same_grid(one: Image, other: Image, same_patient: bool = False) -> bool:
    """Whether both have the same pixels in the same place, as far as the files say."""
    if one is other:
        return True
    if one.pixels.shape[:3] != other.pixels.shape[:3]:
        return False
    a, b = one.geometry.frame_affines, other.geometry.frame_affines
    if share_space(one, other, same_patient):
        assert a is not None and b is not None
        return bool(np.allclose(a, b, atol=1e-3))
    return one.geometry.spacing == other.geometry.spacing


def point(
    source: Image,
    frame: int,
    row: float,
    col: float,
    target: Image,
    target_frame: int,
    same_patient: bool = False,
) -> tuple[float, float]:
    """Return the (row, col) on the target's frame that lies nearest to a place in the source."""
    if same_grid(source, target, same_patient):
        return row, col
    if share_space(source, target, same_patient):
        place = _place(source, frame, row, col)
        affine = _affine(target, target_frame)
        found, *_ = np.linalg.lstsq(affine[:3, :2], place - affine[:3, 3], rcond=None)
        return float(found[0]), float(found[1])
    rows, cols = source.shape
    target_rows, target_cols = target.shape
    return (row + 0.5) / rows * target_rows - 0.5, (col + 0.5) / cols * target_cols - 0.5


def frame(source: Image, index: int, target: Image, same_patient: bool = False) -> int:
    """Return the target's frame that lies nearest to a frame of the source."""
    if same_grid(source, target, same_patient) or target.frames == 1:
        return min(index, target.frames - 1)
    if share_space(source, target, same_patient):
        return int(np.argmin(_distances(source, index, target)))
    if source.frames == 1:
        return 0
    return round(index / (source.frames - 1) * (target.frames - 1))


def beyond(source: Image, index: int, target: Image, same_patient: bool = False) -> float | None:
    """Return how far, mm, the source's frame lies beyond the target's stack; None within it.

    Beyond is farther from every frame of the target than half the distance between these. None
    too where the two have no position in common, or are cut along different directions.
    """
    if not share_space(source, target, same_patient) or not _parallel(source, index, target):
        return None
    distances = np.sort(_distances(source, index, target))
    step = target.geometry.slice_spacing or (
        distances[1] - distances[0] if target.frames > 1 else 0
    )
    nearest = float(distances[0])
    return nearest if nearest > max(abs(float(step)) / 2 + TOLERANCE, FLAT) else None


def same_greys(source: Image, target: Image) -> bool:
    """Whether a window of one means the same on the other: one series, or 8-bit pictures."""
    if source is target:
        return True
    if source.is_colour or target.is_colour:
        return False
    uid = source.identity.series_instance_uid
    if uid and uid == target.identity.series_instance_uid:
        return True
    return bool(source.pixels.dtype == np.uint8 == target.pixels.dtype)


def _distances(source: Image, index: int, target: Image) -> NDArray[np.float64]:
    """Return the distances, mm, of a frame's middle from the planes of the target's frames."""
    rows, cols = source.shape
    place = _place(source, index, (rows - 1) / 2, (cols - 1) / 2)
    affines = target.geometry.frame_affines
    assert affines is not None
    distances: NDArray[np.float64] = np.abs(
        np.sum((place - affines[:, :3, 3]) * _normals(affines), axis=1)
    )
    return distances


def _normals(affines: NDArray[np.float64]) -> NDArray[np.float64]:
    normals: NDArray[np.float64] = np.cross(affines[:, :3, 1], affines[:, :3, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return normals


def _parallel(source: Image, index: int, target: Image) -> bool:
    affines = target.geometry.frame_affines
    assert affines is not None
    mine = _normals(_affine(source, index)[None])[0]
    return bool(abs(_normals(affines[:1])[0] @ mine) > PARALLEL)


def _overlap(one: Image, other: Image) -> bool:
    """Whether the boxes around both, in patient coordinates, have something in common."""
    (low, high), (other_low, other_high) = _box(one), _box(other)
    return bool(np.all(low <= other_high) and np.all(other_low <= high))


def _box(image: Image) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows, cols = image.shape
    affines = image.geometry.frame_affines
    assert affines is not None
    corners = np.array([(r, c, 0.0, 1.0) for r in (-0.5, rows - 0.5) for c in (-0.5, cols - 0.5)])
    places = (affines[[0, -1]] @ corners.T)[:, :3].transpose(0, 2, 1).reshape(-1, 3)
    thick = abs(image.geometry.slice_spacing or 0.0) / 2
    return places.min(axis=0) - thick, places.max(axis=0) + thick


def _affine(image: Image, index: int) -> NDArray[np.float64]:
    affines = image.geometry.frame_affines
    assert affines is not None
    affine: NDArray[np.float64] = affines[index]
    return affine


def _place(image: Image, index: int, row: float, col: float) -> NDArray[np.float64]:
    place: NDArray[np.float64] = (_affine(image, index) @ np.array([row, col, 0.0, 1.0]))[:3]
    return place
