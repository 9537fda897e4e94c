"""NIfTI: every axis and flip against SimpleITK, masks back on the grid, data types, damage."""

from __future__ import annotations

import gzip
import struct
from itertools import permutations, product
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray

from engine.errors import UnreadableImageError
from engine.images import limits, nifti, reader, voxels
from engine.images.orientation import edge_labels
from engine.images.scan import scan

SHAPE = (5, 6, 7)
ALL_ORIENTATIONS = [
    (order, signs) for order in permutations(range(3)) for signs in product((1, -1), repeat=3)
]


def _affine(order: tuple[int, ...], signs: tuple[int, ...], tilt: float = 0.0) -> NDArray:
    """Voxel axis i runs along world axis order[i] with signs[i]; optionally tilted."""
    matrix = np.zeros((3, 3))
    for voxel_axis, (world, sign) in enumerate(zip(order, signs, strict=True)):
        matrix[world, voxel_axis] = sign * (1.0 + 0.5 * voxel_axis)
    cos, sin = np.cos(tilt), np.sin(tilt)
    turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    turn = turn @ np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ matrix
    affine[:3, 3] = (11.0, -23.0, 37.0)
    return affine


def _save(path: Path, stored: NDArray, affine: NDArray, second: bool = False) -> Path:
    image_class = nib.Nifti2Image if second else nib.Nifti1Image
    image = image_class(stored, affine, dtype=stored.dtype)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, 1)
    image.set_qform(affine, 1)
    nib.save(image, path)
    return path


@pytest.mark.parametrize("tilt", [0.0, 0.35])
def test_pixels_and_places_agree_with_simpleitk(tmp_path: Path, tilt: float) -> None:
    """Every voxel value is found at the very point in the patient where SimpleITK has it."""
    stored = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)
    path = tmp_path / "volume.nii"
    for order, signs in ALL_ORIENTATIONS:
        _save(path, stored, _affine(order, signs, tilt))
        theirs = sitk.ReadImage(str(path))
        for axis in (0, 1, 2):
            image = reader.read(path, axis=axis)
            affines = image.geometry.frame_affines
            assert affines is not None
            for frame, row, col in ((0, 0, 0), (1, 2, 3), (image.frames - 1, 4, 1)):
                point = affines[frame] @ (row, col, 0, 1)
                index = theirs.TransformPhysicalPointToContinuousIndex(point[:3].tolist())
                nearest = [round(i) for i in index]
                assert np.allclose(index, nearest, atol=1e-3)
                assert theirs.GetPixel(*nearest) == image.pixels[frame, row, col]


def test_radiological_orientation_whatever_the_storage(tmp_path: Path) -> None:
    stored = np.zeros(SHAPE, np.uint8)
    path = tmp_path / "volume.nii.gz"
    expected = {2: ("R", "L", "A", "P"), 1: ("R", "L", "H", "F"), 0: ("A", "P", "H", "F")}
    for order, signs in ALL_ORIENTATIONS:
        _save(path, stored, _affine(order, signs))
        for voxel_axis, world in enumerate(order):
            image = reader.read(path, axis=voxel_axis)
            assert tuple(edge_labels(image, 0)) == expected[world], (order, signs, voxel_axis)
            places = image.geometry.frame_affines[:, :3, 3]  # type: ignore[index]
            towards = (places[-1] - places[0])[world]
            assert towards > 0  # to the left, posterior, head


def test_layout_takes_frames_back_to_the_grid(tmp_path: Path) -> None:
    stored = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)
    path = tmp_path / "volume.nii"
    for order, signs in ALL_ORIENTATIONS[::5]:
        _save(path, stored, _affine(order, signs))
        for axis in (0, 1, 2):
            image = reader.read(path, axis=axis)
            assert image.geometry.layout is not None
            assert image.geometry.layout.shape == SHAPE
            back = voxels.to_voxels(image.pixels, image.geometry.layout)
            assert np.array_equal(back, stored)


def test_45_degrees_names_no_axis_twice() -> None:
    affine = _affine((0, 1, 2), (1, 1, 1), np.pi / 4)
    axes, _ = voxels.anatomical_axes(affine)
    assert sorted(axes) == [0, 1, 2]


