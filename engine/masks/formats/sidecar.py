"""JSON beside an exported mask: whose it is, where it lies, who drew it, what it scored.

The patient's name and number, the study's date, and the names of the source's files and folders
(which often hold one of these) are left out unless asked for; the DICOM UIDs, which find the
image again where it is kept, are in. A file name is in where nothing else tells the image.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import MaskError
from engine.images.image import Identity, Image
from engine.masks import measure
from engine.masks.formats import nifti, nrrd, png
from engine.masks.formats.files import cannot_read, replacing
from engine.masks.mask import ImageReference, Mask, checked_colour, checked_label

FORMAT = "saliscope-mask"
VERSION = 1

#: No sidecar comes near this.
MAX_BYTES = 16 * 2**20


def export(
    mask: Mask,
    image: Image,
    path: Path,
    files: Sequence[Path] = (),
    *,
    provenance: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
    include_patient: bool = False,
) -> None:
    """Write the sidecar of a mask whose pixels are in ``files``, in the same folder.

    provenance: anything JSON holds (checkpoint, scores, ...), written as it is; a number that is
    none becomes null. Raises ``MaskError`` on a misfit or if it cannot write.
    """
    text = json.dumps(
        describe(mask, image, files, provenance, notes, include_patient),
        ensure_ascii=False,
        indent=2,
        allow_nan=False,
    )
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def describe(
    mask: Mask,
    image: Image,
    files: Sequence[Path] = (),
    provenance: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
    include_patient: bool = False,
) -> dict[str, Any]:
    """Return what ``export`` writes."""
    mask.check_fits(image)
    geometry = image.geometry
    drawn = [i for i, p in mask.frames.items() if p.any()]
    return {
        "format": FORMAT,
        "version": VERSION,
        "program": {"name": "Saliscope", "version": program_version()},
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "research_use_only": True,
        "mask": {
            "id": mask.id,
            "label": mask.label,
            "colour": mask.colour,
            "author": mask.author,
            "frames": [i + 1 for i in drawn],
            "area_pixels": {str(i + 1): mask.area(i) for i in drawn},
            "area_mm2": (
                None
                if geometry.spacing is None
                else {str(i + 1): measure.area_mm2(mask, i, geometry) for i in drawn}
            ),
            "volume_ml": measure.volume_ml(mask, geometry),
        },
        "image": _identity(image, include_patient),
        "geometry": _geometry(image),
        "files": [{"name": p.name, "frame": _frame(p, image)} for p in files],
        "notes": list(notes),
        "provenance": _plain(provenance or {}),
    }


def read(path: Path, image: Image) -> Mask:
    """Read a mask with its pixels, label, colour, author and id.

    Raises ``MaskError``: not a sidecar, of a newer version, of another image (by size or by
    UIDs), or its files cannot be read.
    """
    data = _load(path)
    try:
        about, origin, entries = data["mask"], data["image"], data["files"]
        label, colour = checked_label(str(about["label"])), checked_colour(str(about["colour"]))
        author, mask_id = str(about["author"]), str(about["id"])
        rows, cols = (int(n) for n in origin["shape"])
        frames = int(origin["frames"])
        uids = tuple(str(u) for u in origin.get("sop_instance_uids", ()))
        key = str(origin["key"])
        names = [(str(e["name"]), e.get("frame")) for e in entries]
    except (KeyError, TypeError, ValueError, MaskError):
        raise cannot_read(path, "it lacks what a mask needs", "export the mask again") from None
    reference = ImageReference(key, frames, (rows, cols), Identity())
    if not reference.fits(image):
        raise cannot_read(
            path, "it was drawn on an image of another size", "open the image that it was drawn on"
        )
    if uids and image.identity.sop_instance_uids and uids != image.identity.sop_instance_uids:
        raise cannot_read(
            path,
            "it was drawn on another image (their UIDs differ)",
            "open the image that it was drawn on",
        )
    mine = ImageReference.of(image)
    notes = []
    if key != mine.key:
        notes.append(f"{path.name} was drawn on an image with other pixels; check that it fits.")
    found = Mask(
        mine, label, colour=colour, author=author, id=mask_id, frames=_pixels(path, image, names)
    )
    found.notes = tuple(notes)
    return found


def beside(path: Path) -> Path:
    """Return the sidecar of a mask's file: ``NAME.json``."""
    for ending in (".nii.gz", ".nii", *nrrd.ENDINGS):
        if path.name.lower().endswith(ending):
            return path.with_name(path.name[: -len(ending)] + ".json")
    return path.with_name(f"{png.base_stem(path)}.json")


def is_sidecar(path: Path) -> bool:
    """Whether a file is a sidecar that this version reads."""
    try:
        _load(path)
    except MaskError:
        return False
    return True


def describes(path: Path, image: Image) -> bool:
    """Whether a file is a sidecar of a mask that was drawn on this very image."""
    try:
        about = path.stat()
        key, uids = _origin(path, about.st_mtime_ns, about.st_size)
    except (OSError, MaskError, KeyError, TypeError, AttributeError):
        return False
    return bool(key == image.key or (uids and uids == image.identity.sop_instance_uids))


@lru_cache(maxsize=4096)  # a batch asks of each file for every image
def _origin(path: Path, changed: int, size: int) -> tuple[str, tuple[str, ...]]:
    """Return the key and UIDs of the image that a sidecar is of; ``MaskError`` and others."""
    origin = _load(path)["image"]
    return str(origin["key"]), tuple(str(u) for u in origin.get("sop_instance_uids", ()))


