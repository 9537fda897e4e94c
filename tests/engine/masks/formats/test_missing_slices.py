"""A mask lands on the slices that it was drawn on, or nowhere, when some of them are left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.errors import MaskError
from engine.images.image import Image
from engine.masks import formats
from engine.masks.formats import coco, export_all, nifti, nrrd, pictures, png
from engine.masks.mask import ImageReference, Mask
from tests.engine.masks.mask_images import load, single_frames


def number(image: Image, frame: int) -> int:
    return int(image.identity.source_paths[frame].stem)


def numbered(image: Image) -> Mask:
    """Each slice holds as many marked rows as its number in the series, from 1."""
    frames = {}
    for index in range(image.frames):
        frames[index] = np.zeros(image.shape, np.bool_)
        frames[index][: number(image, index) + 1, 3:9] = True
    return Mask(ImageReference.of(image), frames=frames)


def lands(masks: list[Mask], image: Image) -> list[int]:
    """Return the slices' numbers in the series, each with its own pixels."""
    found = []
    for mask in masks:
        for index, pixels in mask.frames.items():
            assert int(pixels.any(axis=1).sum()) == number(image, index) + 1
            found.append(number(image, index))
    return found


@pytest.fixture
def both(tmp_path: Path) -> tuple[Image, Image]:
    """Five slices, and what opens of them when the third is cut short."""
    whole = single_frames(tmp_path / "series", np.eye(3))
    third = tmp_path / "series" / "2.dcm"
    third.write_bytes(third.read_bytes()[:-20])
    return whole, load(tmp_path / "series")


def test_numbered_pictures_go_by_the_uids_beside_them(both, tmp_path):
    whole, left = both
    for name, drawn, opened in (("before", whole, left), ("after", left, whole)):
        export_all([numbered(drawn)], drawn, tmp_path / name, ["png"])
        paths = sorted((tmp_path / name).glob("*.png"))
        assert len(paths) == drawn.frames
        read = [p for p in paths if number(drawn, int(p.stem[-3:]) - 1) != 2]
        assert lands([m for p in read for m in formats.read(p, opened, 0)], opened) == [0, 1, 3, 4]
    with pytest.raises(MaskError, match="a slice that this image lacks"):
        formats.read(tmp_path / "before" / "Lesion_f003.png", left, 0)


def test_a_number_alone_is_not_trusted_where_it_may_mean_two_slices(both, tmp_path):
    whole, left = both
    paths = png.export(numbered(whole), whole, tmp_path / "m.png")
    for at in (0, 1, 4):  # the fifth cannot be counted among the four that could be read
        assert lands(formats.read(paths[at], left, 3), left) == [at]
    for at in (2, 3):
        with pytest.raises(MaskError, match=rf"the {at + 1} in its name does not say for sure"):
            formats.read(paths[at], left, 3)
        assert pictures.match(left, None, f"{pictures.name(whole, at)}") is None
    plain = paths[3].rename(tmp_path / "plain.png")
    assert lands(formats.read(plain, left, 2), left) == [3]


def test_a_picture_goes_where_its_name_says_whatever_slice_is_shown(both, tmp_path):
    whole, _ = both
    for path in png.export(numbered(whole), whole, tmp_path / "m.png"):
        assert lands(formats.read(path, whole, 1), whole) == [int(path.stem[-3:]) - 1]


def test_other_formats_go_by_uids_or_say_why_not(both, tmp_path):
    whole, left = both
    mask = numbered(whole)
    coco.export([mask], whole, tmp_path / "m.json")
    assert lands(formats.read(tmp_path / "m.json", left), left) == [0, 1, 3, 4]
    nifti.export(mask, whole, tmp_path / "m.nii.gz")
    nrrd.export([mask], whole, tmp_path / "m.nrrd")
    for path in (tmp_path / "m.nii.gz", tmp_path / "m.nrrd"):
        with pytest.raises(MaskError) as caught:
            formats.read(path, left)
        assert str(caught.value) == (
            f"{path.name} cannot be read as a mask: slices are missing from the image, after slice "
            "2, so its voxels cannot be laid on it; use a DICOM Segmentation, or PNG, one file a "
            "slice."
        )
