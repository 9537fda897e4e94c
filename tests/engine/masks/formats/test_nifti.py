"""NIfTI masks lie where they were drawn: told by SimpleITK, which shares none of the code."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image as Pillow

from engine.errors import MaskError
from engine.images import nifti as image_nifti
from engine.images.image import Geometry, Image
from engine.images.scan import scan
from engine.masks import formats
from engine.masks.formats import nifti
from engine.masks.formats.export import export_all
from engine.masks.formats.grid import NO_GEOMETRY, NoGridError
from engine.masks.mask import ImageReference, Mask
from tests.engine.masks.formats.checks import garbled, refused
from tests.engine.masks.mask_images import (
    assert_lies_where_it_was_drawn,
    mask_on,
    stack,
    turned,
)

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
OBLIQUE = turned(7)


def oblique_affine(zooms, seed=3, mirrored=False) -> np.ndarray:
    affine = np.eye(4)
    turn = turned(seed)
    if mirrored:
        turn[:, 0] *= -1
    affine[:3, :3] = turn * np.asarray(zooms)
    affine[:3, 3] = (-31.25, 17.5, 404.125)
    return affine


ZOOMS = (0.9, 1.3, 4.0)
SOURCES = {
    "axis-aligned": np.diag([-0.9, -1.3, 4.0, 1.0]),
    "flipped": np.diag([0.9, -1.3, -4.0, 1.0]),
    "oblique": oblique_affine(ZOOMS),
    "oblique and mirrored": oblique_affine(ZOOMS, 11, True),
    "permuted": np.diag([0.9, 1.3, 4.0, 1.0])[:, [2, 0, 1, 3]],
}


def volume_file(path: Path, affine: np.ndarray, shape=(13, 17, 9)) -> Path:
    data = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    picture = nib.Nifti1Image(data, affine)
    picture.set_sform(affine, 1)
    picture.set_qform(affine, 1)
    nib.save(picture, path)
    return path


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("source", SOURCES)
def test_nifti_of_a_nifti_lies_where_it_was_drawn(tmp_path, source, axis):
    original = volume_file(tmp_path / "image.nii.gz", SOURCES[source])
    image = image_nifti.read(original, axis=axis)
    mask = mask_on(image)
    out = tmp_path / "mask.nii.gz"
    assert nifti.export(mask, image, out) == ()
    assert_lies_where_it_was_drawn(out, mask, image)
    # And it is on the very grid of the source, whichever way that was sliced.
    ours, theirs = nib.load(out), nib.load(original)
    assert ours.shape == theirs.shape
    np.testing.assert_array_equal(ours.affine, theirs.affine)
    # A drawn pixel marks the voxel with the value that the image shows there.
    marked = set(np.asarray(theirs.dataobj)[np.asarray(ours.dataobj) != 0].tolist())
    assert marked == set(image.pixels[mask.volume()].tolist())
    assert nifti.read(out, image).same_pixels(mask)
    for other in range(3):
        turned = image_nifti.read(original, axis=other)
        again = nifti.read(out, turned)
        assert set(turned.pixels[again.volume()].tolist()) == marked


@pytest.mark.parametrize("frames", [1, 5])
@pytest.mark.parametrize("step", [3.3, -2.5])
def test_nifti_of_dicom_slices_lies_where_it_was_drawn(tmp_path, frames, step):
    image = stack(OBLIQUE, frames, step)
    mask = mask_on(image)
    out = tmp_path / "mask.nii"
    nifti.export(mask, image, out)
    assert_lies_where_it_was_drawn(out, mask, image)
    opened = sitk.ReadImage(str(out))
    assert opened.GetPixelIDValue() == sitk.sitkUInt8
    np.testing.assert_allclose(opened.GetSpacing(), (1.1, 0.7, abs(step)), rtol=1e-5)
    assert nifti.read(out, image).same_pixels(mask)


def test_a_tilted_gantry_is_written_as_it_is(tmp_path):
    image = stack(OBLIQUE, 5)
    affines = image.geometry.frame_affines.copy()
    affines[:, :3, 3] += np.arange(5)[:, None] * affines[0, :3, 0] * 0.8
    image = Image(image.pixels, Geometry((0.7, 1.1), affines, 3.3))
    mask = mask_on(image)
    out = tmp_path / "mask.nii"
    nifti.export(mask, image, out)
    picture = nib.load(out)  # ITK knows no shear: nibabel's affine is asked instead
    assert (picture.header["sform_code"], picture.header["qform_code"]) == (1, 0)
    voxels = np.asarray(picture.dataobj)
    for index, row, col in [(0, 3, 4), (2, 19, 29), (4, 1, 2)]:
        world = RAS_TO_LPS @ affines[index] @ (row, col, 0, 1)
        place = np.linalg.solve(picture.affine, world)[:3]
        np.testing.assert_allclose(place, (col, row, index), atol=1e-3)
        assert bool(voxels[col, row, index]) == bool(mask.frame(index)[row, col])
    assert nifti.read(out, image).same_pixels(mask)


def test_uneven_slices_are_refused_as_nifti_and_go_out_as_png(tmp_path):
    image = stack(OBLIQUE, 5)
    affines = image.geometry.frame_affines.copy()
    affines[3:, :3, 3] += affines[1, :3, 3] - affines[0, :3, 3]  # one slice is missing
    gap = Image(image.pixels, Geometry((0.7, 1.1), affines, None))
    mask = mask_on(gap)
    with pytest.raises(NoGridError, match=r"not evenly spaced .* export the mask as PNG"):
        nifti.export(mask, gap, tmp_path / "m.nii")
    affines = image.geometry.frame_affines.copy()
    affines[2, :3, :2] = affines[2, :3, [1, 0]].T
    turned = Image(image.pixels, Geometry((0.7, 1.1), affines, None))
    with pytest.raises(NoGridError, match="parallel"):
        nifti.export(mask_on(turned), turned, tmp_path / "m.nii")
    assert list(tmp_path.iterdir()) == []
    done = export_all([mask], gap, tmp_path)
    assert any("evenly spaced" in note for note in done.notes)
    assert sorted(p.suffix for p in done.paths) == [".json", *[".png"] * 6]
    (back,) = formats.read(tmp_path / "Lesion.json", gap)
    assert back.same_pixels(mask)


def test_a_cine_loop_becomes_a_fourth_dimension(tmp_path):
    image = stack(OBLIQUE, 4)
    affines = np.repeat(image.geometry.frame_affines[:1], 4, axis=0)
    cine = Image(image.pixels, Geometry((0.7, 1.1), affines))
    mask = mask_on(cine)
    out = tmp_path / "mask.nii.gz"
    nifti.export(mask, cine, out)
    opened = sitk.ReadImage(str(out))
    assert opened.GetSize() == (30, 20, 1, 4)
    values = sitk.GetArrayViewFromImage(opened)[:, 0]
    np.testing.assert_array_equal(values != 0, mask.volume())
    one = sitk.Extract(opened, (30, 20, 1, 0), (0, 0, 0, 2))
    world = affines[2] @ (4, 9, 0, 1)
    np.testing.assert_allclose(
        one.TransformPhysicalPointToContinuousIndex(world[:3].tolist()), (9, 4, 0), atol=1e-3
    )
    assert nifti.read(out, cine).same_pixels(mask)


@pytest.mark.parametrize("spacing", [None, (0.25, 0.5)])
def test_without_a_place_it_lies_as_the_picture_does(tmp_path, spacing):
    pixels = np.arange(20 * 30, dtype=np.uint8).reshape(20, 30)
    source = tmp_path / "image.png"
    Pillow.fromarray(pixels).save(source)
    image = Image(pixels[None].copy(), Geometry(spacing))
    mask = mask_on(image)
    out = tmp_path / "mask.nii.gz"
    assert nifti.export(mask, image, out) == (NO_GEOMETRY,)
    theirs, ours = sitk.ReadImage(str(source)), sitk.ReadImage(str(out))
    row, col = spacing or (1.0, 1.0)
    assert ours.GetSpacing() == (col, row, 1.0)
    assert ours.GetOrigin() == (0, 0, 0)
    np.testing.assert_array_equal(ours.GetDirection(), np.eye(3).ravel())
    assert theirs.GetDirection() == (1, 0, 0, 1)
    np.testing.assert_array_equal(sitk.GetArrayViewFromImage(ours)[0] != 0, mask.frame(0))
    assert nifti.read(out, image).same_pixels(mask)


def test_a_volume_without_a_place_stays_on_its_grid(tmp_path):
    data = np.arange(13 * 17 * 9, dtype=np.int16).reshape(13, 17, 9)
    picture = nib.Nifti1Image(data, None)
    picture.header.set_zooms((2.0, 3.0, 4.0))
    source = tmp_path / "image.nii"
    nib.save(picture, source)
    image = image_nifti.read(source)
    mask = mask_on(image)
    out = tmp_path / "mask.nii"
    nifti.export(mask, image, out)
    ours, theirs = sitk.ReadImage(str(out)), sitk.ReadImage(str(source))
    for name in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
        assert getattr(ours, name)() == getattr(theirs, name)()
    marked = set(sitk.GetArrayViewFromImage(theirs)[sitk.GetArrayViewFromImage(ours) != 0].tolist())
    assert marked == set(image.pixels[mask.volume()].tolist())
    back = nifti.read(out, image)
    assert back.same_pixels(mask)
    assert "size alone" in back.notes[0]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_axes_in_any_order_and_direction_come_back(tmp_path, order):
    image = stack(OBLIQUE, 5)
    mask = mask_on(image)
    plain = tmp_path / "plain.nii"
    nifti.export(mask, image, plain)
    opened = sitk.PermuteAxes(sitk.ReadImage(str(plain)), order)
    for flips in product([False, True], repeat=3):
        # SimpleITK turns the voxels and keeps the world.
        turned = sitk.Flip(opened, flips, False)
        out = tmp_path / "turned.nii"
        sitk.WriteImage(turned, str(out))
        assert nifti.read(out, image).same_pixels(mask), flips


def test_a_crop_and_a_margin_come_back_by_their_place(tmp_path):
    image = stack(OBLIQUE, 5)
    full = mask_on(image)
    mask = Mask(full.reference, frames={2: full.frame(1)})
    out = tmp_path / "m.nii"
    nifti.export(mask, image, out)
    opened = sitk.ReadImage(str(out))
    sitk.WriteImage(sitk.ConstantPad(opened, (3, 4, 2), (1, 0, 5)), str(tmp_path / "padded.nii"))
    assert nifti.read(tmp_path / "padded.nii", image).same_pixels(mask)
    sitk.WriteImage(opened[2:25, 0:18, 1:4], str(tmp_path / "crop.nii"))
    expected = np.zeros(image.shape, bool)
    expected[0:18, 2:25] = mask.frame(2)[0:18, 2:25]
    np.testing.assert_array_equal(nifti.read(tmp_path / "crop.nii", image).frame(2), expected)
    one = opened[:, :, 2:3]
    sitk.WriteImage(one, str(tmp_path / "slice.nii"))
    assert nifti.read(tmp_path / "slice.nii", image).same_pixels(mask)


def test_another_place_or_another_spacing_is_refused(tmp_path):
    image = stack(OBLIQUE, 5)
    out = tmp_path / "m.nii"
    nifti.export(mask_on(image), image, out)
    opened = sitk.ReadImage(str(out))
    moved = sitk.Image(opened)
    moved.SetOrigin(np.add(opened.GetOrigin(), (0.4, 0, 0)).tolist())
    sitk.WriteImage(moved, str(out))
    with pytest.raises(MaskError, match=r"^m.nii cannot be read as a mask: .* elsewhere"):
        nifti.read(out, image)
    far = sitk.Image(opened)
    far.SetOrigin(opened.TransformIndexToPhysicalPoint((0, 7, 0)))
    sitk.WriteImage(far, str(out))
    with pytest.raises(MaskError, match="outside the image"):
        nifti.read(out, image)
    coarse = sitk.Resample(opened, (15, 10, 5), outputSpacing=(2.2, 1.4, 3.3))
    sitk.WriteImage(coarse, str(out))
    with pytest.raises(MaskError, match="do not lie on the image's"):
        nifti.read(out, image)


def test_labels_go_out_and_come_back_one_by_one(tmp_path):
    image = stack(OBLIQUE, 5)
    first, second = np.zeros((2, *image.shape), bool)
    first[2:5, 3:9] = second[10:13, 20:29] = True
    reference = ImageReference.of(image)
    masks = [
        Mask(reference, "A", frames={1: first}),
        Mask(reference, "B", frames={1: second, 4: first}),
    ]
    out = tmp_path / "labels.nii.gz"
    nifti.export_labels(masks, image, out)
    back = nifti.read_labels(out, image)
    assert [m.label for m in back] == ["labels 1", "labels 2"]
    assert all(a.same_pixels(b) for a, b in zip(back, masks, strict=True))
    overlapping = [masks[0], Mask(reference, "C", frames={1: first})]
    with pytest.raises(MaskError, match="“C” overlaps"):
        nifti.export_labels(overlapping, image, out)


def test_hostile_volumes_get_one_sentence(tmp_path):
    image = stack(OBLIQUE, 5)
    good = tmp_path / "good.nii"
    nifti.export(mask_on(image), image, good)
    data = good.read_bytes()
    huge = bytearray(data)
    huge[42:48] = (32767).to_bytes(2, "little") * 3
    cases = {
        "empty.nii": b"",
        "text.nii": b"hello" * 200,
        "torn.nii": data[:400],
        "huge.nii": bytes(huge),
        "zip.nii.gz": b"\x1f\x8b" + b"\0" * 50,
    }
    cases |= garbled(data, 80, 352, ".nii")
    assert refused(tmp_path, cases, lambda path: formats.read(path, image)) > 20
    picture = nib.Nifti1Image(np.random.default_rng(0).random((30, 20, 5)), nib.load(good).affine)
    nib.save(picture, tmp_path / "image.nii")
    with pytest.raises(MaskError, match="no labels"):
        nifti.read_labels(tmp_path / "image.nii", image)


@pytest.mark.data
def test_the_tumour_of_a_nifti_lies_on_its_dicom_series(shared_data, tmp_path):
    """One patient as NIfTI with a mask, and as DICOM: the mask is placed by world position."""
    found = scan([shared_data / "sts_dicom_003"])
    series = max((s for c in found.cases for s in c.series), key=lambda s: s.frames)
    dicom = series.load(None)
    folder = shared_data / "sts_t1" / "STS_003"
    tumour = nifti.read(folder / "MR_T1_mask.nii.gz", dicom)
    truth = nib.load(folder / "MR_T1_mask.nii.gz")
    assert tumour.area() == int((np.asarray(truth.dataobj) != 0).sum())
    out = tmp_path / "tumour.nii.gz"
    nifti.export(tumour, dicom, out)
    opened, theirs = sitk.ReadImage(str(out)), sitk.ReadImage(str(folder / "MR_T1_mask.nii.gz"))
    shapes = sitk.LabelShapeStatisticsImageFilter()
    shapes.Execute(sitk.Cast(opened != 0, sitk.sitkUInt8))
    ours = shapes.GetCentroid(1)
    shapes.Execute(sitk.Cast(theirs != 0, sitk.sitkUInt8))
    np.testing.assert_allclose(ours, shapes.GetCentroid(1), atol=0.05)
    # And what the NIfTI image holds under the mask, the DICOM holds under it too.
    volume = image_nifti.read(folder / "MR_T1_image.nii.gz")
    here = dicom.pixels[tumour.volume()].astype(float)
    there = volume.pixels[nifti.read(folder / "MR_T1_mask.nii.gz", volume).volume()].astype(float)
    assert np.corrcoef(np.sort(here), np.sort(there))[0, 1] > 0.999


@pytest.mark.data
@pytest.mark.parametrize("name", ["muscle_myoqmri", "muscle_bids", "muscle_huashan", "sts_t1"])
def test_real_stacks_export_where_they_were_drawn(shared_data, tmp_path, name):
    path = shared_data / name
    if name == "muscle_huashan":
        path = sorted(path.rglob("Thigh_001_0000.nii*"))[0]
    elif name == "sts_t1":
        path = path / "STS_001" / "MR_T1_image.nii.gz"
    found = scan([path])
    image = found.cases[0].series[0].load(None)
    assert image.geometry.frame_affines is not None
    mask = mask_on(image)
    out = tmp_path / "mask.nii.gz"
    try:
        nifti.export(mask, image, out)
    except NoGridError:
        pytest.skip("its frames lie on no grid, as the sentence says")
    if sitk.ReadImage(str(out)).GetDimension() == 3:
        assert_lies_where_it_was_drawn(out, mask, image)
    assert nifti.read(out, image).same_pixels(mask)