def test_default_axis_is_the_acquired_one(tmp_path: Path) -> None:
    for thick in range(3):
        affine = np.diag([1.0, 1.0, 1.0, 1.0])
        affine[thick, thick] = 4.0
        path = _save(tmp_path / "thick.nii", np.zeros((8, 8, 8), np.uint8), affine)
        assert reader.read(path).geometry.layout.axes[0] == thick  # type: ignore[union-attr]
        assert reader.read(path).geometry.slice_spacing == pytest.approx(4.0)
    # Isotropic: axial, that is along the axis that runs to the head.
    same = np.diag([1.0, 1 / 1.5, 1 / 2, 1.0])
    path = _save(
        tmp_path / "iso.nii",
        np.zeros((8, 8, 8), np.uint8),
        _affine((2, 0, 1), (1, 1, 1)) @ same,
    )
    assert reader.read(path).geometry.layout.axes[0] == 0  # type: ignore[union-attr]


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("dtype", ["u1", "i1", "<i2", ">i2", "u2", "i4", "u4", "f4", "f8", "i8"])
def test_data_types(tmp_path: Path, dtype: str, second: bool) -> None:
    stored = np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(dtype)
    path = _save(tmp_path / "volume.nii.gz", stored, np.eye(4), second)
    image = reader.read(path, axis=2)
    back = voxels.to_voxels(image.pixels, image.geometry.layout)  # type: ignore[arg-type]
    assert np.array_equal(back, stored)
    assert image.pixels.dtype.isnative
    assert image.pixels.dtype.itemsize <= 4


def test_scaling_is_applied(tmp_path: Path) -> None:
    stored = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    image = nib.Nifti1Image(stored, np.eye(4))
    image.header.set_slope_inter(0.5, -3.0)
    # nibabel rescales on saving, so the raw values are written behind its back.
    path = tmp_path / "scaled.nii"
    with path.open("wb") as file:
        header = image.header.copy()
        header["magic"], header["vox_offset"] = b"n+1", 352
        header.write_to(file)
        file.write(b"\0" * (352 - file.tell()) + stored.tobytes(order="F"))
    read = reader.read(path, axis=2)
    assert read.pixels.dtype == np.float32
    back = voxels.to_voxels(read.pixels, read.geometry.layout)  # type: ignore[arg-type]
    assert np.allclose(back, stored * 0.5 - 3.0)


