"""Pictures and volumes with the masks that lie beside them."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from engine.errors import UnreadableImageError
from engine.images.reference import read_reference_mask, read_reference_volume
from engine.images.scan import scan
from tests.engine.images.pictures import picture, square


def test_busi_style_pairs_in_natural_order(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        stem = f"benign ({number})"
        picture(tmp_path / f"{stem}.png", np.full((20, 30), number, np.uint8))
        picture(tmp_path / f"{stem}_mask.png", square(2))
    picture(tmp_path / "benign (2)_mask_1.png", square(10))
    cases = scan([tmp_path]).cases
    assert [case.title for case in cases] == ["benign (1)", "benign (2)", "benign (10)"]
    both = read_reference_mask(cases[1].series[0])
    assert both.dtype == np.bool_
    assert np.array_equal(both, (square(2) | square(10)) > 0)
    assert len(cases[1].series[0].reference_masks) == 2
    assert np.array_equal(read_reference_mask(cases[0].series[0]), square(2) > 0)


def test_sibling_folders_and_volumes(tmp_path: Path) -> None:
    picture(tmp_path / "Images" / "bus_0001-l.png", np.zeros((20, 30), np.uint8))
    picture(tmp_path / "Masks" / "mask_0001-l.png", square(1))
    picture(tmp_path / "Images" / "bus_0002-l.png", np.zeros((20, 30), np.uint8))
    picture(tmp_path / "Masks" / "bus_0002-l.png", square(4))
    mask = np.zeros((5, 6, 7), np.uint8)
    mask[1, 2, 3] = 1
    for name, voxels in (("image", np.zeros((5, 6, 7), np.int16)), ("mask", mask)):
        nib.save(nib.Nifti1Image(voxels, np.diag([1, 1, 3, 1])), tmp_path / f"MR_{name}.nii.gz")
    cases = {case.title: case.series[0] for case in scan([tmp_path]).cases}
    assert set(cases) == {"bus_0001-l", "bus_0002-l", "MR_image"}
    assert np.array_equal(read_reference_mask(cases["bus_0001-l"]), square(1) > 0)
    assert np.array_equal(read_reference_mask(cases["bus_0002-l"]), square(4) > 0)
    volume = read_reference_volume(cases["MR_image"])
    assert volume.shape == (7, 6, 5)
    assert volume.sum() == 1
    assert volume[3].any()


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", np.zeros((20, 31), np.uint8))
    picture(tmp_path / "a_mask.png", square(1))
    (case,) = scan([tmp_path]).cases
    with pytest.raises(UnreadableImageError, match="20 × 30 pixels and its image 20 × 31"):
        read_reference_mask(case.series[0])


def test_a_mask_without_its_image_is_shown(tmp_path: Path) -> None:
    picture(tmp_path / "a_mask.png", square(1))
    (case,) = scan([tmp_path]).cases
    assert case.title == "a_mask"
