"""NIfTI: 8-bit labels on the image's own voxel grid, so that any program lays them over it.

A mask on a NIfTI image is written on the very grid that was read; on DICOM slices on the grid
that they form (patient coordinates turned from DICOM's LPS to NIfTI's RAS); frames that are times
of one plane become the fourth dimension. Without a place in the patient the grid begins at 0 and
``grid.NO_GEOMETRY`` says so.

Reading matches by world position: axes may come in another order or direction, and the grid may
be a crop of the image's or surround it, but its voxels must lie on the image's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from engine.errors import UnreadableImageError
from engine.images import nifti as volumes
from engine.images.image import Image
from engine.images.voxels import index_affine, to_voxels
from engine.masks.formats.files import cannot_read, replacing
from engine.masks.formats.grid import Grid, grid_of, grid_under
from engine.masks.formats.labels import gather, split
from engine.masks.formats.placing import lay
from engine.masks.mask import ImageReference, Mask

_SCANNER = 1  # NIFTI_XFORM_SCANNER_ANAT
_LABELS = 1002  # NIFTI_INTENT_LABEL
_MM, _SECONDS = 2, 8  # NIFTI_UNITS


def export(mask: Mask, image: Image, path: Path) -> tuple[str, ...]:
    """Write one mask, 0 and 1; return what the user should know, one sentence each.

    Raises ``MaskError``: misfit, frames on no voxel grid, or the file cannot be written.
    """
    return export_labels([mask], image, path)


def export_labels(masks: Sequence[Mask], image: Image, path: Path) -> tuple[str, ...]:
    """Write several masks as labels 1, 2, ... in their order; ``MaskError`` if they overlap."""
    labels = gather(masks, image)
    grid = grid_of(image)
    _write(grid, labels, image, path)
    return grid.notes


def _write(grid: Grid, labels: NDArray[np.uint8], image: Image, path: Path) -> None:
    source = image.geometry.layout
    unplaced = source is not None and not grid.oriented
    voxels = grid.voxels(labels)
    make: Any = nib.Nifti1Image
    picture = make(voxels, None if unplaced else grid.affine)
    header = picture.header
    header.set_data_dtype(np.uint8)
    header.set_intent(_LABELS, name="mask")
    header["xyzt_units"] = _MM | _SECONDS if grid.cine else _MM
    if unplaced and source is not None:
        # The source says no place either; programs then go by the voxel sizes, in both alike.
        sizes = np.linalg.norm(source.affine[:3, :3], axis=0)
        header.set_zooms([float(s) if s > 0 else 1.0 for s in sizes])
    else:
        picture.set_sform(grid.affine, _SCANNER)
        directions = grid.affine[:3, :3] / np.linalg.norm(grid.affine[:3, :3], axis=0)
        square = np.allclose(directions.T @ directions, np.eye(3), atol=1e-4)
        # A qform holds no shear (a tilted gantry); half a truth is worse than none.
        picture.set_qform(grid.affine if square else None, _SCANNER if square else 0)
    with replacing(path) as temporary:
        nib.save(picture, temporary)


def read(path: Path, image: Image) -> Mask:
    """Read a file as one mask: every voxel that is not 0. Raises ``MaskError``."""
    values, notes = _on_frames(path, image)
    frames = {i: values[i] != 0 for i in range(image.frames) if values[i].any()}
    label = volumes.stem(path) or "Mask"
    return Mask(ImageReference.of(image), label, frames=frames, notes=notes)


def read_labels(path: Path, image: Image) -> list[Mask]:
    """Read a label file, one mask a label, "NAME 1", "NAME 2", ... Raises ``MaskError``.

    A file with one label gives the one mask that ``read`` gives.
    """
    values, notes = _on_frames(path, image)
    return split(path, values, image, volumes.stem(path) or "Mask", notes)


def _on_frames(path: Path, image: Image) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Read a file's values on the image's frames: (frames, rows, cols)."""
    try:
        header = volumes.read_header(path)
        grid = grid_under(path, image)
        if header.volumes > 1 or grid.cine:
            return _cine(path, image, header, grid), ()
        source = volumes.read(path)
    except UnreadableImageError as error:
        raise cannot_read(path, error.reason, error.advice) from None
    if source.is_colour:
        raise cannot_read(path, "it holds colours", "export it as labels")
    layout = source.geometry.layout
    assert layout is not None  # every NIfTI has one
    values = np.nan_to_num(source.pixels, nan=0.0)
    if header.oriented:
        theirs = layout.affine @ index_affine(layout)
        theirs = np.diag([header.mm, header.mm, header.mm, 1.0]) @ theirs
        frames = (image.frames, *image.shape)
        placed = lay(path, values, theirs, grid.frame_affine, frames)
        if placed is not None:
            return placed, ()
    if (not header.oriented or not grid.oriented) and header.shape == grid.layout.shape:
        voxels = to_voxels(values, layout)
        note = (
            f"{path.name} was matched by its size alone, for want of a position; check that it "
            "lies where it should."
        )
        return grid.frames(voxels), (note,)
    ours, size = grid.layout.shape, " × ".join(str(s) for s in header.shape)
    if sorted(header.shape) == sorted(ours):
        reason = "its voxels lie elsewhere in the patient than the image's"
    else:
        reason = f"its {size} voxels do not lie on the image's {' × '.join(str(s) for s in ours)}"
    raise cannot_read(path, reason, "use the mask of this image, or resample it onto the image")


def _cine(path: Path, image: Image, header: volumes.Header, grid: Grid) -> NDArray[Any]:
    expected = (image.shape[1], image.shape[0], 1)
    if not grid.cine or header.shape != expected or header.volumes != image.frames:
        raise cannot_read(
            path,
            f"it has {header.volumes} volumes and the image {image.frames} frames",
            "export the one volume that is the mask",
        )
    out = np.zeros((image.frames, *image.shape), np.float32)
    for index in range(image.frames):
        volume = volumes.read(path, axis=2, volume=index)
        layout = volume.geometry.layout
        assert layout is not None
        theirs = layout.affine @ index_affine(layout)
        theirs = np.diag([header.mm, header.mm, header.mm, 1.0]) @ theirs
        values = np.nan_to_num(volume.pixels, nan=0.0)
        one = lay(path, values, theirs, grid.frame_affine, (1, *image.shape))
        if one is None:
            raise cannot_read(
                path,
                "its voxels lie elsewhere in the patient than the image's",
                "use the mask of this image",
            )
        out[index] = one[0]
    return out
