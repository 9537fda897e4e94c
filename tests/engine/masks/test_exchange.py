"""NRRD, DICOM Segmentation, COCO and Label Studio: told by libraries that share none of the code.

SimpleITK reads the NRRD, highdicom and pydicom the Segmentations, by place and by reference.
"""

from __future__ import annotations

import json
import zlib

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from PIL import Image as Pillow

from engine.errors import MaskError
from engine.images.image import Geometry, Image
from engine.images.reader import read as read_image
from engine.masks import formats
from engine.masks.formats import coco, coco_rle, dicom_seg_read, label_studio, nrrd
from engine.masks.formats.write import ExchangeFormat
from engine.masks.mask import ImageReference, Mask

from .mask_images import (
    assert_lies_where_it_was_drawn,
    enhanced,
    load,
    mask_on,
    single_frames,
    stack,
    turned,
    ultrasound_loop,
)

TURNS = {
    "axis-aligned": np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, 1]]),
    "flipped": np.array([[0.0, -1, 0], [-1, 0, 0], [0, 0, 1]]),
    "oblique": turned(7),
}
NAMES: dict[ExchangeFormat, str] = {
    "nifti": "m.nii.gz",
    "nrrd": "m.nrrd",
    "dicom-seg": "m.dcm",
    "coco": "m.json",
    "label-studio": "m.json",
}


def same(mask: Mask, other: Mask) -> bool:
    return mask.same_pixels(other) and (mask.label, mask.author) == (other.label, other.author)


# NRRD


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize(("frames", "step"), [(5, 3.3), (5, -2.5), (1, 3.3)])
def test_nrrd_lies_where_it_was_drawn(tmp_path, turn, frames, step):
    image = stack(TURNS[turn], frames, step)
    mask, out = mask_on(image), tmp_path / "m.nrrd"
    assert nrrd.export([mask], image, out) == ()
    assert_lies_where_it_was_drawn(out, mask, image)
    (back,) = nrrd.read(out, image)
    assert back.same_pixels(mask)
    assert (back.label, back.colour) == (mask.label, mask.colour)
    # What ITK writes of it, uncompressed and in its own way, comes back as well.
    for compressed in (True, False):
        other = tmp_path / "itk.nrrd"
        sitk.WriteImage(sitk.Cast(sitk.ReadImage(str(out)), sitk.sitkInt16), str(other), compressed)
        assert nrrd.read(other, image)[0].same_pixels(mask)


def test_nrrd_of_loops_labels_and_images_without_a_place(tmp_path):
    image = stack(frames=4)
    cine = np.repeat(image.geometry.frame_affines[:1], 4, axis=0)
    loop = Image(image.pixels.copy(), Geometry((0.7, 1.1), cine))
    plain = Image(image.pixels.copy(), Geometry((0.25, 0.5)))
    for one in (loop, plain):
        mask = mask_on(one)
        nrrd.export([mask], one, tmp_path / "m.nrrd")
        assert nrrd.read(tmp_path / "m.nrrd", one)[0].same_pixels(mask)
    assert "size alone" in nrrd.read(tmp_path / "m.nrrd", plain)[0].notes[0]
    a, b = np.zeros((2, *image.shape), bool)
    a[2:4, 3:9] = b[10:13, 20:29] = True
    reference = ImageReference.of(image)
    masks = [Mask(reference, "Ödem", frames={1: a}), Mask(reference, "B", frames={1: b, 3: a})]
    nrrd.export(masks, image, tmp_path / "two.seg.nrrd")
    back = nrrd.read(tmp_path / "two.seg.nrrd", image)
    assert all(same(x, y) for x, y in zip(back, masks, strict=True))
    assert sitk.ReadImage(str(tmp_path / "two.seg.nrrd")).GetMetaData("Segment0_Name") == "Ödem"
    with pytest.raises(MaskError, match="overlaps"):
        nrrd.export([masks[0], masks[0]], image, tmp_path / "no.nrrd")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((b"sizes: 30 20 5", b"sizes: 60000 60000 60000"), "its header announces"),
        ((b"sizes: 30 20 5", b"sizes: 30 20 6"), "cut short"),
        ((b"sizes: 30 20 5", b"sizes: 30 20 -5"), "damaged"),
        ((b"sizes: 30 20 5", b"sizes: a b c"), "damaged"),
        ((b"type: unsigned char", b"type: block"), "no numbers"),
        ((b"encoding: gzip", b"encoding: hex"), "encoding"),
        ((b"encoding: gzip", b"encoding: gzip\ndata file: ../../x"), "another folder"),
        ((b"space origin: (", b"space origin: (nan,1,2) #("), "damaged"),
        ((b"space origin: (", b"space origin: (400"), "elsewhere|outside"),
        ((b"NRRD0005", b"NRRX0005"), "no NRRD"),
    ],
)
def test_hostile_nrrd(tmp_path, change, message):
    image = stack()
    nrrd.export([mask_on(image)], image, tmp_path / "m.nrrd")
    data = (tmp_path / "m.nrrd").read_bytes()
    assert change[0] in data
    (tmp_path / "m.nrrd").write_bytes(data.replace(*change))
    with pytest.raises(MaskError, match=message):
        nrrd.read(tmp_path / "m.nrrd", image)


