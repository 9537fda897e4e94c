"""Where a place in one image lies in another: by patient coordinates, else by proportion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.images.image import Image


def share_space(one: Image, other: Image) -> bool:
    """Whether positions of both are in the same patient coordinates.

    DICOM says so by the frame of reference UID (PS3.3 C.7.4.1); without one, images of the same
    file are.
    """
    if one.geometry.frame_affines is None or other.geometry.frame_affines is None:
        return False
    uid = one.identity.frame_of_reference_uid
    if uid or other.identity.frame_of_reference_uid:
        return uid == other.identity.frame_of_reference_uid
    paths = one.identity.source_paths
    return bool(paths) and paths == other.identity.source_paths


def same_grid(one: Image, other: Image) -> bool:
    """Whether both have the same pixels in the same place, as far as the files say."""
    if one is other:
        return True
    if one.pixels.shape[:3] != other.pixels.shape[:3]:
        return False
    a, b = one.geometry.frame_affines, other.geometry.frame_affines
    if share_space(one, other):
        assert a is not None and b is not None
        return bool(np.allclose(a, b, atol=1e-3))
    return one.geometry.spacing == other.geometry.spacing


def point(
    source: Image, frame: int, row: float, col: float, target: Image, target_frame: int
) -> tuple[float, float]:
    """Return the (row, col) on the target's frame that lies nearest to a place in the source."""
    if same_grid(source, target):
        return row, col
    if share_space(source, target):
        place = _place(source, frame, row, col)
        affine = _affine(target, target_frame)
        found, *_ = np.linalg.lstsq(affine[:3, :2], place - affine[:3, 3], rcond=None)
        return float(found[0]), float(found[1])
    rows, cols = source.shape
    target_rows, target_cols = target.shape
    return (row + 0.5) / rows * target_rows - 0.5, (col + 0.5) / cols * target_cols - 0.5


def frame(source: Image, index: int, target: Image) -> int:
    """Return the target's frame that lies nearest to a frame of the source."""
    if same_grid(source, target) or target.frames == 1:
        return min(index, target.frames - 1)
    if share_space(source, target):
        rows, cols = source.shape
        place = _place(source, index, (rows - 1) / 2, (cols - 1) / 2)
        affines = target.geometry.frame_affines
        assert affines is not None
        normals = np.cross(affines[:, :3, 1], affines[:, :3, 0])
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        distances = np.abs(np.sum((place - affines[:, :3, 3]) * normals, axis=1))
        return int(np.argmin(distances))
    if source.frames == 1:
        return 0
    return round(index / (source.frames - 1) * (target.frames - 1))


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


def _affine(image: Image, index: int) -> NDArray[np.float64]:
    affines = image.geometry.frame_affines
    assert affines is not None
    affine: NDArray[np.float64] = affines[index]
    return affine


def _place(image: Image, index: int, row: float, col: float) -> NDArray[np.float64]:
    place: NDArray[np.float64] = (_affine(image, index) @ np.array([row, col, 0.0, 1.0]))[:3]
    return place
