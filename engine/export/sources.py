"""The masks of an image that are there already: saved by the program, beside it, or with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.errors import MaskError, SaliscopeError
from engine.images.case import Series
from engine.images.image import Image
from engine.images.reslice import can_reslice, reslice, reslice_layout
from engine.masks import autosave
from engine.masks.formats import sidecar
from engine.masks.formats.files import cannot_read
from engine.masks.mask import REFERENCE, REFERENCE_COLOUR, ImageReference, Mask
from engine.masks.reslice import as_acquired

TURNED = "Masks that were drawn on slices along another axis are on the slices as acquired."

#: JSON files looked at beside an image.
MAX_SIDECARS = 2000


def masks_of(
    image: Image, series: Series, folders: Sequence[Path] = ()
) -> tuple[list[Mask], list[str]]:
    """Return the masks that are drawn, and what the user should know of others, a sentence each.

    From the program's own storage, also those drawn on the stack cut along another axis; from
    sidecars (``NAME.json``) in the image's folder and in ``folders``; and the reference that came
    with the image. A mask that is in several places counts once, as saved by the program.
    """
    found: dict[str, Mask] = {}
    notes: list[str] = []
    try:
        saved = autosave.restore(image)
    except OSError as error:
        saved = None
        notes.append(f"Saved masks cannot be read ({(error.strerror or 'refused').lower()}).")
    if saved is not None:
        notes += saved.notes
        found |= {mask.id: mask for mask in saved.masks if not mask.is_empty}
    for mask in _beside(image, series, folders, notes):
        found.setdefault(mask.id, mask)
    if REFERENCE not in found and series.has_reference:
        reference = _reference(image, series, notes)
        if reference is not None:
            found[REFERENCE] = reference
    return with_other_axes(image, list(found.values()), 0, notes)


def with_other_axes(
    image: Image, masks: Sequence[Mask], axis: int, notes: Sequence[str] = ()
) -> tuple[list[Mask], list[str]]:
    """Return masks of an image cut along ``axis``, and those saved along its others, as acquired.

    And the notes, with one more where slices were turned. Masks that are empty are left out.
    """
    said = list(notes)
    found = {m.id: as_acquired(m, image, axis) for m in masks if not m.is_empty}
    turned = bool(axis and found)
    for other in {0, 1, 2} - {axis} if can_reslice(image) else ():
        shape = _cut(image, other)
        if other and shape not in autosave.saved_sizes():
            continue
        try:
            saved = autosave.restore(reslice(image, other))
        except OSError:
            continue  # said of the image itself
        for mask in saved.masks if saved is not None else ():
            if mask.id not in found and not mask.is_empty and mask.id != REFERENCE:
                found[mask.id] = as_acquired(mask, image, other)
                turned = turned or other != 0
    if turned:
        said.append(TURNED)
    return list(found.values()), said


def _cut(image: Image, axis: int) -> tuple[int, int, int]:
    where = reslice_layout(image, axis)
    frames, rows, cols = (where.shape[a] for a in where.axes)
    return frames, rows, cols


def _beside(image: Image, series: Series, folders: Sequence[Path], notes: list[str]) -> list[Mask]:
    own = [path.parent for path in series.paths]
    masks: list[Mask] = []
    seen = 0
    for folder in dict.fromkeys([*own, *folders]):
        if not folder.is_dir():
            continue
        for path in sorted(folder.glob("*.json")):
            seen += 1
            if seen > MAX_SIDECARS:
                return masks
            if not sidecar.describes(path, image):
                continue
            try:
                mask = sidecar.read(path, image)
            except MaskError as error:
                notes.append(str(error))
                continue
            if not mask.is_empty:
                masks.append(mask)
    return masks


def _reference(image: Image, series: Series, notes: list[str]) -> Mask | None:
    from engine.images.reference import of_frames, read_reference_volume

    try:
        pixels = of_frames(read_reference_volume(series), image)
        if pixels.shape != (image.frames, *image.shape):
            raise cannot_read(series.paths[0], "its reference is of another size", "replace it")
    except SaliscopeError as error:
        notes.append(str(error))
        return None
    frames = {i: np.array(frame) for i, frame in enumerate(pixels) if frame.any()}
    if not frames:
        return None
    return Mask(
        ImageReference.of(image),
        "Reference",
        colour=REFERENCE_COLOUR,
        locked=True,
        id=REFERENCE,
        frames=frames,
    )
