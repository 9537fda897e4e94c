"""A stack seen along another of its axes: no voxel is interpolated, only turned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidInputError
from engine.images.image import Geometry, Image, VoxelLayout
from engine.images.voxels import (
    RAS_TO_LPS,
    frame_affines,
    index_affine,
    radiological,
    to_frames,
)

CONSTANT_STEP = 1e-2
"""Relative deviation of a slice's place from an even stack, beyond which it cannot be turned."""


def can_reslice(image: Image) -> bool:
    """Whether the frames make an evenly spaced stack that can be seen along its other axes."""
    return image.frames > 1 and (
        image.geometry.layout is not None or _stack_affine(image) is not None
    )


def reslice_layout(image: Image, axis: int) -> VoxelLayout:
    """Say how the frames of ``reslice(image, axis)`` lie in ``image``'s own (frame, row, col).

    ``engine.images.voxels.to_voxels`` with it takes a mask drawn on the resliced image back
    onto the original frames. Raises ``InvalidInputError``.
    """
    if axis not in (0, 1, 2):
        raise InvalidInputError("A stack is seen along axis 0 (frames), 1 (rows) or 2 (columns).")
    affine = _stack_affine(image)
    if affine is None and image.geometry.layout is None:
        raise InvalidInputError(
            "This image cannot be seen along another axis: its frames are not known to be evenly "
            "spaced slices; open it as it was acquired."
        )
    shape = (image.frames, *image.shape)
    if affine is None:
        # Unplaced voxels of a file: the layout's affine still tells the order of the axes.
        assert image.geometry.layout is not None
        affine = _index_to_ras(image.geometry.layout)
    axes, flips = radiological(affine, axis)
    return VoxelLayout(shape, affine, axes, flips)


def reslice(image: Image, axis: int) -> Image:
    """View a stack along its axis 0 (frames: the image itself), 1 (rows) or 2 (columns).

    The result is in radiological orientation, with its own spacing, places and, for images cut
    from a voxel array, layout; UIDs of single frames do not apply to it and are left out.
    Raises ``InvalidInputError`` where the frames are no evenly spaced stack.
    """
    if axis == 0:
        return image
    where = reslice_layout(image, axis)
    frames = to_frames(image.pixels, where)
    geometry = image.geometry
    zooms = (_step(image), *(geometry.spacing or (0.0, 0.0)))
    _, row, col = where.axes
    spacing = (zooms[row], zooms[col]) if zooms[row] > 0 and zooms[col] > 0 else None
    affines = None
    if geometry.frame_affines is not None:
        affines = frame_affines(where)
    return replace(
        image,
        pixels=frames,
        geometry=Geometry(
            spacing=spacing,
            frame_affines=affines,
            slice_spacing=zooms[axis] or None,
            layout=_compose(geometry.layout, where) if geometry.layout is not None else None,
        ),
        identity=replace(image.identity, sop_instance_uids=(), sop_frames=()),
        display=replace(image.display, frame_windows=(), frame_times_ms=(), frame_rate=None),
    )


def _step(image: Image) -> float:
    """Length of a step from frame to frame along the stack's own axis (longer under shear)."""
    affines = image.geometry.frame_affines
    if affines is not None and image.frames > 1:
        span = affines[-1, :3, 3] - affines[0, :3, 3]
        return float(np.linalg.norm(span)) / (image.frames - 1)
    return image.geometry.slice_spacing or 0.0


def _stack_affine(image: Image) -> NDArray[np.float64] | None:
    """Return (frame, row, col, 1) to RAS mm where the frames are evenly placed, else None."""
    affines = image.geometry.frame_affines
    if affines is None or image.frames < 2 or image.geometry.gaps:
        return None
    if not np.allclose(affines[:, :3, :2], affines[0, :3, :2], atol=1e-6):
        return None
    places = affines[:, :3, 3]
    step = (places[-1] - places[0]) / (image.frames - 1)
    even = places[0] + np.arange(image.frames)[:, None] * step
    length = float(np.linalg.norm(step))
    if length < 1e-6 or np.abs(places - even).max() > CONSTANT_STEP * length:
        return None
    matrix = np.eye(4)
    matrix[:3, 0] = step
    matrix[:3, 1] = affines[0, :3, 0]
    matrix[:3, 2] = affines[0, :3, 1]
    matrix[:3, 3] = places[0]
    if abs(np.linalg.det(matrix)) < 1e-12:
        return None
    return np.asarray(RAS_TO_LPS @ matrix)


def _index_to_ras(layout: VoxelLayout) -> NDArray[np.float64]:
    return np.asarray(layout.affine @ index_affine(layout))


def _compose(source: VoxelLayout, where: VoxelLayout) -> VoxelLayout:
    """Return the layout in the file of frames that ``where`` cuts from frames cut by ``source``."""
    axes = tuple(source.axes[axis] for axis in where.axes)
    flips = tuple(
        source.flips[axis] != flip for axis, flip in zip(where.axes, where.flips, strict=True)
    )
    return VoxelLayout(
        source.shape,
        source.affine,
        (axes[0], axes[1], axes[2]),
        (flips[0], flips[1], flips[2]),
    )
