"""The images themselves, as they are passed on: de-identified, with areas covered."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from engine.errors import UnreadableImageError
from engine.export.anonymous import covered
from engine.images.dicom.deidentify import Deidentifier, cover_pixels
from engine.images.image import Image
from engine.masks.formats.files import PNG_LEVEL, replacing
from engine.masks.formats.grid import grid_of
from engine.masks.shapes import Box

NEW_UIDS = (
    "The DICOM copies have areas covered, so they are other images with new instance UIDs; masks "
    "refer to the originals."
)


def export(
    image: Image,
    folder: Path,
    *,
    deidentifier: Deidentifier | None = None,
    subject: str = "",
    covers: Sequence[Box] = (),
) -> tuple[list[Path], list[str]]:
    """Write the image's files into a folder that is there; return them, and notes.

    DICOM stays DICOM, one file for one; pictures become PNG without anything but pixels, volumes
    NIfTI with nothing but their place. Raises ``UnreadableImageError``, ``MaskError``, ``OSError``.
    """
    if image.identity.sop_instance_uids:
        return _dicom(image, folder, deidentifier, subject, covers)
    shown = covered(image, covers)
    if image.geometry.layout is None and shown.pixels.dtype in (np.uint8, np.uint16):
        return [_png(shown, index, folder) for index in range(shown.frames)], []
    if shown.is_colour:
        return [_png(shown, index, folder) for index in range(shown.frames)], []
    return [_nifti(shown, folder)], []


def _dicom(
    image: Image,
    folder: Path,
    deidentifier: Deidentifier | None,
    subject: str,
    covers: Sequence[Box],
) -> tuple[list[Path], list[str]]:
    from pydicom.uid import generate_uid

    from engine.images.dicom import header

    written: list[Path] = []
    for number, path in enumerate(dict.fromkeys(image.identity.source_paths), 1):
        target = folder / f"image_{number:04d}.dcm"
        with replacing(target) as temporary:
            if deidentifier is not None:
                deidentifier.copy(path, subject, covers, out=temporary)
            elif covers:
                dataset = header.read(path, pixels=True)
                cover_pixels(path, dataset, covers)
                dataset.SOPInstanceUID = generate_uid(prefix=None)
                dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
                dataset.save_as(temporary, enforce_file_format=True)
            elif path.is_file():
                shutil.copyfile(path, temporary)
            else:
                raise UnreadableImageError(path, "it is no longer there", "put it back")
        written.append(target)
    return written, [NEW_UIDS] if covers and deidentifier is None else []


def _png(image: Image, index: int, folder: Path) -> Path:
    name = "image.png" if image.frames == 1 else f"image_f{index + 1:03d}.png"
    with replacing(folder / name) as temporary:
        picture = Pillow.fromarray(np.ascontiguousarray(image.frame(index)))
        picture.save(temporary, format="PNG", compress_level=PNG_LEVEL)
    return folder / name


def _nifti(image: Image, folder: Path) -> Path:
    import nibabel as nib

    grid = grid_of(image)
    make: Any = nib.Nifti1Image
    made = make(grid.voxels(image.pixels), grid.affine)
    code = 1 if grid.oriented else 0
    made.header.set_xyzt_units("mm")
    made.set_sform(grid.affine, code)
    made.set_qform(None if not code else grid.affine, code)
    target = folder / "image.nii.gz"
    with replacing(target) as temporary:
        nib.save(made, temporary)
    return target
