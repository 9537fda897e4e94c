"""Masks into a folder: safe names, whole files, and nothing overwritten."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image as Pillow

from engine.errors import MaskError
from engine.images.image import Image
from engine.images.reader import read
from engine.masks import formats
from engine.masks.formats import nifti, overlay, png, sidecar
from engine.masks.formats.export import export_all
from engine.masks.formats.files import safe_stem
from engine.masks.formats.grid import NO_GEOMETRY
from tests.engine.masks.mask_images import mask_on, stack


def test_names_are_safe_and_never_collide(tmp_path):
    image = Image(np.zeros((1, 20, 30), np.uint8))
    labels = [
        "Lesion",
        "lesion",
        "Lesion",
        "../../etc/passwd",
        "CON",
        "a" * 400,
        "肿瘤",
        "???",
        ".",
    ]
    masks = [mask_on(image, i, label) for i, label in enumerate(labels)]
    first = export_all(masks, image, tmp_path, ("png",))
    assert len(first.paths) == 2 * len(labels)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    assert len({n.casefold() for n in before}) == 2 * len(labels)
    assert {p.parent for p in first.paths} == {tmp_path}
    second = export_all(masks[:1], image, tmp_path, ("png",))
    assert [p.name for p in second.paths] == ["Lesion_4.png", "Lesion_4.json"]
    assert all((tmp_path / n).read_bytes() == data for n, data in before.items())
    for mask, path in zip(masks, first.paths[::2], strict=True):
        assert png.read(path, image).same_pixels(mask)
    assert safe_stem("CON") == "CON_"
    assert safe_stem("../../etc/passwd") == "etc_passwd"


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    image = Image(np.zeros((1, 20, 30), np.uint8))
    path = tmp_path / "m.png"
    png.export(mask_on(image), image, path)
    before = path.read_bytes()

    def full(self, target, **options):
        Path(target).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Pillow.Image, "save", full)
    with pytest.raises(MaskError, match=r"^“m.png” cannot be written \(no space left on device\);"):
        png.export(mask_on(image, 1), image, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["m.png"]
    blocked = tmp_path / "file"
    blocked.write_text("x")
    with pytest.raises(MaskError, match="cannot be made"):
        export_all([mask_on(image)], image, blocked / "folder")


def test_masks_of_another_size_do_not_go_out(tmp_path):
    image, other = stack(), stack(frames=4)
    mask = mask_on(other)
    for call in (
        lambda: png.export(mask, image, tmp_path / "m.png"),
        lambda: nifti.export(mask, image, tmp_path / "m.nii"),
        lambda: overlay.export([mask], image, 0, tmp_path / "o.png"),
        lambda: sidecar.export(mask, image, tmp_path / "m.json"),
        lambda: export_all([mask], image, tmp_path),
    ):
        with pytest.raises(MaskError, match="does not fit"):
            call()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.data
def test_a_busi_image_and_its_mask(shared_data, tmp_path):
    folder = shared_data / "busi" / "malignant"
    image = read(folder / "malignant (1).png")
    mask = png.read(folder / "malignant (1)_mask.png", image)
    assert mask.area() > 100
    done = export_all([mask], image, tmp_path)
    assert NO_GEOMETRY in done.notes
    values = sitk.GetArrayFromImage(sitk.ReadImage(str(done.paths[1])))
    np.testing.assert_array_equal(values[0] != 0, mask.frame(0))
    assert (formats.read(done.paths[-1], image))[0].same_pixels(mask)
