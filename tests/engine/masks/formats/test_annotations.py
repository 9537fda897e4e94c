"""COCO and Label Studio: annotations as JSON, beside the pictures that they name."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image as Pillow

from engine.errors import MaskError
from engine.images.image import Image
from engine.images.reader import read as read_image
from engine.masks import formats
from engine.masks.formats import coco, coco_rle, label_studio
from tests.engine.masks.formats.checks import same
from tests.engine.masks.mask_images import (
    TURNS,
    mask_on,
    single_frames,
    stack,
    ultrasound_loop,
)


@pytest.fixture
def picture(tmp_path) -> Image:
    values = np.random.default_rng(0).integers(0, 255, (20, 30), np.uint8)
    Pillow.fromarray(values).save(tmp_path / "case (1).png")
    return read_image(tmp_path / "case (1).png")


@pytest.mark.parametrize("kind", ["coco", "label-studio"])
@pytest.mark.parametrize("source", ["picture", "series", "loop"])
def test_json_there_and_back(tmp_path, picture, kind, source):
    image = {
        "picture": lambda: picture,
        "series": lambda: single_frames(tmp_path / "in", TURNS["oblique"]),
        "loop": lambda: ultrasound_loop(tmp_path / "us.dcm"),
    }[source]()
    masks = [mask_on(image), mask_on(image, 3, "Ödem")]
    done = formats.write(masks, image, tmp_path / "m.json", kind, with_pictures=True)
    back = formats.read(tmp_path / "m.json", image)
    assert all(same(a, b) for a, b in zip(masks, back, strict=True))
    assert [m.colour for m in back] == [m.colour for m in masks]
    text = (tmp_path / "m.json").read_text()
    assert "Ada" not in text
    # The pictures that the entries name are there, of the right size.
    data = json.loads(text)
    entries = [e["file_name"] for e in data["images"]] if kind == "coco" else [
        t["data"]["image"] for t in data
    ]  # fmt: skip
    assert len(entries) == len(masks[0].frames)
    for name in entries:
        with Pillow.open(tmp_path / name) as shown:
            assert shown.size == (30, 20)
    assert len(done.paths) == 1 + (0 if source == "picture" else len(entries))
    with pytest.raises(MaskError, match=r"this one|this image"):
        formats.read(tmp_path / "m.json", stack())


def test_coco_measures_and_what_pycocotools_sees(tmp_path, picture):
    mask = mask_on(picture)
    data = coco.build([mask], picture)
    (annotation,) = data["annotations"]
    rows, cols = np.nonzero(mask.frame(0))
    assert annotation["bbox"] == [
        cols.min(), rows.min(), np.ptp(cols) + 1, np.ptp(rows) + 1
    ]  # fmt: skip
    assert annotation["area"] == mask.area()
    oracle = pytest.importorskip("pycocotools.mask")
    np.testing.assert_array_equal(oracle.decode(annotation["segmentation"]), mask.frame(0))
    assert oracle.toBbox(annotation["segmentation"]).tolist() == annotation["bbox"]


def test_coco_of_others(tmp_path, picture):
    mask, out = mask_on(picture), tmp_path / "m.json"
    counts = coco_rle.runs(mask.frame(0))
    other = {"id": 9, "file_name": "x.png", "width": 3, "height": 3}
    data = {
        "images": [other, {"id": 4, "file_name": "a/case (1).jpg", "width": 30, "height": 20}],
        "annotations": [
            {"image_id": 4, "category_id": 2, "segmentation": {"size": [20, 30], "counts": counts}},
            {"image_id": 9, "category_id": 2, "segmentation": [[0, 0, 1, 1, 0, 1]]},
        ],
        "categories": [{"id": 2, "name": "tumour"}],
    }
    out.write_text(json.dumps(data))
    (back,) = formats.read(out, picture)
    assert back.same_pixels(mask)
    assert back.label == "tumour"
    for change, message in (
        ({"size": [20, 31], "counts": counts}, "size of a mask"),
        ({"size": [20, 30], "counts": [10**12]}, "runs cover"),
        ({"size": [20, 30], "counts": "oooooooo"}, "ends within"),
        ({"size": [20, 30]}, "lacks"),
        ([[0, 0, 1, 1, 0, 1]], "polygons"),
    ):
        data["annotations"][0]["segmentation"] = change
        out.write_text(json.dumps(data))
        with pytest.raises(MaskError, match=message):
            formats.read(out, picture)


def test_label_studios_own_exports(tmp_path, picture):
    mask, out = mask_on(picture), tmp_path / "m.json"
    (task,) = label_studio.build([mask], picture)
    region = {**task["annotations"][0]["result"][0], "id": "Dx_aB91ISN"}
    box = {"type": "rectanglelabels", "value": {"x": 1, "y": 2}}
    name = "/data/upload/3/e875f554-case%20(1).png"
    exported = {
        "id": 5,
        "data": {"image": name},
        "annotations": [
            {"completed_by": {"email": "ab@example.org"}, "result": [region, box]},
            {"completed_by": 7, "result": [region]},
            {"completed_by": 8, "was_cancelled": True, "result": [region]},
        ],
    }
    out.write_text(json.dumps([exported, {"id": 6, "data": {"image": "other.png"}}]))
    back = formats.read(out, picture)
    assert [m.author for m in back] == ["ab@example.org", "7"]
    assert all(m.same_pixels(mask) and m.label == "Lesion" for m in back)
    assert "no brush masks" in back[0].notes[0]
    least = {**region["value"], "original_width": 30, "original_height": 20}
    out.write_text(json.dumps([{"image": name, "tag": [least], "annotator": 7}]))
    assert formats.read(out, picture)[0].same_pixels(mask)
    for change, message in (
        ({"original_width": 31}, "its picture has 31 × 20"),
        ({"value": {**region["value"], "rle": region["value"]["rle"][:9]}}, "cut short"),
        ({"value": {**region["value"], "rle": [300]}}, "no bytes"),
        ({"value": {**region["value"], "rle": [255] * 40}}, "encodes"),
    ):
        exported["annotations"] = [{"result": [{**region, **change}]}]
        out.write_text(json.dumps([exported]))
        with pytest.raises(MaskError, match=message):
            formats.read(out, picture)
