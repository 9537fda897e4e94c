"""One way to write every exchange format, and the pictures that stand beside some."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Pillow

from engine.masks import formats
from engine.masks.formats.write import ExchangeFormat
from tests.engine.masks.formats.checks import check_segmentation
from tests.engine.masks.mask_images import (
    assert_lies_where_it_was_drawn,
    load,
    mask_on,
    single_frames,
    turned,
)

NAMES: dict[ExchangeFormat, str] = {
    "nifti": "m.nii.gz",
    "nrrd": "m.nrrd",
    "dicom-seg": "m.dcm",
    "coco": "m.json",
    "label-studio": "m.json",
}


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