def frame_of(path: Path, image: Image) -> int | None:
    """Return the frame that a picture was drawn on, by the sidecar beside it; None if it is silent.

    Its UIDs count: a slice may have another number in an image of which slices are left out.
    Raises ``MaskError`` where it was drawn on a slice that the image lacks.
    """
    note = beside(path)
    if not note.is_file():
        return None
    try:
        data = _load(note)
        origin = data["image"]
        (number,) = (e["frame"] for e in data["files"] if e["name"] == path.name)
        uids, numbers = origin["sop_instance_uids"], origin["sop_frames"]
        theirs = [(str(uid), int(n)) for uid, n in zip(uids, numbers, strict=True)]
        drawn_on = theirs[number - 1] if theirs and number > 0 else None
    except (KeyError, TypeError, ValueError, IndexError, MaskError):
        return None  # some other JSON of this name
    identity = image.identity
    ours = list(zip(identity.sop_instance_uids, identity.sop_frames, strict=True))
    if drawn_on in ours:
        return ours.index(drawn_on)
    if set(ours) & set(theirs):
        raise cannot_read(
            path, "it was drawn on a slice that this image lacks", "open the whole series"
        )
    return None


def restore_attributes(mask: Mask, path: Path) -> None:
    """Give a mask that was read from ``path`` what the sidecar beside it says, if it names it."""
    note = beside(path)
    if not note.is_file():
        return
    try:
        data = _load(note)
        if path.name in {e["name"] for e in data["files"]}:
            about = data["mask"]
            label, colour = checked_label(str(about["label"])), checked_colour(str(about["colour"]))
            mask.label, mask.colour, mask.author = label, colour, str(about["author"])
    except (KeyError, TypeError, MaskError):
        return  # some other JSON of this name


def _pixels(
    path: Path, image: Image, names: Sequence[tuple[str, Any]]
) -> dict[int, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Read the first kind of file that the sidecar names: they all hold the same pixels."""
    pictures = [(n, f) for n, f in names if n.lower().endswith(".png")]
    volumes = [n for n, _ in names if n.lower().endswith((".nii", ".nii.gz", ".nrrd"))]
    for name, _ in names:
        if Path(name).name != name or name in ("", ".", "..") or "\\" in name:
            raise cannot_read(path, "it names files outside its folder", "export the mask again")
    if pictures:
        frames = {}
        for name, number in pictures:
            if not isinstance(number, int) or not 1 <= number <= image.frames:
                raise cannot_read(path, "it names a frame that is not there", "export it again")
            frames[number - 1] = png.read_pixels(path.with_name(name), image.shape)
        return frames
    if volumes:
        volume = path.with_name(volumes[0])
        if nrrd.is_nrrd(volume.name):
            return dict(nrrd.read_one(volume, image).frames)
        return dict(nifti.read(volume, image).frames)
    return {}


def _load(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise cannot_read(path, "it is far too large", "choose the JSON beside the mask")
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = (error.strerror or "the system refused").lower()
        raise cannot_read(path, reason, "check that it exists and may be read") from None
    except (ValueError, RecursionError):
        raise cannot_read(path, "it is no JSON", "choose the JSON beside the mask") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise cannot_read(path, "it does not describe a mask", "choose the JSON beside the mask")
    version = data.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise cannot_read(
            path, "a newer Saliscope wrote it", "open it with that version, or import the PNG"
        )
    return data


def program_version() -> str:
    """Return this program's version, "" where it is run without being installed."""
    try:
        return metadata.version("saliscope")
    except metadata.PackageNotFoundError:
        return ""


def _identity(image: Image, include_patient: bool) -> dict[str, Any]:
    identity = image.identity
    out: dict[str, Any] = {
        "key": image.key,
        "frames": image.frames,
        "shape": list(image.shape),
        "modality": identity.modality,
        "study_instance_uid": identity.study_instance_uid,
        "series_instance_uid": identity.series_instance_uid,
        "frame_of_reference_uid": identity.frame_of_reference_uid,
        "sop_class_uid": identity.sop_class_uid,
        "sop_instance_uids": list(identity.sop_instance_uids),
        "sop_frames": list(identity.sop_frames),
        "volume": identity.volume,
    }
    if include_patient:
        out["patient_name"] = identity.patient_name
        out["patient_id"] = identity.patient_id
        out["study_date"] = identity.study_date
        out["series_description"] = identity.series_description
    if include_patient or not identity.is_dicom:
        out["source_files"] = [p.name for p in identity.source_paths]
    return out


def _geometry(image: Image) -> dict[str, Any]:
    geometry = image.geometry
    affines = geometry.frame_affines
    return {
        "spacing_mm": None if geometry.spacing is None else [float(s) for s in geometry.spacing],
        "slice_spacing_mm": geometry.slice_spacing,
        # (row, col, 0, 1) of each frame to DICOM patient coordinates (LPS, mm).
        "frame_affines_lps": None if affines is None else affines.tolist(),
    }


def _frame(path: Path, image: Image) -> int | None:
    if path.suffix.lower() != ".png":
        return None
    if image.frames == 1:
        return 1
    index = png.frame_of(path, image.frames)
    return None if index is None else index + 1


def _plain(value: Any) -> Any:
    """Turn what provenance may hold into what JSON can."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)
