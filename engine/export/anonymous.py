"""An image without whose it is: new UIDs, no names, no paths, and areas of its pixels covered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.images.dicom.deidentify import MAY_HOLD_TEXT, Deidentifier, Removed
from engine.images.image import Display, Identity, Image
from engine.masks.mask import ImageReference, Mask
from engine.masks.shapes import Box
from engine.measure.covers import black_out

if TYPE_CHECKING:
    from engine.report.findings import MapFinding


def covered(image: Image, covers: Sequence[Box]) -> Image:
    """Return an image with boxes of every frame blackened; itself where there are none."""
    if not covers:
        return image
    pixels = image.pixels
    dark = 0 if image.is_colour else pixels.max() if image.display.inverted else pixels.min()
    inside = [box for box in (within(box, image.shape) for box in covers) if not box.is_empty]
    return replace(image, pixels=black_out(pixels, inside, dark))


def within(box: Box, shape: tuple[int, int]) -> Box:
    """Return the part of a box that lies in (rows, cols)."""
    rows, cols = shape
    return Box(max(box.top, 0), max(box.left, 0), min(box.bottom, rows), min(box.right, cols))


def anonymous(image: Image, deidentifier: Deidentifier) -> Image:
    """Return an image of which nothing tells the patient; UIDs are the run's new ones."""
    old = image.identity
    uid = deidentifier.uid
    identity = Identity(
        modality=old.modality,
        study_instance_uid=uid(old.study_instance_uid),
        series_instance_uid=uid(old.series_instance_uid),
        frame_of_reference_uid=uid(old.frame_of_reference_uid),
        sop_class_uid=old.sop_class_uid,
        sop_instance_uids=tuple(uid(u) for u in old.sop_instance_uids),
        sop_frames=old.sop_frames,
        volume=old.volume,
    )
    display: Display = replace(image.display)
    return Image(np.asarray(image.pixels), image.geometry, identity, display)


def transferred(mask: Mask, image: Image, *, author: bool = False) -> Mask:
    """Return a mask on the image that stands for its own. author: whether to say who drew it."""
    copy = mask.copy(id=mask.id, reference=ImageReference.of(image))
    if not author:
        copy.author = ""
    return copy


def of_image(one: MapFinding, original: Image, image: Image) -> MapFinding:
    """Return a map of ``original`` that says it is of ``image``: the other key leads back to it.

    Also where it was made of other maps, whose provenance is in its own.
    """

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: renamed(part) for key, part in value.items()}
        return image.key if value == original.key else value

    made = one.map.provenance
    made = replace(made, image_key=image.key, parameters=renamed(made.parameters))
    return replace(one, map=replace(one.map, provenance=made))


def of_picture(image: Image, covers: Sequence[Box]) -> Removed:
    """Return what de-identifying an image that is not written as DICOM amounts to."""
    done = Removed({"File and folder names": "removed"}, files=1, covered=len(covers))
    if image.identity.is_dicom:
        done.attributes["Patient, study and series names, numbers and dates"] = "removed"
        done.attributes["Study, series, instance and frame of reference UIDs"] = "replaced"
    done.attributes["Names of those who drew masks"] = "removed"
    if not covers and image.identity.modality in ("US", "SC", "OT", ""):
        done.notes.append(MAY_HOLD_TEXT)
    return done
