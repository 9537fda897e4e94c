"""Turning a stack: every value stays at its point in the patient."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from engine.errors import InvalidInputError
from engine.images import reader, voxels
from engine.images.image import Geometry, Identity, Image
from engine.images.orientation import edge_labels, plane_name
from engine.images.reslice import can_reslice, reslice, reslice_layout


def _stack(frames: int = 4, descending: bool = False) -> Image:
    """An oblique DICOM-like stack of 5 x 6 pixels, 0.8 x 0.5 mm, 3 mm apart."""
    tilt = 0.2
    col = np.array([np.cos(tilt), 0, -np.sin(tilt)])
    row = np.array([0.0, 1.0, 0.0])
    affines = np.tile(np.eye(4), (frames, 1, 1))
    affines[:, :3, 0], affines[:, :3, 1] = row * 0.8, col * 0.5
    affines[:, :3, 2] = np.cross(col, row) * 3
    step = np.cross(col, row) * (-3 if descending else 3)
    affines[:, :3, 3] = np.array([10, 20, 30]) + np.arange(frames)[:, None] * step
    return Image(
        pixels=np.arange(frames * 30, dtype=np.int16).reshape(frames, 5, 6),
        geometry=Geometry((0.8, 0.5), affines, 3.0),
        identity=Identity(sop_instance_uids=tuple("abcdefgh"[:frames])),
    )


def _points(image: Image) -> dict[tuple[float, ...], int]:
    """Point in the patient (rounded) to value, for every pixel."""
    found = {}
    for frame in range(image.frames):
        affine = image.geometry.frame_affines[frame]  # type: ignore[index]
        for row in range(image.shape[0]):
            for col in range(image.shape[1]):
                point = np.round(affine @ (row, col, 0, 1), 3)[:3] + 0.0
                found[tuple(point.tolist())] = int(image.pixels[frame, row, col])
    return found


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("descending", [False, True])
def test_every_value_stays_where_it_is(axis: int, descending: bool) -> None:
    image = _stack(descending=descending)
    turned = reslice(image, axis)
    assert _points(turned) == _points(image)
    assert turned.geometry.spacing == pytest.approx({1: (3.0, 0.5), 2: (3.0, 0.8)}[axis])
    assert turned.geometry.slice_spacing == pytest.approx({1: 0.8, 2: 0.5}[axis])
    labels = edge_labels(turned)
    assert (labels.left, labels.top) == {1: ("R", "H"), 2: ("A", "H")}[axis]
    plane = plane_name(turned.geometry.frame_affines[0])  # type: ignore[index]
    assert plane == {1: "coronal", 2: "sagittal"}[axis]
    assert turned.identity.sop_instance_uids == ()


def test_a_mask_goes_back() -> None:
    image = _stack()
    turned = reslice(image, 1)
    mask = turned.pixels > 60
    back = voxels.to_voxels(mask, reslice_layout(image, 1))
    assert np.array_equal(back, image.pixels > 60)


@pytest.mark.parametrize("placed", [True, False])
def test_a_file_volume_keeps_its_layout(tmp_path: Path, placed: bool) -> None:
    stored = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5)
    affine = np.array([[0, 2.0, 0, 1], [-1, 0, 0, 2], [0, 0, 3, 3], [0, 0, 0, 1]])
    nib.save(nib.Nifti1Image(stored, affine if placed else None), tmp_path / "v.nii")
    image = reader.read(tmp_path / "v.nii")
    for axis in (1, 2):
        turned = reslice(image, axis)
        assert turned.geometry.layout is not None
        assert np.array_equal(voxels.to_voxels(turned.pixels, turned.geometry.layout), stored)
        direct = reader.read(tmp_path / "v.nii", axis=turned.geometry.layout.axes[0])
        assert np.array_equal(direct.pixels, turned.pixels)
        assert direct.geometry.spacing == pytest.approx(turned.geometry.spacing)
        if placed:
            assert np.allclose(direct.geometry.frame_affines, turned.geometry.frame_affines)


def test_uneven_stacks_are_refused() -> None:
    image = _stack()
    affines = image.geometry.frame_affines.copy()  # type: ignore[union-attr]
    affines[2, :3, 3] += 1.0
    uneven = replace(image, geometry=replace(image.geometry, frame_affines=affines))
    assert can_reslice(image)
    assert not can_reslice(uneven)
    with pytest.raises(InvalidInputError, match="evenly spaced"):
        reslice(uneven, 1)
    with pytest.raises(InvalidInputError):
        reslice(Image(pixels=np.zeros((3, 4, 4))), 2)
    assert reslice(uneven, 0) is uneven
