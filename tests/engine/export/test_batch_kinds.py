"""Batches of every kind of image, and of images that are gone: right, or one clear sentence."""

from __future__ import annotations

import json
from pathlib import Path

import highdicom
import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from PIL import Image as Pillow

from engine.export.batch import Item, export
from engine.export.sources import TURNED, masks_of
from engine.export.wanted import Wanted
from engine.images.image import Image
from engine.images.reslice import reslice
from engine.images.scan import scan
from engine.masks import formats
from engine.masks.autosave import Autosave
from engine.masks.document import MaskDocument
from engine.masks.mask import Mask
from engine.masks.reslice import as_acquired
from engine.measure import store
from engine.measure.document import MeasureDocument
from engine.measure.measurement import Measurement

from ..masks.mask_images import (
    assert_lies_where_it_was_drawn,
    enhanced,
    load,
    mask_on,
    single_frames,
    turned,
    ultrasound_loop,
)

ALL = ("png", "nifti", "nrrd", "dicom-seg", "coco", "label-studio")


def item_of(path: Path, **more: object) -> Item:
    (case,) = scan([path]).cases
    return Item(case, case.series[0], **more)  # type: ignore[arg-type]


def segmented(path: Path, image: Image) -> np.ndarray:
    """What a Segmentation marks, by the source instances and frames that it refers to."""
    made = highdicom.seg.segread(path)
    found = np.zeros(image.pixels.shape[:3], bool)
    identity = image.identity
    places = list(zip(identity.sop_instance_uids, identity.sop_frames, strict=True))
    stored = made.pixel_array.reshape(-1, *image.shape)
    for pixels, groups in zip(stored, made.PerFrameFunctionalGroupsSequence, strict=True):
        source = groups.DerivationImageSequence[0].SourceImageSequence[0]
        number = int(source.get("ReferencedFrameNumber", 1))
        found[places.index((source.ReferencedSOPInstanceUID, number))] |= pixels > 0
    return found


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_mask_along_another_axis_marks_the_same_voxels(tmp_path: Path, axis):
    image = single_frames(tmp_path / "in", turned(5))
    cut = reslice(image, axis)
    mask = mask_on(cut, 3)
    back = as_acquired(mask, image, axis)
    assert (back.id, back.label, back.area()) == (mask.id, mask.label, mask.area())
    rows, cols = np.mgrid[: image.shape[0], : image.shape[1]]
    at = np.stack([rows, cols, np.zeros_like(rows), np.ones_like(rows)], axis=-1)
    centres = np.einsum("fij,rcj->frci", image.geometry.frame_affines, at)[..., :3]
    for frame, pixels in mask.frames.items():
        for row, col in np.argwhere(pixels)[::11]:
            world = cut.geometry.frame_affines[frame] @ (row, col, 0, 1)
            away = np.linalg.norm(centres - world[:3], axis=-1)
            assert away.min() < 1e-3
            assert back.volume()[np.unravel_index(away.argmin(), away.shape)]


@pytest.mark.parametrize("axis", [1, 2])
def test_a_stack_on_screen_along_another_axis_goes_out_as_acquired(tmp_path: Path, axis):
    image = single_frames(tmp_path / "in", turned(6))
    mask = mask_on(reslice(image, axis), 1)
    expected = as_acquired(mask, image, axis)
    item = item_of(tmp_path / "in", image=image, masks=(mask,), axis=axis)
    summary = export([item], tmp_path / "out", Wanted(masks=ALL, images=True))
    assert not summary.failed
    assert any(TURNED in note for note in summary.notes)
    case = tmp_path / "out" / "case_001"
    np.testing.assert_array_equal(segmented(case / "masks.dcm", image), expected.volume())
    assert_lies_where_it_was_drawn(case / "Lesion.nii.gz", expected, image)
    assert_lies_where_it_was_drawn(case / "Lesion.nrrd", expected, image)
    for name in ("masks.coco.json", "masks.tasks.json", "Lesion.json"):
        (back,) = formats.read(case / name, image)
        assert back.same_pixels(expected)
    again = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(case / "images")))
    assert again.GetSize()[::-1] == image.pixels.shape


