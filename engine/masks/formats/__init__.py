"""Masks to files and back, one file a format."""

from __future__ import annotations

from pathlib import Path

from engine.images.image import Image
from engine.images.nifti import is_nifti
from engine.masks.formats import nifti, png, sidecar
from engine.masks.formats.export import Exported, export_all
from engine.masks.mask import Mask

__all__ = ["Exported", "export_all", "read"]


def read(path: Path, image: Image, frame: int | None = None) -> list[Mask]:
    """Read the masks of a file by its name: PNG (BMP, TIFF), NIfTI or a sidecar's JSON.

    A picture or a volume whose sidecar ``NAME.json`` lies beside it and names it gets its label,
    colour and author from there. frame: for a picture whose name does not tell its frame.
    Raises ``MaskError``.
    """
    if path.suffix.lower() == ".json":
        return [sidecar.read(path, image)]
    masks = (
        nifti.read_labels(path, image) if is_nifti(path.name) else [png.read(path, image, frame)]
    )
    if len(masks) == 1:
        sidecar.restore_attributes(masks[0], path)
    return masks
