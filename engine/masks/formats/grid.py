"""The voxel grid that an image's frames lie on, for formats that know voxels and not frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import MaskError
from engine.images.gaps import after
from engine.images.image import Geometry, Image, VoxelLayout
from engine.images.voxels import RAS_TO_LPS, index_affine, to_frames, to_voxels
from engine.masks.formats.files import cannot_read

#: How far a slice may lie from where even spacing puts it: the rounding of DICOM's decimal
#: strings stays below, a missing or doubled slice is far above.
POSITION_TOLERANCE_MM = 0.02
POSITION_TOLERANCE_OF_STEP = 0.01

#: Two orientations (direction cosines) that differ by less are the same.
DIRECTION_TOLERANCE = 1e-3

NO_GEOMETRY = (
    "The image does not say where it lies in the patient: the voxel grid begins at 0, its axes run "
    "along columns, rows and frames (left, posterior, head), and a spacing that is not known is 1."
)


class NoGridError(MaskError):
    """The frames of an image lie on no voxel grid."""


@dataclass(frozen=True)
class Grid:
    """A voxel array and its place.

    layout: how the frames lie in it; its affine takes voxel index to RAS in mm.
    oriented: whether the place is the image's own or made up. cine: the frames are times of one
    plane, which voxels have a fourth dimension for; the layout is then that of one frame.
    """

    layout: VoxelLayout
    oriented: bool
    cine: bool = False
    notes: tuple[str, ...] = ()

    @property
    def affine(self) -> NDArray[np.float64]:
        """Voxel index (i, j, k, 1) to RAS, mm."""
        return self.layout.affine

    @property
    def frame_affine(self) -> NDArray[np.float64]:
        """(frame, row, col, 1) to RAS, mm."""
        return np.asarray(self.affine @ index_affine(self.layout))

    def voxels(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turn (frames, rows, cols) into (i, j, k), or (i, j, 1, time) for a cine loop."""
        if self.cine:
            return np.ascontiguousarray(np.transpose(frames, (2, 1, 0))[:, :, None, :])
        return np.asarray(to_voxels(frames, self.layout))

    def frames(self, voxels: NDArray[np.generic]) -> NDArray[np.generic]:
        """Turn (i, j, k) into (frames, rows, cols)."""
        return np.asarray(to_frames(voxels, self.layout))


def grid_of(image: Image) -> Grid:
    """Return the grid of an image. Raises ``NoGridError`` where its frames lie on none."""
    geometry = image.geometry
    if geometry.gaps:
        raise NoGridError(
            f"Slices are missing from this image, {after(geometry.gaps)}, so no voxel grid holds "
            "it truly; export the mask as a DICOM Segmentation, or as PNG, one file a frame."
        )
    if geometry.layout is not None:
        return _of_volume(geometry, geometry.layout)
    if geometry.frame_affines is not None:
        return _of_slices(image, geometry.frame_affines)
    row, col = geometry.spacing or (1.0, 1.0)
    step = geometry.slice_spacing or 1.0
    lps = np.diag([col, row, step, 1.0])
    layout = _stack_layout(image.frames, image.shape, RAS_TO_LPS @ lps)
    return Grid(layout, oriented=False, notes=(NO_GEOMETRY,))


def grid_under(path: Path, image: Image) -> Grid:
    """Return the grid that a file's voxels are to be laid on. Raises ``MaskError``."""
    try:
        return grid_of(image)
    except NoGridError:
        gaps = image.geometry.gaps
        why = f"slices are missing from the image, {after(gaps)}"
        why = why if gaps else "the image's slices are not evenly spaced and parallel"
        raise cannot_read(
            path,
            f"{why}, so its voxels cannot be laid on it",
            "use a DICOM Segmentation, or PNG, one file a slice",
        ) from None


def _of_volume(geometry: Geometry, layout: VoxelLayout) -> Grid:
    if geometry.frame_affines is None:
        return Grid(layout, oriented=False, notes=(NO_GEOMETRY,))
    # The layout's affine is in the file's unit; the frames' are in mm.
    first = geometry.frame_affines[0]
    lps = np.eye(4)
    lps[:, 1], lps[:, 2], lps[:, 3] = first[:, 0], first[:, 1], first[:, 3]
    frame_axis = layout.affine[:3, layout.axes[0]] * (-1 if layout.flips[0] else 1)
    scale = np.linalg.norm(first[:3, 0]) / np.linalg.norm(layout.affine[:3, layout.axes[1]])
    lps[:3, 0] = (RAS_TO_LPS[:3, :3] @ frame_axis) * scale
    affine = RAS_TO_LPS @ lps @ np.linalg.inv(index_affine(layout))
    if np.allclose(affine, layout.affine, rtol=1e-6, atol=1e-6):
        affine = layout.affine  # to the last bit
    return Grid(VoxelLayout(layout.shape, affine, layout.axes, layout.flips), oriented=True)


def _of_slices(image: Image, affines: NDArray[np.float64]) -> Grid:
    rows, cols, origins = affines[:, :3, 0], affines[:, :3, 1], affines[:, :3, 3]
    scale = max(float(np.linalg.norm(rows[0])), float(np.linalg.norm(cols[0])))
    turned = max(float(np.abs(rows - rows[0]).max()), float(np.abs(cols - cols[0]).max()))
    if turned > DIRECTION_TOLERANCE * scale:
        raise NoGridError(
            "The frames of this image do not lie parallel, so no voxel grid holds them; export the "
            "mask as PNG, one file a frame."
        )
    normal = np.cross(cols[0], rows[0])
    normal /= np.linalg.norm(normal)
    count = len(affines)
    step = normal * (image.geometry.slice_spacing or 1.0)
    cine = False
    if count > 1:
        total = origins[-1] - origins[0]
        cine = bool(np.abs(origins - origins[0]).max() <= POSITION_TOLERANCE_MM)
        if not cine:
            step = total / (count - 1)
            even = origins[0] + np.arange(count)[:, None] * step
            error = float(np.linalg.norm(origins - even, axis=1).max())
            length = float(np.linalg.norm(step))
            allowed = max(POSITION_TOLERANCE_MM, POSITION_TOLERANCE_OF_STEP * length)
            flat = abs(float(step @ normal)) < 0.1 * length or length < POSITION_TOLERANCE_MM
            if error > allowed or flat:
                raise NoGridError(
                    "The slices of this image are not evenly spaced (by up to "
                    f"{error:.1f} mm), so no voxel grid holds them; export the mask as PNG, one "
                    "file a frame."
                )
    lps = np.eye(4)
    lps[:3, 0], lps[:3, 1], lps[:3, 2], lps[:3, 3] = cols[0], rows[0], step, origins[0]
    layout = _stack_layout(1 if cine else count, image.shape, RAS_TO_LPS @ lps)
    return Grid(layout, oriented=True, cine=cine)


def _stack_layout(frames: int, shape: tuple[int, int], affine: NDArray[np.float64]) -> VoxelLayout:
    """Columns, rows, frames: the order that every reader of NIfTI expects of slices."""
    return VoxelLayout((shape[1], shape[0], frames), affine, (2, 1, 0), (False, False, False))