def test_covers_along_another_axis_are_not_passed_over_in_silence(tmp_path: Path):
    image = single_frames(tmp_path / "in", turned(7))
    cut = reslice(image, 2)
    item = item_of(tmp_path / "in", image=image, masks=(), axis=2)
    hidden = Wanted(images=True, deidentify=True)
    assert not export([item], tmp_path / "before", hidden).failed
    document = MeasureDocument()
    document.add(Measurement("cover", 0, ((1.0, 2.0), (4.0, 9.0))))
    store.save(cut.key, document)
    (failure,) = export([item], tmp_path / "out", hidden).failed
    assert "cover burnt-in text there" in failure.sentence
    assert not list((tmp_path / "out").rglob("*.dcm"))
    plain = export([item], tmp_path / "plain", Wanted(images=True))
    assert not plain.failed and any("along another axis" in note for note in plain.notes)


def test_masks_saved_along_another_axis_are_found(tmp_path: Path):
    image = single_frames(tmp_path / "in", turned(8))
    for axis in (0, 2):
        document = MaskDocument(reslice(image, axis))
        saver = Autosave(document)
        document.import_mask(mask_on(reslice(image, axis), axis, f"Axis {axis}"))
        assert saver.close()
    summary = export([item_of(tmp_path / "in")], tmp_path / "out", Wanted(masks=("dicom-seg",)))
    assert not summary.failed and any(TURNED in note for note in summary.notes)
    found = formats.read(tmp_path / "out" / "case_001" / "masks.dcm", image)
    assert {mask.label: mask.area() for mask in found} == {
        f"Axis {axis}": mask_on(reslice(image, axis), axis).area() for axis in (0, 2)
    }


def test_masks_along_another_axis_are_found_also_when_they_were_looked_for_before(tmp_path: Path):
    image = single_frames(tmp_path / "in", turned(9))
    cut = reslice(image, 1)
    saver = Autosave(MaskDocument(cut))  # a window that is open and has nothing drawn yet
    document = MaskDocument(cut)
    other = Autosave(document)  # and another one
    assert masks_of(image, item_of(tmp_path / "in").series) == ([], [])
    document.import_mask(mask_on(cut, 2, "Later"))
    assert other.close()
    found, notes = masks_of(image, item_of(tmp_path / "in").series)
    assert [mask.label for mask in found] == ["Later"] and TURNED in notes
    assert saver.close()


@pytest.mark.parametrize("step", [3.3, -2.5, 0.0])
def test_a_multi_frame_file(tmp_path: Path, step):
    image = enhanced(tmp_path / "in.dcm", turned(4), step=step)
    mask = mask_on(image, 2)
    item = item_of(tmp_path / "in.dcm", masks=(mask,))
    summary = export([item], tmp_path / "out", Wanted(masks=ALL, images=True))
    assert not summary.failed
    case = tmp_path / "out" / "case_001"
    np.testing.assert_array_equal(segmented(case / "masks.dcm", image), mask.volume())
    for name in ("Lesion.nii.gz", "Lesion.nrrd", "masks.coco.json", "masks.tasks.json"):
        (back,) = formats.read(case / name, image)
        assert back.same_pixels(mask), name
    if step:
        assert_lies_where_it_was_drawn(case / "Lesion.nii.gz", mask, image)
    (copy,) = (case / "images").iterdir()
    stored = pydicom.dcmread(copy).pixel_array[[n - 1 for n in image.identity.sop_frames]]
    np.testing.assert_array_equal(stored, image.pixels)