def test_colour(tmp_path: Path) -> None:
    rgb = np.zeros((3, 4, 5), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    rgb["R"], rgb["B"] = 200, np.arange(60).reshape(3, 4, 5)
    image = reader.read(_save(tmp_path / "rgb.nii", rgb, np.eye(4)), axis=2)
    assert image.is_colour
    back = voxels.to_voxels(image.pixels, image.geometry.layout)  # type: ignore[arg-type]
    assert np.array_equal(back[..., 2], rgb["B"])
    assert (back[..., 0] == 200).all()


def test_four_dimensions_become_series(tmp_path: Path) -> None:
    stored = np.arange(2 * 3 * 4 * 5, dtype=np.int16).reshape(2, 3, 4, 5)
    path = _save(tmp_path / "time.nii.gz", stored, np.eye(4))
    (case,) = scan([path]).cases
    assert len(case.series) == 5
    for volume, series in enumerate(case.series):
        image = series.load(None)
        back = voxels.to_voxels(image.pixels, image.geometry.layout)  # type: ignore[arg-type]
        assert np.array_equal(back, stored[..., volume])
        assert image.identity.volume == volume
    assert len({series.load(None).key for series in case.series}) == 5


def test_units_other_than_millimetres(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.zeros((4, 4, 4), np.uint8), np.diag([1e-3, 1e-3, 2e-3, 1]))
    image.header.set_xyzt_units("meter")
    nib.save(image, tmp_path / "metres.nii")
    geometry = reader.read(tmp_path / "metres.nii").geometry
    assert geometry.spacing == pytest.approx((1.0, 1.0))
    assert geometry.slice_spacing == pytest.approx(2.0)


def test_without_orientation_no_labels(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.zeros((4, 5, 6), np.uint8), None)
    image.header.set_zooms((1, 1, 3))
    nib.save(image, tmp_path / "where.nii")
    read = reader.read(tmp_path / "where.nii")
    assert read.geometry.frame_affines is None
    assert tuple(edge_labels(read, 0)) == ("", "", "", "")
    assert read.geometry.spacing == (1, 1)
    assert any("does not say how the patient lies" in note for note in read.notes)


def test_wrong_gzip_suffixes(tmp_path: Path) -> None:
    stored = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    plain = _save(tmp_path / "plain.nii", stored, np.eye(4))
    misnamed = tmp_path / "misnamed.nii.gz"
    misnamed.write_bytes(plain.read_bytes())
    zipped = tmp_path / "zipped.nii"
    zipped.write_bytes(gzip.compress(plain.read_bytes()))
    want = reader.read(plain).pixels
    assert np.array_equal(reader.read(misnamed).pixels, want)
    assert np.array_equal(reader.read(zipped).pixels, want)


def _header(**fields: object) -> bytes:
    header = nib.Nifti1Header()
    header.set_data_shape((4, 4, 4))
    header.set_data_dtype(np.int16)
    header["vox_offset"], header["magic"] = 352, b"n+1"
    for name, value in fields.items():
        header[name] = value
    return header.binaryblock + b"\0" * 4


@pytest.mark.parametrize(
    ("fields", "clause"),
    [
        ({"dim": [3, 9000, 9000, 1, 1, 1, 1, 1]}, "million that a frame may have"),
        ({"dim": [3, 1, 9000, 9000, 1, 1, 1, 1]}, "million that a frame may have"),
        ({"dim": [3, 8000, 8000, 8000, 1, 1, 1, 1]}, "GiB"),
        ({"dim": [4, 4, 4, 4, 32767, 1, 1, 1]}, "volumes"),
        ({"dim": [3, -4, 4, 4, 1, 1, 1, 1]}, "no sensible dimensions"),
        ({"dim": [9, 4, 4, 4, 1, 1, 1, 1]}, "no sensible dimensions"),
        ({"dim": [3, 500, 500, 500, 1, 1, 1, 1]}, "cut short"),
        ({"vox_offset": 3e9}, "impossible offset"),
        ({"vox_offset": np.nan}, "impossible offset"),
        ({"datatype": 9999}, "header is damaged"),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_hostile_headers(
    tmp_path: Path, fields: dict[str, object], clause: str, zipped: bool
) -> None:
    content = _header(**fields) + b"\0" * 128
    path = tmp_path / ("hostile.nii.gz" if zipped else "hostile.nii")
    path.write_bytes(gzip.compress(content) if zipped else content)
    with pytest.raises(UnreadableImageError) as caught:
        reader.read(path)
    assert clause in str(caught.value)


def test_gzip_bomb_unpacks_no_more_than_the_header_says(tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "bomb.nii.gz"
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write(_header())
        for _ in range(64):
            file.write(bytes(1 << 20))
    tracemalloc.start()
    image = reader.read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert image.pixels.size == 64
    assert peak < 8 << 20


def test_cut_short_anywhere(tmp_path: Path) -> None:
    stored = np.random.default_rng(0).integers(0, 999, SHAPE).astype(np.int16)
    for name in ("whole.nii", "whole.nii.gz"):
        content = _save(tmp_path / name, stored, np.eye(4)).read_bytes()
        path = tmp_path / ("cut" + name[5:])
        end = len(content) - (9 if name.endswith("gz") else 1)
        for length in range(0, end, 7):
            path.write_bytes(content[:length])
            with pytest.raises(UnreadableImageError):
                reader.read(path)


def test_analyze_is_refused_because_left_is_unknown(tmp_path: Path) -> None:
    nib.AnalyzeImage(np.zeros((2, 3, 4), np.int16), np.eye(4)).to_filename(tmp_path / "old.hdr")
    with pytest.raises(UnreadableImageError, match="where left is"):
        reader.read(tmp_path / "old.hdr")


def test_missing_half_of_a_pair(tmp_path: Path) -> None:
    nib.Nifti1Pair(np.zeros((2, 3, 4), np.int16), np.eye(4)).to_filename(tmp_path / "a.hdr")
    (tmp_path / "a.img").unlink()
    with pytest.raises(UnreadableImageError, match=r"a\.img is missing"):
        reader.read(tmp_path / "a.hdr")


def test_not_a_number_is_noted(tmp_path: Path) -> None:
    stored = np.ones((2, 3, 4), np.float32)
    stored[0, 0, 0] = np.nan
    image = reader.read(_save(tmp_path / "nan.nii", stored, np.eye(4)))
    assert any("not numbers" in note for note in image.notes)


def test_header_alone_agrees_with_the_image(tmp_path: Path) -> None:
    path = _save(tmp_path / "v.nii.gz", np.zeros((4, 5, 6), np.int16), np.diag([1, 1, 3, 1.0]))
    head = nifti.read_header(path)
    assert (head.shape, head.volumes, head.oriented) == ((4, 5, 6), 1, True)
    assert struct.calcsize("h") * 120 < limits.MAX_DECODED_BYTES
