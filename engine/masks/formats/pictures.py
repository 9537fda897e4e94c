"""Single frames as the pictures that COCO and Label Studio know: their names, and back.

These formats know a picture by its file's name alone. What tells a frame for sure (UIDs, the
image's key) goes along under ``OWN``, which both keep; the name is the second way, for files
that were made from the pictures elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from engine.errors import MaskError
from engine.images import nifti
from engine.images.image import Image
from engine.masks.formats import png
from engine.masks.mask import Mask, checked_colour

#: The name under which these files hold what only this program reads.
OWN = "saliscope"

_SHOWN = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
_UPLOADED = re.compile(r"^[0-9a-f]{8}-")  # what Label Studio puts before an uploaded file's name


def is_picture(image: Image) -> bool:
    """Whether the image was read from one picture file, which others can show as it is."""
    paths = image.identity.source_paths
    shown = bool(paths) and paths[0].suffix.lower() in _SHOWN
    return image.frames == 1 and shown and not image.identity.is_dicom


def name(image: Image, frame: int) -> str:
    """Return the picture's file name: the source's own where it is a picture, else a PNG's.

    Names of DICOM files, which may hold a patient's name, are replaced by the series' UID.
    """
    paths = image.identity.source_paths
    if is_picture(image):
        return paths[0].name
    if image.identity.is_dicom or not paths:
        base = image.identity.series_instance_uid or image.key
    else:
        base = nifti.stem(paths[0]) if nifti.is_nifti(paths[0].name) else paths[0].stem
        if image.identity.volume is not None:
            base += f"_v{image.identity.volume + 1}"
    plain = Path(f"{base}.png")
    return plain.name if image.frames == 1 else Path(f"{base}_f{frame + 1:03d}.png").name


def identify(image: Image, frame: int) -> dict[str, Any]:
    """Return what tells a frame and its place, for ``match``; nothing of the patient."""
    identity, geometry = image.identity, image.geometry
    found: dict[str, Any] = {
        "key": image.key,
        "frame": frame + 1,
        "frames": image.frames,
        "modality": identity.modality,
        "spacing_mm": None if geometry.spacing is None else [float(s) for s in geometry.spacing],
        "affine_lps": (
            None if geometry.frame_affines is None else geometry.frame_affines[frame].tolist()
        ),
    }
    if identity.sop_instance_uids:
        found |= {
            "study_instance_uid": identity.study_instance_uid,
            "series_instance_uid": identity.series_instance_uid,
            "sop_instance_uid": identity.sop_instance_uids[frame],
            "sop_frame": identity.sop_frames[frame],
        }
    return found


def match(image: Image, own: Any, file_name: str) -> int | None:
    """Return the frame that an entry means, None if it means another image's.

    own: what ``identify`` gave, or anything else. file_name: a name, a path or a link.
    """
    if isinstance(own, Mapping):
        uid, number = own.get("sop_instance_uid"), own.get("sop_frame")
        places = list(zip(image.identity.sop_instance_uids, image.identity.sop_frames, strict=True))
        if uid and places:
            return next((i for i, place in enumerate(places) if place == (uid, number)), None)
        frame = own.get("frame")
        if own.get("key") == image.key and isinstance(frame, int) and 1 <= frame <= image.frames:
            return frame - 1
    last = PurePosixPath(unquote(file_name.split("?d=")[-1]).replace("\\", "/").split("?")[0]).name
    for candidate in {last, _UPLOADED.sub("", last)} - {""}:
        try:
            png.frame_named(Path(candidate), image)
        except MaskError:
            continue  # which slice it means is not sure
        stem = Path(candidate).stem
        for frame in range(image.frames):
            if stem == Path(name(image, frame)).stem:
                return frame
        sources = {p.stem for p in image.identity.source_paths}
        if image.frames == 1 and stem in sources:
            return 0
        frame_number = png.frame_of(Path(candidate), image.frames)
        if frame_number is not None and png.base_stem(Path(candidate)) in sources:
            return frame_number
    return None


def attributes(mask: Mask) -> dict[str, str]:
    """Return what these formats have no place for."""
    return {"mask_id": mask.id, "colour": mask.colour, "author": mask.author}


def restore(mask: Mask, own: Any) -> None:
    """Give a mask what ``attributes`` said of it, as far as it is sound."""
    if not isinstance(own, Mapping):
        return
    if isinstance(own.get("author"), str):
        mask.author = own["author"][:200]
    colour = own.get("colour")
    if isinstance(colour, str) and re.fullmatch(r"#[0-9A-Fa-f]{6}", colour):
        mask.colour = checked_colour(colour)
