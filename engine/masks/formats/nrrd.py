"""NRRD: 8-bit labels on the image's own voxel grid, in LPS, gzip; 3D Slicer's own format.

Each label's name and colour go into the ``SegmentN_`` fields that Slicer writes, so that a file
called ``NAME.seg.nrrd`` opens there as a segmentation, and are read from them. The grid is that
of NIfTI (``nifti.py``), and so are the rules by which a file is laid onto the image.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import MaskError
from engine.images.image import Image
from engine.images.voxels import RAS_TO_LPS
from engine.masks.formats import nrrd_file
from engine.masks.formats.files import cannot_read
from engine.masks.formats.grid import Grid, grid_of, grid_under
from engine.masks.formats.labels import Named, gather, split
from engine.masks.formats.placing import lay
from engine.masks.mask import Mask, checked_colour, checked_label

ENDINGS = (".seg.nrrd", ".nrrd", ".nhdr")


def is_nrrd(name: str) -> bool:
    """Whether a file name is an NRRD file's."""
    return name.lower().endswith(ENDINGS)


def stem(path: Path) -> str:
    """Return ``NAME`` of ``NAME.nrrd`` or ``NAME.seg.nrrd``."""
    for ending in ENDINGS:
        if path.name.lower().endswith(ending):
            return path.name[: -len(ending)]
    return path.stem


def export(masks: Sequence[Mask], image: Image, path: Path) -> tuple[str, ...]:
    """Write masks as labels 1, 2, ...; return what the user should know, one sentence each.

    Raises ``MaskError``: misfit, overlap, frames on no voxel grid, or it cannot be written.
    """
    labels = gather(masks, image)
    grid = grid_of(image)
    fields: dict[str, str] = {}
    for index, mask in enumerate(masks):
        rgb = [int(mask.colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        fields |= {
            f"Segment{index}_ID": mask.id,
            f"Segment{index}_Name": mask.label,
            f"Segment{index}_Color": " ".join(f"{c:.6g}" for c in rgb),
            f"Segment{index}_LabelValue": str(index + 1),
            f"Segment{index}_Layer": "0",
        }
    nrrd_file.write(
        path,
        grid.voxels(labels),
        RAS_TO_LPS @ grid.affine if grid.oriented else None,
        _spacing(grid),
        fields,
    )
    return grid.notes


def _spacing(grid: Grid) -> tuple[float, float, float]:
    i, j, k = np.linalg.norm(grid.affine[:3, :3], axis=0).tolist()
    return i or 1.0, j or 1.0, k or 1.0


def read(path: Path, image: Image) -> list[Mask]:
    """Read a file, one mask a label; overlapping segments (layers) as well. ``MaskError``."""
    voxels = nrrd_file.read(path)
    grid = grid_under(path, image)
    name = stem(path) or "Mask"
    named = _named(voxels.fields)
    if grid.cine and voxels.values.shape[0] == image.frames:
        frames = [_on_frames(path, layer, voxels, grid, image) for layer in voxels.values]
        values = np.concatenate([one for one, _ in frames])
        return split(path, values, image, name, frames[0][1], named.get(0))
    masks: list[Mask] = []
    for index, layer in enumerate(voxels.values):
        values, notes = _on_frames(path, layer, voxels, grid, image)
        if values.any() or len(voxels.values) == 1:
            masks += split(path, values, image, name, notes, named.get(index))
    return masks or split(path, np.zeros((image.frames, 1, 1)), image, name)


def read_one(path: Path, image: Image) -> Mask:
    """Read a file as one mask: every voxel that is not 0. Raises ``MaskError``."""
    first, *others = read(path, image)
    frames = {
        index: np.logical_or.reduce([mask.frame(index) for mask in (first, *others)])
        for index in range(image.frames)
    }
    return Mask(first.reference, first.label, frames=frames, notes=first.notes)


def _on_frames(
    path: Path, layer: NDArray[Any], voxels: nrrd_file.Voxels, grid: Grid, image: Image
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Lay (i, j, k) onto the image's frames, or onto the one plane of a cine loop."""
    count = 1 if grid.cine else image.frames
    values = np.nan_to_num(layer, nan=0.0)
    if voxels.affine is not None and grid.oriented:
        placed = lay(path, values, voxels.affine, grid.frame_affine, (count, *image.shape))
        if placed is not None:
            return placed, ()
    elif values.shape == grid.layout.shape:
        note = (
            f"{path.name} was matched by its size alone, for want of a position; check that it "
            "lies where it should."
        )
        return grid.frames(values), (note,)
    ours, theirs = (" × ".join(map(str, shape)) for shape in (grid.layout.shape, values.shape))
    raise cannot_read(
        path,
        "its voxels lie elsewhere in the patient than the image's"
        if sorted(values.shape) == sorted(grid.layout.shape)
        else f"its {theirs} voxels do not lie on the image's {ours}",
        "use the mask of this image, or resample it onto the image",
    )


def _named(fields: Any) -> dict[int, dict[int, Named]]:
    """Return names and colours by layer and label, from Slicer's fields."""
    found: dict[int, dict[int, Named]] = {}
    for key, label in fields.items():
        match = re.fullmatch(r"Segment(\d{1,4})_Name", key)
        if not match:
            continue
        own = f"Segment{match[1]}_"
        try:
            value = int(fields[f"{own}LabelValue"])
            layer = int(fields.get(f"{own}Layer", "0"))
            rgb = [float(c) for c in fields.get(f"{own}Color", "").split()]
            inside = len(rgb) == 3 and all(0 <= c <= 1 for c in rgb)
            colour = "#" + "".join(f"{round(c * 255):02X}" for c in rgb) if inside else None
            found.setdefault(layer, {})[value] = Named(
                checked_label(label), checked_colour(colour) if colour else None
            )
        except (KeyError, ValueError, MaskError):
            continue  # the label keeps its number
    return found
