"""All masks of an image into a folder, in one go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from engine.errors import MaskError
from engine.images.image import Image, Window
from engine.masks.formats import coco, label_studio, nifti, nrrd, overlay, png, sidecar
from engine.masks.formats.files import free_stem
from engine.masks.formats.grid import NoGridError
from engine.masks.mask import Mask
from engine.masks.shapes import Box
from engine.progress import Progress

FormatName = Literal["png", "nifti", "overlay", "nrrd", "dicom-seg", "coco", "label-studio"]


@dataclass
class Exported:
    """The files that were written, and what the user should know, one sentence each."""

    paths: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def export_all(
    masks: Sequence[Mask],
    image: Image,
    folder: Path,
    formats: Sequence[FormatName] = ("png", "nifti", "overlay"),
    *,
    provenance: Mapping[str, Any] | Mapping[str, Mapping[str, Any]] | None = None,
    window: Window | None = None,
    include_patient: bool = False,
    covers: Sequence[Box] = (),
    progress: Progress | None = None,
) -> Exported:
    """Write every mask under a name made from its label, each with its sidecar ``NAME.json``.

    Nothing that is in the folder already is overwritten: names that are taken get a number. What
    a format cannot hold (slices unevenly spaced as NIfTI) becomes a note, and the rest is written.
    provenance: for all masks, or a dict of such dicts by mask id. covers: boxes that are
    blackened in pictures of the image. Raises ``MaskError`` on a misfit
    or where the system refuses to write.
    """
    for mask in masks:
        mask.check_fits(image)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or "the system refused").lower()
        raise MaskError(
            f"The folder “{folder.name}” cannot be made ({reason}); choose another one."
        ) from None
    done = Exported()
    taken: set[str] = set()
    for number, mask in enumerate(masks):
        if progress is not None:
            progress.report(number / len(masks), mask.label)
        stem = free_stem(folder, mask.label, taken)
        own = (provenance or {}).get(mask.id, provenance)
        _export(mask, image, folder / stem, formats, own, window, include_patient, covers, done)
    if progress is not None:
        progress.report(1.0)
    done.notes = list(dict.fromkeys(done.notes))
    return done


def _export(
    mask: Mask,
    image: Image,
    base: Path,
    formats: Sequence[FormatName],
    provenance: Any,
    window: Window | None,
    include_patient: bool,
    covers: Sequence[Box],
    done: Exported,
) -> None:
    files: list[Path] = []
    notes: list[str] = []
    if mask.is_empty:
        done.notes.append(f"The mask “{mask.label}” is empty.")
    if "png" in formats:
        files += png.export(mask, image, _named(base, ".png"))
    if "nifti" in formats:
        path = _named(base, ".nii.gz")
        try:
            notes += nifti.export(mask, image, path)
            files.append(path)
        except NoGridError as error:
            notes.append(str(error))
    if "nrrd" in formats:
        path = _named(base, ".nrrd")
        try:
            notes += nrrd.export([mask], image, path)
            files.append(path)
        except NoGridError as error:
            notes.append(str(error))
    alone: list[Path] = []  # what carries the identity itself
    if "dicom-seg" in formats:
        from engine.masks.formats import dicom_seg  # highdicom takes a second to import

        path = _named(base, ".dcm")
        try:
            done.notes += dicom_seg.export([mask], image, path)
            alone.append(path)
        except MaskError as error:
            notes.append(str(error))
    if "coco" in formats:
        alone.append(_named(base, ".coco.json"))
        coco.export([mask], image, alone[-1])
    if "label-studio" in formats:
        alone.append(_named(base, ".tasks.json"))
        label_studio.export([mask], image, alone[-1])
    pictures: list[Path] = []
    if "overlay" in formats:
        drawn = [i for i, p in mask.frames.items() if p.any()] if image.frames > 1 else [0]
        for index in drawn:
            plain = _named(base, "_overlay.png")
            path = plain if image.frames == 1 else png.frame_path(plain, index)
            overlay.export([_shown(mask)], image, index, path, window=window, covers=covers)
            pictures.append(path)
    note = _named(base, ".json")
    sidecar.export(
        mask,
        image,
        note,
        files,
        provenance=provenance,
        notes=notes,
        include_patient=include_patient,
    )
    done.paths += [*files, *alone, *pictures, note]
    done.notes += notes


def _named(base: Path, ending: str) -> Path:
    return base.with_name(base.name + ending)


def _shown(mask: Mask) -> Mask:
    """A hidden mask is hidden in the window, not in its own picture."""
    if mask.visible:
        return mask
    copy = mask.copy(id=mask.id)
    copy.visible = True
    return copy
