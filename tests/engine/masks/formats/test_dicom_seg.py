"""DICOM Segmentations by place and by reference: told by highdicom and pydicom."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from engine.errors import MaskError
from engine.images.image import Image
from engine.masks import formats
from engine.masks.formats import dicom_seg_read
from engine.masks.mask import Mask
from tests.engine.masks.formats.checks import check_segmentation, same
from tests.engine.masks.mask_images import (
    TURNS,
    enhanced,
    mask_on,
    single_frames,
    stack,
    ultrasound_loop,
)


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