def test_a_colour_loop(tmp_path: Path):
    image = ultrasound_loop(tmp_path / "in.dcm")
    mask = mask_on(image, 2)
    item = item_of(tmp_path / "in.dcm", masks=(mask,))
    wanted = Wanted(masks=ALL, images=True, overlays=True, figures=("png",), report=True)
    summary = export([item], tmp_path / "out", wanted)
    assert not summary.failed
    case = tmp_path / "out" / "case_001"
    np.testing.assert_array_equal(segmented(case / "masks.dcm", image), mask.volume())
    drawn = sorted(mask.frames)
    data = json.loads((case / "masks.coco.json").read_text("utf-8"))
    for entry, frame in zip(data["images"], drawn, strict=True):
        shown = np.asarray(Pillow.open(case / entry["file_name"]))
        np.testing.assert_array_equal(shown, image.pixels[frame])
    assert np.asarray(nib.load(case / "Lesion.nii.gz").dataobj).sum() == mask.area()
    assert (case / "report.pdf").is_file() and (case / f"masks_f{drawn[0] + 1:03d}.png").is_file()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "I;16"])
def test_pictures_of_every_colour(tmp_path: Path, mode):
    (tmp_path / "in").mkdir()
    rng = np.random.default_rng(0)
    if mode == "I;16":
        picture = Pillow.fromarray(rng.integers(0, 60000, (20, 30), np.uint16))
    else:
        picture = Pillow.fromarray(rng.integers(0, 255, (20, 30, 3), np.uint8)).convert(mode)
    picture.save(tmp_path / "in" / "a.png")
    image = load(tmp_path / "in")
    mask = mask_on(image)
    item = item_of(tmp_path / "in", masks=(mask,))
    kinds = tuple(kind for kind in ALL if kind != "dicom-seg")
    summary = export([item], tmp_path / "out", Wanted(masks=kinds, images=True))
    assert not summary.failed
    case = tmp_path / "out" / "case_001"
    shown = np.asarray(Pillow.open(case / "images" / "image.png"))
    np.testing.assert_array_equal(shown, image.pixels[0])
    for name in ("Lesion.png", "Lesion.nii.gz", "Lesion.nrrd", "masks.coco.json"):
        (back,) = formats.read(case / name, image)
        assert back.same_pixels(mask), name


@pytest.mark.parametrize("kind", ["png", "dcm", "nii.gz"])
def test_a_file_that_is_gone_costs_its_case_and_says_so(tmp_path: Path, kind):
    folder = tmp_path / "in"
    folder.mkdir()
    if kind == "png":
        Pillow.fromarray(np.zeros((20, 30), np.uint8)).save(folder / "gone.png")
    elif kind == "dcm":
        enhanced(folder / "gone.dcm", turned(1))
    else:
        nib.save(
            nib.Nifti1Image(np.zeros((20, 30, 4), np.int16), np.eye(4)), folder / "gone.nii.gz"
        )
    gone = item_of(folder)
    there = item_of(single_frames(tmp_path / "there", turned(2)) and tmp_path / "there")
    mask: Mask = mask_on(there.series.load(None))
    there = Item(there.case, there.series, masks=(mask,))
    next(folder.iterdir()).unlink()
    summary = export([gone, there], tmp_path / "out", Wanted(masks=("png",), images=True))
    (failure,) = summary.failed
    assert failure.what == "case_001"
    assert "cannot be read" in failure.sentence and failure.sentence.count(". ") == 0
    assert "Error" not in failure.sentence and "Errno" not in failure.sentence
    assert (tmp_path / "out" / "case_002" / "Lesion.json").is_file()


def test_a_file_that_has_gone_since_it_was_opened(tmp_path: Path):
    image = single_frames(tmp_path / "in", turned(2))
    item = item_of(tmp_path / "in", image=image, masks=(mask_on(image),))
    for path in (tmp_path / "in").iterdir():
        path.unlink()
    summary = export([item], tmp_path / "out", Wanted(masks=("nifti", "dicom-seg"), images=True))
    said = {failure.what: failure.sentence for failure in summary.failed}
    assert "put it back" in said["case_001, dicom-seg"]
    assert "put it back" in said["case_001, images"]
    assert "make room" not in said["case_001, images"]
    case = tmp_path / "out" / "case_001"
    (back,) = formats.read(case / "Lesion.nii.gz", image)
    assert back.same_pixels(mask_on(image))
    assert not list(case.rglob("*partial*"))