def test_a_nrrd_bomb_is_not_unpacked(tmp_path):
    image = stack()
    nrrd.export([mask_on(image)], image, tmp_path / "m.nrrd")
    head = (tmp_path / "m.nrrd").read_bytes().split(b"\n\n")[0]
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = squeeze.compress(bytes(1 << 24)) + squeeze.flush()
    (tmp_path / "m.nrrd").write_bytes(head + b"\n\n" + bomb)
    assert nrrd.read(tmp_path / "m.nrrd", image)[0].is_empty


# DICOM Segmentation


def check_segmentation(path, masks: list[Mask], image: Image) -> None:
    """By highdicom and pydicom: frames, references and places."""
    opened = highdicom.seg.segread(path)
    dataset = pydicom.dcmread(path)
    identity = image.identity
    assert dataset.StudyInstanceUID == identity.study_instance_uid
    assert [s.SegmentLabel for s in dataset.SegmentSequence] == [m.label for m in masks]
    assert dataset.PatientID == identity.patient_id
    stored = np.atleast_3d(dataset.pixel_array.T).T
    seen = dict.fromkeys(range(1, len(masks) + 1), 0)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    for pixels, groups in zip(stored, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        (origin,) = groups.DerivationImageSequence[0].SourceImageSequence
        assert origin.ReferencedSOPClassUID == identity.sop_class_uid
        place = (origin.ReferencedSOPInstanceUID, origin.get("ReferencedFrameNumber", 1))
        frame = list(zip(identity.sop_instance_uids, identity.sop_frames, strict=True)).index(place)
        segment = (shared if "SegmentIdentificationSequence" in shared else groups)[
            "SegmentIdentificationSequence"
        ][0].ReferencedSegmentNumber
        np.testing.assert_array_equal(pixels != 0, masks[segment - 1].frame(frame))
        seen[segment] += int(np.count_nonzero(pixels))
        if identity.frame_of_reference_uid and image.geometry.frame_affines is not None:
            affine = image.geometry.frame_affines[frame]
            position = groups.PlanePositionSequence[0].ImagePositionPatient
            np.testing.assert_allclose(position, affine[:3, 3], atol=1e-5)
            owner = groups if "PlaneOrientationSequence" in groups else shared
            cosines = owner.PlaneOrientationSequence[0].ImageOrientationPatient
            spacing = shared.PixelMeasuresSequence[0].PixelSpacing
            np.testing.assert_allclose(np.array(cosines[3:]) * spacing[0], affine[:3, 0], atol=1e-5)
            np.testing.assert_allclose(np.array(cosines[:3]) * spacing[1], affine[:3, 1], atol=1e-5)
    assert seen == {n: mask.area() for n, mask in enumerate(masks, 1)}
    assert {i.ReferencedSOPInstanceUID for s in opened.ReferencedSeriesSequence
            for i in s.ReferencedInstanceSequence} <= set(identity.sop_instance_uids)  # fmt: skip


def segmentation_there_and_back(path, image: Image) -> list[Mask]:
    first = mask_on(image)
    second = Mask(first.reference, "Ödem", author="AB", frames={0: ~first.frame(0)})
    masks = [first, second, mask_on(image, 4, "Overlapping")]
    done = formats.write(masks, image, path, "dicom-seg")
    assert done.paths == [path]
    assert "patient's name" in done.notes[0]
    check_segmentation(path, masks, image)
    back = formats.read(path, image)
    assert all(same(a, b) for a, b in zip(masks, back, strict=True))
    assert back[0].colour == first.colour
    return masks


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("step", [3.3, -2.5])
def test_segmentation_of_single_frames(tmp_path, turn, step):
    image = single_frames(tmp_path / "in", TURNS[turn], step)
    assert image.frames == 5
    segmentation_there_and_back(tmp_path / "m.dcm", image)


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("step", [3.3, 0.0])
def test_segmentation_of_a_multi_frame_file(tmp_path, turn, step):
    path = tmp_path / "in.dcm"
    image = enhanced(path, TURNS[turn], step)
    segmentation_there_and_back(tmp_path / "m.dcm", image)


def test_segmentation_of_an_ultrasound_loop(tmp_path):
    image = ultrasound_loop(tmp_path / "us.dcm")
    segmentation_there_and_back(tmp_path / "m.dcm", image)
    dataset = pydicom.dcmread(tmp_path / "m.dcm")
    assert "FrameOfReferenceUID" not in dataset
    assert "PlanePositionSequence" not in dataset.PerFrameFunctionalGroupsSequence[0]


def test_a_segmentation_by_its_place_alone(tmp_path):
    image = single_frames(tmp_path / "in", TURNS["oblique"])
    mask, out = mask_on(image), tmp_path / "m.dcm"
    formats.write([mask], image, out, "dicom-seg")
    dataset = pydicom.dcmread(out)
    for groups in dataset.PerFrameFunctionalGroupsSequence:
        del groups.DerivationImageSequence
    dataset.save_as(out)
    assert dicom_seg_read.read(out, image)[0].same_pixels(mask)
    groups = dataset.PerFrameFunctionalGroupsSequence[0]
    position = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
    moved = position + 0.4 * image.geometry.frame_affines[0, :3, 0]
    groups.PlanePositionSequence[0].ImagePositionPatient = [f"{v:.8f}" for v in moved]
    dataset.save_as(out)
    with pytest.raises(MaskError, match="do not lie on the image's"):
        dicom_seg_read.read(out, image)
    other = single_frames(tmp_path / "other", TURNS["flipped"], 9.0)
    with pytest.raises(MaskError, match="another image"):
        dicom_seg_read.read(out, other)


def test_hostile_segmentations(tmp_path):
    image = single_frames(tmp_path / "in", TURNS["oblique"])
    out = tmp_path / "m.dcm"
    formats.write([mask_on(image)], image, out, "dicom-seg")
    whole = out.read_bytes()
    out.write_bytes(whole[:-50])
    with pytest.raises(MaskError, match="cannot be read as a mask"):
        formats.read(out, image)
    for keyword, value in (("Rows", 65000), ("NumberOfFrames", 2000000), ("Columns", 7)):
        out.write_bytes(whole)
        dataset = pydicom.dcmread(out)
        setattr(dataset, keyword, value)
        dataset.save_as(out)
        with pytest.raises(MaskError, match="cannot be read as a mask"):
            formats.read(out, image)
    with pytest.raises(MaskError, match="no Segmentation"):
        formats.read(image.identity.source_paths[0], image, kind="dicom-seg")
    with pytest.raises(MaskError, match="not from DICOM"):
        formats.write([mask_on(stack())], stack(), out, "dicom-seg")


# COCO and Label Studio


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


# Real files


@pytest.mark.data
@pytest.mark.parametrize(
    "name", ["sts_dicom_003", "muscle_myoqmri", "muscle_huashan/Input_data/Thigh_001_0000.nii.gz"]
)
def test_real_images_in_every_format(tmp_path, shared_data, name):
    if not (shared_data / name).exists():
        pytest.skip(f"{name} is not there")
    image = load(shared_data / name)
    mask = mask_on(image)
    for kind, file in NAMES.items():
        if kind == "dicom-seg" and not image.identity.sop_instance_uids:
            continue
        formats.write([mask], image, tmp_path / file, kind)
        (back,) = formats.read(tmp_path / file, image)
        assert back.same_pixels(mask), kind
        (tmp_path / "m.json").unlink(missing_ok=True)
    if image.geometry.slice_spacing:
        assert_lies_where_it_was_drawn(tmp_path / "m.nrrd", mask, image)
    if image.identity.sop_instance_uids:
        check_segmentation(tmp_path / "m.dcm", [mask], image)


def test_pictures_that_are_there_are_kept_and_said_only_where_they_differ(tmp_path):
    image = single_frames(tmp_path / "in", turned(2))
    mask = mask_on(image)
    (tmp_path / "out").mkdir()
    first = formats.write([mask], image, tmp_path / "out" / "a.json", "coco", with_pictures=True)
    shown = [p for p in first.paths if p.suffix == ".png"]
    again = formats.write(
        [mask], image, tmp_path / "out" / "b.json", "label-studio", with_pictures=True
    )
    assert again.paths == [tmp_path / "out" / "b.json"] and not again.notes
    other = np.asarray(Pillow.open(shown[0])).copy()
    other[0, 0] ^= 255
    Pillow.fromarray(other).save(shown[0])
    shown[1].write_bytes(b"no picture")
    kept = [p.read_bytes() for p in shown]
    third = formats.write([mask], image, tmp_path / "out" / "c.json", "coco", with_pictures=True)
    assert len(third.notes) == 2 and all("was kept" in note for note in third.notes)
    assert shown[0].name in third.notes[0] and "frame 1" in third.notes[0]
    assert [p.read_bytes() for p in shown] == kept
