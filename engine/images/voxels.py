"""Voxel arrays and frames: which axis runs where, and the way from one to the other and back.

Frames are shown as radiologists look at them: axial from the feet with the patient's right on
the left and anterior up; coronal from the front, head up; sagittal with anterior on the left,
head up.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.images.image import VoxelLayout

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""NIfTI's patient coordinates (right, anterior, superior) to DICOM's (left, posterior, head)."""


def anatomical_axes(affine: NDArray[np.float64]) -> tuple[tuple[int, int, int], tuple[int, ...]]:
    """Say which voxel axis runs closest to left-right, anterior-posterior and foot-head.

    affine: voxel index to RAS. Returns (axis for x, y, z; sign of each along RAS). Of the six
    assignments the one with the largest sum of direction cosines is taken, so that no axis is
    named twice even when the volume lies at 45 degrees.
    """
    linear = affine[:3, :3]
    norms = np.linalg.norm(linear, axis=0)
    cosines = linear / np.where(norms > 0, norms, 1.0)
    best = max(
        permutations(range(3)),
        key=lambda axes: sum(round(abs(float(cosines[w, axes[w]])), 9) for w in range(3)),
    )
    signs = tuple(1 if cosines[w, best[w]] >= 0 else -1 for w in range(3))
    return (best[0], best[1], best[2]), signs


def radiological(
    affine: NDArray[np.float64], axis: int
) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
    """Return (axes, flips) of (frame, row, col) for slices along a voxel axis.

    affine: voxel index to RAS. Columns run to the patient's left (axial, coronal) or posterior
    (sagittal); rows to posterior (axial) or the feet; frames to the head, posterior or left.
    """
    (x, y, z), signs = anatomical_axes(affine)
    sign = {x: signs[0], y: signs[1], z: signs[2]}
    if axis == z:
        row, col = y, x
        wanted = {z: 1, y: -1, x: -1}
    elif axis == y:
        row, col = z, x
        wanted = {y: -1, z: -1, x: -1}
    else:
        row, col = z, y
        wanted = {x: -1, z: -1, y: -1}
    axes = (axis, row, col)
    flips = tuple(sign[a] != wanted[a] for a in axes)
    return axes, (flips[0], flips[1], flips[2])


def to_frames(voxels: NDArray[Any], where: VoxelLayout) -> NDArray[Any]:
    """Turn a voxel array (i, j, k[, 3]) into frames (frames, rows, cols[, 3])."""
    extra = tuple(range(3, voxels.ndim))
    frames = np.transpose(voxels, (*where.axes, *extra))
    for position, flipped in enumerate(where.flips):
        if flipped:
            frames = np.flip(frames, position)
    return np.ascontiguousarray(frames)


def to_voxels(frames: NDArray[Any], where: VoxelLayout) -> NDArray[Any]:
    """Turn frames (frames, rows, cols[, 3]) back into the file's voxel array (i, j, k[, 3])."""
    for position, flipped in enumerate(where.flips):
        if flipped:
            frames = np.flip(frames, position)
    back = np.argsort(where.axes)
    extra = tuple(range(3, frames.ndim))
    return np.ascontiguousarray(np.transpose(frames, (*back, *extra)))


def index_affine(where: VoxelLayout) -> NDArray[np.float64]:
    """Return (4, 4): (frame, row, col, 1) to voxel index (i, j, k, 1)."""
    matrix = np.zeros((4, 4))
    matrix[3, 3] = 1.0
    for position, (axis, flipped) in enumerate(zip(where.axes, where.flips, strict=True)):
        matrix[axis, position] = -1.0 if flipped else 1.0
        if flipped:
            matrix[axis, 3] = where.shape[axis] - 1
    return matrix


def frame_affines(where: VoxelLayout, mm: float = 1.0) -> NDArray[np.float64]:
    """Return (frames, 4, 4): each takes (row, col, 0, 1) to LPS in mm (``mm`` per unit)."""
    scale = np.diag([mm, mm, mm, 1.0])
    full = RAS_TO_LPS @ scale @ where.affine @ index_affine(where)  # of (frame, row, col, 1)
    count = where.shape[where.axes[0]]
    affines = np.zeros((count, 4, 4))
    affines[:, :, 0] = full[:, 1]
    affines[:, :, 1] = full[:, 2]
    affines[:, :, 2] = full[:, 0]
    affines[:, :, 3] = full[:, 3] + np.arange(count)[:, None] * full[:, 0]
    return affines
