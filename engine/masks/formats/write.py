"""Masks to one file of a chosen format, with the sidecar that formats without identity need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from engine.images.image import Image
from engine.masks.formats import coco, label_studio, nifti, nrrd, overlay, pictures, png, sidecar
from engine.masks.formats.export import Exported
from engine.masks.formats.files import safe_stem
from engine.masks.mask import Mask
from engine.masks.shapes import Box

ExchangeFormat = Literal["nifti", "nrrd", "png", "dicom-seg", "coco", "label-studio"]

FORMATS: tuple[ExchangeFormat, ...] = get_args(ExchangeFormat)

#: The ending that a file of each format has, the first where there are several.
ENDINGS: dict[ExchangeFormat, tuple[str, ...]] = {
    "nifti": (".nii.gz", ".nii"),
    "nrrd": (".nrrd", ".seg.nrrd"),
    "png": (".png",),
    "dicom-seg": (".dcm",),
    "coco": (".json",),
    "label-studio": (".json",),
}

_WITH_IDENTITY = ("dicom-seg", "coco", "label-studio")


def write(
    masks: Sequence[Mask],
    image: Image,
    path: Path,
    kind: ExchangeFormat,
    *,
    provenance: Mapping[str, Any] | None = None,
    with_pictures: bool = False,
    covers: Sequence[Box] = (),
) -> Exported:
    """Write masks of one image; a file that is there is replaced.

    PNG holds one mask: of several each gets the file ``NAME_LABEL.png``. NIfTI and NRRD hold
    labels, which may not overlap. PNG, NIfTI and NRRD get a sidecar for each mask, ``NAME.json``.
    with_pictures: for COCO and Label Studio, write the drawn frames as the PNG that they name, in
    the same folder; covers: boxes that are blackened in them. Raises ``MaskError``.
    """
    if not masks:
        raise ValueError("one mask at least")
    done = Exported()
    if kind == "png":
        taken: set[str] = set()
        for mask in masks:
            target = path if len(masks) == 1 else _of_label(path, mask, taken)
            files = png.export(mask, image, target)
            done.paths += files
            _sidecar(mask, image, target, files, provenance, (), done)
        return done
    notes: Sequence[str] = ()
    if kind == "nifti":
        notes = nifti.export_labels(masks, image, path)
    elif kind == "nrrd":
        notes = nrrd.export(masks, image, path)
    elif kind == "dicom-seg":
        from engine.masks.formats import dicom_seg  # highdicom takes a second to import

        notes = dicom_seg.export(masks, image, path)
    elif kind == "coco":
        coco.export(masks, image, path)
    else:
        label_studio.export(masks, image, path)
    done.paths.append(path)
    done.notes += notes
    if kind not in _WITH_IDENTITY and len(masks) == 1:
        _sidecar(masks[0], image, path, [path], provenance, notes, done)
    if with_pictures and kind in ("coco", "label-studio"):
        _pictures(masks, image, path.parent, covers, done)
    return done


def _of_label(path: Path, mask: Mask, taken: set[str]) -> Path:
    base = f"{path.stem}_{safe_stem(mask.label)}"
    name, number = base, 2
    while name.casefold() in taken:
        name, number = f"{base}_{number}", number + 1
    taken.add(name.casefold())
    return path.with_name(name + path.suffix)


def _sidecar(
    mask: Mask,
    image: Image,
    path: Path,
    files: Sequence[Path],
    provenance: Mapping[str, Any] | None,
    notes: Sequence[str],
    done: Exported,
) -> None:
    note = sidecar.beside(path)
    if note.exists() and not sidecar.is_sidecar(note):
        done.notes.append(
            f"{note.name} is there and is not this program's, so the mask's identity was not "
            "written beside it."
        )
        return
    sidecar.export(mask, image, note, files, provenance=provenance, notes=notes)
    done.paths.append(note)


def _pictures(
    masks: Sequence[Mask], image: Image, folder: Path, covers: Sequence[Box], done: Exported
) -> None:
    drawn = sorted({i for mask in masks for i, p in mask.frames.items() if p.any()}) or [0]
    for index in drawn:
        target = folder / pictures.name(image, index)
        if not target.exists():
            overlay.export([], image, index, target, covers=covers)
            done.paths.append(target)
        elif not _shows(target, overlay.render([], image, index, covers=covers)):
            done.notes.append(
                f"{target.name}, the picture of frame {index + 1}, was there already with other "
                "pixels and was kept; export into an empty folder to have it anew."
            )


def _shows(path: Path, pixels: NDArray[np.uint8]) -> bool:
    """Whether a file is a picture of these pixels, as one written for another format is."""
    try:
        with Pillow.open(path) as found:
            same = (found.height, found.width) == pixels.shape[:2]
            return same and np.array_equal(np.asarray(found.convert("RGB")), pixels)
    except (OSError, ValueError, SyntaxError):
        return False
