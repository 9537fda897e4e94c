"""Label Studio: tasks with brush regions, one task a drawn frame, written and read.

Format: labelstud.io/guide/task_format and /tags/brushlabels. The labelling set-up these tasks
belong to has ``<Image name="image" value="$image"/>`` and ``<BrushLabels name="tag"
toName="image">``. Both its exports are read: JSON, and JSON_MIN. Several readers' annotations of
one task become one mask a reader and label.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.errors import MaskError
from engine.images.image import Image
from engine.masks.formats import brush_rle, pictures
from engine.masks.formats.files import cannot_read, read_json, write_json
from engine.masks.mask import COLOURS, ImageReference, Mask, checked_label, describe

#: Names of the tags in Label Studio's own template for semantic segmentation with masks.
FROM_NAME, TO_NAME = "tag", "image"

#: More masks than this are no drawing on one image.
MAX_MASKS = 256


def recognise(data: Any) -> bool:
    """Whether JSON is a list of tasks."""
    return isinstance(data, list) and all(isinstance(task, Mapping) for task in data)


def export(masks: Sequence[Mask], image: Image, path: Path, prefix: str = "") -> None:
    """Write masks as tasks to import. Raises ``MaskError`` on a misfit or if it cannot write.

    prefix: what Label Studio finds the pictures by, before their names
    ("/data/local-files/?d=folder/").
    """
    write_json(path, build(masks, image, prefix))


def build(masks: Sequence[Mask], image: Image, prefix: str = "") -> list[dict[str, Any]]:
    """Return what ``export`` writes."""
    for mask in masks:
        mask.check_fits(image)
    rows, cols = image.shape
    tasks = []
    drawn = sorted({i for mask in masks for i, p in mask.frames.items() if p.any()})
    for index in drawn or [0]:
        regions: list[dict[str, Any]] = []
        known: dict[str, Any] = {}
        for mask in masks:
            pixels = mask.frame(index)
            if not pixels.any():
                continue
            region = f"{mask.id[:32]}-{index + 1}"
            known[region] = pictures.attributes(mask)
            regions.append(
                {
                    "id": region,
                    "type": "brushlabels",
                    "from_name": FROM_NAME,
                    "to_name": TO_NAME,
                    "original_width": cols,
                    "original_height": rows,
                    "image_rotation": 0,
                    "value": {
                        "format": "rle",
                        "rle": brush_rle.encode(pixels),
                        "brushlabels": [mask.label],
                    },
                }
            )
        own = {**pictures.identify(image, index), "regions": known}
        tasks.append(
            {
                "data": {TO_NAME: prefix + pictures.name(image, index), pictures.OWN: own},
                "annotations": [{"result": regions}],
            }
        )
    return tasks


class _Region(NamedTuple):
    frame: int
    label: str
    author: str
    own: Any
    pixels: NDArray[np.bool_]


def read(path: Path, image: Image) -> list[Mask]:
    """Read the masks of one image.

    Raises ``MaskError``: not such a file, damaged, of other images or another size.
    """
    return from_data(path, read_json(path), image)


def from_data(path: Path, data: Any, image: Image) -> list[Mask]:
    """Read masks from parsed JSON; see ``read``."""
    if not recognise(data):
        raise cannot_read(path, "it is no list of Label Studio's tasks", "export it as JSON")
    notes: list[str] = []
    pixels: dict[Any, dict[int, NDArray[np.bool_]]] = {}
    about: dict[Any, _Region] = {}
    try:
        for region in _regions(path, data, image, notes):
            mask_id = region.own.get("mask_id") if isinstance(region.own, Mapping) else None
            key = (region.author, region.label, mask_id)
            if key not in pixels and len(pixels) >= MAX_MASKS:
                raise cannot_read(
                    path, f"it has more than {MAX_MASKS} masks of one image", "export it in parts"
                )
            about.setdefault(key, region)
            drawn = pixels.setdefault(key, {})
            before = drawn.get(region.frame)
            drawn[region.frame] = region.pixels if before is None else before | region.pixels
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        reason = str(error) if type(error) is ValueError else "it lacks what tasks have"
        raise cannot_read(path, reason, "export it again") from None
    masks = []
    for position, (key, drawn) in enumerate(pixels.items()):
        mask = Mask(
            ImageReference.of(image),
            key[1],
            colour=COLOURS[position % len(COLOURS)],
            id=str(key[2])[:64] if key[2] else "",
            frames=drawn,
            notes=dict.fromkeys(notes),
        )
        pictures.restore(mask, about[key].own)
        mask.author = key[0] or mask.author
        masks.append(mask)
    if not masks:
        raise MaskError(f"{path.name} holds no brush mask of this image; choose another file.")
    return masks


def _regions(path: Path, tasks: Any, image: Image, notes: list[str]) -> Iterator[_Region]:
    matched = False
    for task in tasks:
        about = task.get("data", task)
        own = about.get(pictures.OWN)
        links = [str(about[k]) for k in (TO_NAME, "img", "url") if isinstance(about.get(k), str)]
        links += [str(v) for v in (task.get("file_upload"),) if v]
        found = [pictures.match(image, own, link) for link in links or [""]]
        frame = next((f for f in found if f is not None), None)
        if frame is None and len(tasks) == 1 and image.frames == 1 and not own:
            frame = 0
            notes.append(
                f"{path.name} names another picture of the same size; check that the mask fits."
            )
        if frame is None:
            continue
        matched = True
        known = own.get("regions", {}) if isinstance(own, Mapping) else {}
        for author, result in _results(task):
            if result.get("type", "brushlabels") not in ("brushlabels", "brush", "labels"):
                notes.append(f"Regions in {path.name} that are no brush masks were left out.")
                continue
            value = result.get("value", result)
            if value.get("format") != "rle" or not isinstance(value.get("rle"), list):
                continue
            labels = value.get("brushlabels") or value.get("labels") or ["Mask"]
            yield _Region(
                frame,
                checked_label(", ".join(map(str, labels))),
                author,
                known.get(result.get("id")),
                _decoded(path, result, value["rle"], image),
            )
    if not matched:
        raise cannot_read(
            path, "none of its tasks is of this image", "open the image that its masks were made on"
        )


def _results(task: Any) -> Iterator[tuple[str, Any]]:
    """Yield each region with its author, from the JSON or the JSON_MIN export."""
    if "data" not in task:
        author = _author(task.get("annotator"))
        for value in task.values():
            if isinstance(value, list):
                yield from ((author, one) for one in value if isinstance(one, Mapping))
        return
    for annotation in task.get("annotations") or task.get("completions") or ():
        if not annotation.get("was_cancelled"):
            author = _author(annotation.get("completed_by"))
            yield from ((author, one) for one in annotation["result"])


def _author(who: Any) -> str:
    if isinstance(who, Mapping):
        who = who.get("email") or who.get("id")
    return str(who)[:200] if isinstance(who, str | int) and who else ""


def _decoded(path: Path, result: Any, rle: list[Any], image: Image) -> NDArray[np.bool_]:
    shape = (int(result["original_height"]), int(result["original_width"]))
    if shape != image.shape:
        raise cannot_read(
            path,
            f"its picture has {describe(1, shape)} and this image {describe(1, image.shape)}",
            "open the image that its masks were made on",
        )
    try:
        data = bytes(rle)
    except (TypeError, ValueError):
        raise ValueError("a brush region holds numbers that are no bytes") from None
    return brush_rle.decode(data, shape)
