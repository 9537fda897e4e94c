"""COCO: every drawn frame is an image, every mask on it an annotation with compressed RLE.

Format: cocodataset.org/#format-data. ``bbox`` is [x, y, width, height] in pixels from the upper
left corner, ``area`` in pixels; a mask's name is its category. Polygons are not read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import MaskError
from engine.images.image import Image
from engine.masks.formats import coco_rle, pictures
from engine.masks.formats.files import cannot_read, read_json, write_json
from engine.masks.formats.sidecar import program_version
from engine.masks.mask import COLOURS, ImageReference, Mask, checked_label, describe
from engine.masks.shapes import bounds

#: More masks than this are no drawing on one image.
MAX_MASKS = 256


def recognise(data: Any) -> bool:
    """Whether JSON is a COCO file."""
    return isinstance(data, Mapping) and "images" in data and "annotations" in data


def export(masks: Sequence[Mask], image: Image, path: Path) -> None:
    """Write masks. Raises ``MaskError`` on a misfit or if it cannot write."""
    write_json(path, build(masks, image))


def build(masks: Sequence[Mask], image: Image) -> dict[str, Any]:
    """Return what ``export`` writes."""
    for mask in masks:
        mask.check_fits(image)
    drawn = sorted({i for mask in masks for i, p in mask.frames.items() if p.any()})
    categories = {label: n for n, label in enumerate(dict.fromkeys(m.label for m in masks), 1)}
    annotations: list[dict[str, Any]] = []
    for mask in masks:
        for index, pixels in mask.frames.items():
            if pixels.any():
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": index + 1,
                        "category_id": categories[mask.label],
                        **measured(pixels),
                        "iscrowd": 0,
                        pictures.OWN: pictures.attributes(mask),
                    }
                )
    rows, cols = image.shape
    return {
        "info": {
            "description": "Masks drawn in Saliscope; for research use only",
            "version": program_version(),
        },
        "licenses": [],
        "images": [
            {
                "id": index + 1,
                "file_name": pictures.name(image, index),
                "width": cols,
                "height": rows,
                pictures.OWN: pictures.identify(image, index),
            }
            for index in drawn or [0]
        ],
        "annotations": annotations,
        "categories": [
            {"id": number, "name": label, "supercategory": ""}
            for label, number in categories.items()
        ],
    }


def measured(pixels: NDArray[np.bool_]) -> dict[str, Any]:
    """Return the segmentation, area and bbox of bool (rows, cols), one pixel at least."""
    box = bounds(pixels)
    rows, cols = box.shape
    return {
        "segmentation": {
            "size": [int(n) for n in pixels.shape],
            "counts": coco_rle.to_letters(coco_rle.runs(pixels)),
        },
        "area": int(np.count_nonzero(pixels)),
        "bbox": [float(n) for n in (box.left, box.top, cols, rows)],
    }


def read(path: Path, image: Image) -> list[Mask]:
    """Read the masks of one image, one a category (or one each, where this program wrote them).

    Raises ``MaskError``: not such a file, damaged, of other images or another size.
    """
    return from_data(path, read_json(path), image)


def from_data(path: Path, data: Any, image: Image) -> list[Mask]:
    """Read masks from parsed JSON; see ``read``."""
    if not recognise(data):
        raise cannot_read(path, "it is no COCO file", "export it as COCO instances")
    try:
        frames, notes = _frames(path, data["images"], image)
        names = {c["id"]: checked_label(str(c["name"])) for c in data.get("categories", ())}
        wanted = [a for a in data["annotations"] if a["image_id"] in frames]
        masks = _masks(path, wanted, frames, names, image)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        reason = str(error) if type(error) is ValueError else "it lacks what COCO files have"
        raise cannot_read(path, reason, "export it again") from None
    counts = Counter((a["category_id"], a["image_id"]) for a in wanted if pictures.OWN not in a)
    if any(n > 1 for n in counts.values()):
        notes.append(f"Objects of one category in {path.name} were joined to one mask.")
    for mask in masks:
        mask.notes = tuple(notes)
    return masks


def _frames(path: Path, entries: Any, image: Image) -> tuple[dict[Any, int], list[str]]:
    """Return the frames by image id."""
    found: dict[Any, int] = {}
    for entry in entries:
        frame = pictures.match(image, entry.get(pictures.OWN), str(entry.get("file_name", "")))
        if frame is not None:
            found[entry["id"]] = frame
            _check_size(path, entry, image)
    if found:
        return found, []
    if len(entries) == 1 and image.frames == 1 and not entries[0].get(pictures.OWN):
        _check_size(path, entries[0], image)
        note = f"{path.name} names another picture of the same size; check that the mask fits."
        return {entries[0]["id"]: 0}, [note]
    raise cannot_read(
        path, "none of its images is this one", "open the image that its masks were drawn on"
    )


def _check_size(path: Path, entry: Any, image: Image) -> None:
    shape = (int(entry["height"]), int(entry["width"]))
    if shape != image.shape:
        raise cannot_read(
            path,
            f"its image has {describe(1, shape)} and this one {describe(1, image.shape)}",
            "open the image that its masks were drawn on",
        )


def _masks(
    path: Path,
    annotations: Sequence[Any],
    frames: Mapping[Any, int],
    names: Mapping[Any, str],
    image: Image,
) -> list[Mask]:
    pixels: dict[Any, dict[int, NDArray[np.bool_]]] = {}
    about: dict[Any, tuple[str, Any]] = {}
    for annotation in annotations:
        own = annotation.get(pictures.OWN)
        mask_id = own.get("mask_id") if isinstance(own, Mapping) else None
        key = (annotation["category_id"], mask_id)
        if key not in pixels and len(pixels) >= MAX_MASKS:
            raise cannot_read(
                path, f"it has more than {MAX_MASKS} masks of one image", "export it in parts"
            )
        about.setdefault(key, (names.get(annotation["category_id"], "Mask"), own))
        drawn = pixels.setdefault(key, {})
        frame = frames[annotation["image_id"]]
        one = _decoded(path, annotation["segmentation"], image)
        drawn[frame] = one | drawn[frame] if frame in drawn else one
    masks = []
    for position, (key, drawn) in enumerate(pixels.items()):
        label, own = about[key]
        mask = Mask(
            ImageReference.of(image),
            label,
            colour=COLOURS[position % len(COLOURS)],
            id=str(key[1])[:64] if key[1] else "",
            frames=drawn,
        )
        pictures.restore(mask, own)
        masks.append(mask)
    if not masks:
        raise MaskError(f"{path.name} holds no mask of this image; choose another file.")
    return masks


def _decoded(path: Path, segmentation: Any, image: Image) -> NDArray[np.bool_]:
    if isinstance(segmentation, list):
        raise cannot_read(
            path, "it holds polygons", "convert them to RLE (pycocotools: annToRLE) first"
        )
    rows, cols = image.shape
    if [int(n) for n in segmentation["size"]] != [rows, cols]:
        raise ValueError("the size of a mask is not that of its image")
    counts = segmentation["counts"]
    if isinstance(counts, str):
        counts = coco_rle.from_letters(counts, rows * cols)
    return coco_rle.pixels(counts, (rows, cols))
