"""Exported masks lie where they were drawn: told by SimpleITK, which shares none of the code."""

from __future__ import annotations

import json
from itertools import permutations, product
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image as Pillow

from engine.errors import MaskError
from engine.images import nifti as image_nifti
from engine.images.image import Geometry, Identity, Image
from engine.images.scan import scan
from engine.masks import formats
from engine.masks.formats import nifti, overlay, png, sidecar
from engine.masks.formats.export import export_all
from engine.masks.formats.files import safe_stem
from engine.masks.formats.grid import NO_GEOMETRY, NoGridError
from engine.masks.mask import ImageReference, Mask

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def mask_on(image: Image, seed: int = 0, label: str = "Lesion") -> Mask:
    """A mask without any symmetry: a block near one corner, and specks."""
    rng = np.random.default_rng(seed)
    rows, cols = image.shape
    frames = {}
    for index in {0, image.frames // 3, image.frames - 1}:
        pixels = rng.random(image.shape) < 0.02
        pixels[1 : rows // 3, 2 : cols // 2] = True
        pixels[0, 0] = index == 0
        frames[index] = pixels
    return Mask(ImageReference.of(image), label, author="AB", frames=frames)


def rotation(seed: int) -> np.ndarray:
    matrix, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return matrix * np.sign(np.linalg.det(matrix))


def oblique_affine(zooms, seed=3, mirrored=False) -> np.ndarray:
    affine = np.eye(4)
    turn = rotation(seed)
    if mirrored:
        turn[:, 0] *= -1
    affine[:3, :3] = turn * np.asarray(zooms)
    affine[:3, 3] = (-31.25, 17.5, 404.125)
    return affine


def slices(frames: int = 5, seed: int = 7, step: float = 3.3, spacing=(0.7, 1.1)) -> Image:
    """A DICOM-like stack: oblique, anisotropic, slices evenly spaced along the normal."""
    turn = rotation(seed)
    affines = np.zeros((frames, 4, 4))
    affines[:, 3, 3] = 1
    affines[:, :3, 0] = turn[:, 0] * spacing[0]
    affines[:, :3, 1] = turn[:, 1] * spacing[1]
    for k in range(frames):
        affines[k, :3, 3] = np.array([12.5, -80.25, 33.0]) + k * step * turn[:, 2]
    pixels = np.arange(frames * 20 * 30, dtype=np.uint16).reshape(frames, 20, 30)
    return Image(pixels, Geometry(spacing, affines, abs(step)))


def assert_lies_where_it_was_drawn(path: Path, mask: Mask, image: Image) -> None:
    """Pixels of the image have, by their own world coordinates, their values in the file."""
    opened = sitk.ReadImage(str(path))
    values = sitk.GetArrayViewFromImage(opened)
    assert int((values != 0).sum()) == mask.area()
    rng = np.random.default_rng(5)
    anywhere = rng.integers(0, image.pixels.shape[:3], (150, 3))
    drawn = np.argwhere(mask.volume())
    some = drawn[rng.integers(0, len(drawn), 150)]
    for index, row, col in [*anywhere.tolist(), *some.tolist(), (0, 0, 0)]:
        world = image.geometry.frame_affines[index] @ (row, col, 0, 1)
        place = opened.TransformPhysicalPointToContinuousIndex(world[:3].tolist())
        np.testing.assert_allclose(place, np.rint(place), atol=2e-3)
        i, j, k = np.rint(place).astype(int)
        assert bool(values[k, j, i]) == bool(mask.frame(index)[row, col])


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
    image = slices(frames, step=step)
    mask = mask_on(image)
    out = tmp_path / "mask.nii"
    nifti.export(mask, image, out)
    assert_lies_where_it_was_drawn(out, mask, image)
    opened = sitk.ReadImage(str(out))
    assert opened.GetPixelIDValue() == sitk.sitkUInt8
    np.testing.assert_allclose(opened.GetSpacing(), (1.1, 0.7, abs(step)), rtol=1e-5)
    assert nifti.read(out, image).same_pixels(mask)


def test_a_tilted_gantry_is_written_as_it_is(tmp_path):
    image = slices(5)
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
    image = slices(5)
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
    image = slices(4)
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
    image = slices(5)
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
    image = slices(5)
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
    image = slices(5)
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
    image = slices(5)
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


# PNG


def test_png_is_lossless_8_bit_and_of_the_images_size(tmp_path):
    image = Image(np.arange(600, dtype=np.uint16).reshape(1, 20, 30))
    mask = mask_on(image)
    (path,) = png.export(mask, image, tmp_path / "m.png")
    with Pillow.open(path) as picture:
        assert (picture.mode, picture.size, picture.format) == ("L", (30, 20), "PNG")
        np.testing.assert_array_equal(np.asarray(picture), mask.frame(0) * np.uint8(255))
    assert png.read(path, image).same_pixels(mask)
    # The same, read by another library.
    values = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    np.testing.assert_array_equal(values == 255, mask.frame(0))


def test_png_of_several_frames_is_a_file_a_drawn_frame(tmp_path):
    image = slices(12)
    mask = mask_on(image)
    paths = png.export(mask, image, tmp_path / "m.png")
    assert [p.name for p in paths] == ["m_f001.png", "m_f005.png", "m_f012.png"]
    for path, index in zip(paths, mask.frames, strict=True):
        back = png.read(path, image)
        assert list(back.frames) == [index]
        np.testing.assert_array_equal(back.frame(index), mask.frame(index))
    plain = paths[0].rename(tmp_path / "plain.png")
    with pytest.raises(MaskError, match="does not say which"):
        png.read(plain, image)
    assert list(png.read(plain, image, frame=7).frames) == [7]
    with pytest.raises(MaskError, match="does not say which"):
        png.read(plain.rename(tmp_path / "m_f013.png"), image)


def test_png_of_any_kind_is_read(tmp_path):
    image = Image(np.zeros((1, 20, 30), np.uint8))
    drawn = mask_on(image).frame(0)
    grey = drawn.astype(np.uint8)
    alpha = np.zeros((20, 30, 4), np.uint8)
    alpha[drawn, 3] = 200
    painted = np.zeros((20, 30, 4), np.uint8)
    painted[..., :3] = 255  # white, but only seen where it is opaque
    painted[drawn, 3] = 255
    red = np.zeros((20, 30, 4), np.uint8)
    red[..., 3] = 255
    red[drawn, 0] = 1
    palette = Pillow.fromarray(grey * 3, "P")
    palette.putpalette([0, 0, 0] * 3 + [200, 10, 10] + [0, 0, 0] * 252)
    pictures = {
        "one.png": Pillow.fromarray(grey),
        "bit.png": Pillow.fromarray(grey * 255).convert("1"),
        "deep.png": Pillow.fromarray(grey.astype(np.uint16) * 256),
        "palette.png": palette,
        "alpha.png": Pillow.fromarray(alpha),
        "painted.png": Pillow.fromarray(painted),
        "red.png": Pillow.fromarray(red),
        "rgb.bmp": Pillow.fromarray(red[..., :3].copy()),
        "float.tif": Pillow.fromarray(drawn.astype(np.float32)),
        "la.png": Pillow.fromarray(grey * 255).convert("LA"),
    }
    for name, picture in pictures.items():
        picture.save(tmp_path / name)
        np.testing.assert_array_equal(png.read_pixels(tmp_path / name, (20, 30)), drawn, name)


def test_hostile_pictures_get_one_sentence(tmp_path):
    image = Image(np.zeros((1, 20, 30), np.uint8))
    good = tmp_path / "good.png"
    png.export(mask_on(image), image, good)
    data = good.read_bytes()
    huge = bytearray(data)
    huge[16:24] = (0x7FFFFFFF).to_bytes(4, "big") * 2
    cases = {
        "empty.png": b"",
        "text.png": b"hello",
        "torn.png": data[: len(data) // 2],
        "head.png": data[:33],
        "huge.png": bytes(huge),
        "jpeg.png": b"\xff\xd8\xff\xe0" + b"\0" * 40,
    }
    rng = np.random.default_rng(0)
    for i in range(60):
        damaged = bytearray(data)
        for at in rng.integers(0, len(data), 3):
            damaged[at] = int(rng.integers(256))
        cases[f"random{i}.png"] = bytes(damaged)
    for name, content in cases.items():
        path = tmp_path / name
        path.write_bytes(content)
        try:
            png.read(path, image)
        except MaskError as error:
            assert str(error).startswith(f"{name} cannot be read as a mask: ")
            assert str(error).endswith(".")
        else:
            assert name.startswith("random")
    with pytest.raises(MaskError):
        png.read(tmp_path / "missing.png", image)
    with pytest.raises(MaskError, match="30 × 20 pixels and the image has 20 × 30"):
        png.read(good, Image(np.zeros((1, 30, 20), np.uint8)))


def test_hostile_volumes_get_one_sentence(tmp_path):
    image = slices(5)
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
    rng = np.random.default_rng(0)
    for i in range(80):
        damaged = bytearray(data)
        for at in rng.integers(0, 352, 3):
            damaged[at] = int(rng.integers(256))
        cases[f"random{i}.nii"] = bytes(damaged)
    refused = 0
    for name, content in cases.items():
        path = tmp_path / name
        path.write_bytes(content)
        try:
            formats.read(path, image)
        except MaskError as error:
            refused += 1
            assert str(error).startswith(f"{name} cannot be read as a mask: ")
        else:
            assert name.startswith("random")
    assert refused > 20
    picture = nib.Nifti1Image(np.random.default_rng(0).random((30, 20, 5)), nib.load(good).affine)
    nib.save(picture, tmp_path / "image.nii")
    with pytest.raises(MaskError, match="no labels"):
        nifti.read_labels(tmp_path / "image.nii", image)


# Sidecar and folder

UIDS = ("1.2.3.1", "1.2.3.2", "1.2.3.3", "1.2.3.4", "1.2.3.5")


def patient_image() -> Image:
    source = slices(5)
    identity = Identity(
        source_paths=(Path("/data/DOE_JANE/DOE_JANE_01.dcm"),),
        modality="MR",
        patient_name="Doe^Jane",
        patient_id="MRN-4711",
        study_instance_uid="1.2.3",
        series_instance_uid="1.2.4",
        sop_instance_uids=UIDS,
        sop_frames=(1,) * 5,
        study_date="20250102",
    )
    return Image(source.pixels, source.geometry, identity, title="Doe, Jane")


def test_the_sidecar_tells_the_image_and_not_the_patient(tmp_path):
    image = patient_image()
    mask = mask_on(image)
    scores = {"gate": {"rma": np.float32(0.25), "rra": float("nan")}, "map": np.arange(3)}
    done = export_all([mask], image, tmp_path, provenance={"checkpoint": "demo", "scores": scores})
    text = (tmp_path / "Lesion.json").read_text(encoding="utf-8")
    for secret in ("Doe", "DOE", "4711", "20250102"):
        assert secret not in text
        assert not any(secret in p.name for p in done.paths)
    data = json.loads(text)
    assert data["image"]["sop_instance_uids"] == list(UIDS)
    assert data["image"]["key"] == image.key
    assert data["mask"]["author"] == "AB"
    assert data["mask"]["area_pixels"]["1"] == mask.area(0)
    assert data["mask"]["volume_ml"] == pytest.approx(mask.area() * 0.77 * 3.3 / 1000)
    assert data["provenance"]["scores"] == {"gate": {"rma": 0.25, "rra": None}, "map": [0, 1, 2]}
    np.testing.assert_allclose(data["geometry"]["frame_affines_lps"], image.geometry.frame_affines)
    export_all([mask], image, tmp_path / "named", include_patient=True)
    named = json.loads((tmp_path / "named" / "Lesion.json").read_text(encoding="utf-8"))
    assert named["image"]["patient_name"] == "Doe^Jane"
    assert named["image"]["source_files"] == ["DOE_JANE_01.dcm"]


def test_a_sidecar_brings_the_mask_back_whole(tmp_path):
    image = patient_image()
    mask = mask_on(image, label="Ödem / “links”")
    mask.colour = "#C792EA"
    for kinds in (("png",), ("nifti",), ("png", "nifti", "overlay")):
        folder = tmp_path / "-".join(kinds)
        export_all([mask], image, folder, kinds)
        (back,) = formats.read(folder / "Ödem_links.json", image)
        assert back.same_pixels(mask)
        assert (back.id, back.label, back.colour, back.author) == (
            mask.id,
            mask.label,
            mask.colour,
            "AB",
        )
        assert back.reference == ImageReference.of(image)
        assert back.notes == ()
    (volume,) = formats.read(tmp_path / "nifti" / "Ödem_links.nii.gz", image)
    assert (volume.label, volume.colour) == (mask.label, mask.colour)
    (picture,) = formats.read(tmp_path / "png" / "Ödem_links_f001.png", image)
    assert picture.label == mask.label


def test_a_sidecar_of_another_image_is_refused(tmp_path):
    image = patient_image()
    export_all([mask_on(image)], image, tmp_path)
    path = tmp_path / "Lesion.json"
    other = Image(image.pixels, image.geometry, Identity(sop_instance_uids=("9.9",) * 5))
    with pytest.raises(MaskError, match="UIDs differ"):
        formats.read(path, other)
    with pytest.raises(MaskError, match="another size"):
        formats.read(path, slices(6))
    changed = Image(image.pixels + 1, image.geometry, image.identity)
    (back,) = formats.read(path, changed)
    assert "other pixels" in back.notes[0]


def test_hostile_sidecars_get_one_sentence(tmp_path):
    image = patient_image()
    export_all([mask_on(image)], image, tmp_path, ("png",))
    path = tmp_path / "Lesion.json"
    good = json.loads(path.read_text(encoding="utf-8"))

    def broken(**changes):
        return json.dumps(good | changes)

    outside = [{"name": "../secret.png", "frame": 1}]
    cases = [
        "",
        "[]",
        "nonsense",
        "[" * 100_000,
        broken(format="other"),
        broken(version=99),
        broken(version="1"),
        broken(mask={}),
        broken(image=None),
        broken(image=good["image"] | {"shape": [1]}),
        broken(image=good["image"] | {"shape": "ab"}),
        broken(mask=good["mask"] | {"colour": "javascript:"}),
        broken(mask=good["mask"] | {"label": "   "}),
        broken(files=outside),
        broken(files=[{"name": "..\\secret.png", "frame": 1}]),
        broken(files=[{"name": "Lesion_f001.png", "frame": 99}]),
        broken(files=[{"name": "Lesion_f001.png", "frame": None}]),
        broken(files=[{"name": "gone.png", "frame": 1}]),
        broken(files=[7]),
    ]
    for text in cases:
        path.write_text(text, encoding="utf-8")
        with pytest.raises(MaskError, match=r"cannot be read as a mask: .+; .+\.$"):
            formats.read(path, image)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MaskError, match="no JSON"):
        formats.read(path, image)


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
    image, other = slices(5), slices(4)
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


def test_the_overlay_is_the_image_with_an_outline(tmp_path):
    grey = np.linspace(0, 255, 600).astype(np.uint8).reshape(1, 20, 30)
    image = Image(grey)
    pixels = np.zeros((20, 30), bool)
    pixels[5:12, 6:20] = True
    mask = Mask(ImageReference.of(image), frames={0: pixels})
    overlay.export([mask], image, 0, tmp_path / "o.png")
    with Pillow.open(tmp_path / "o.png") as picture:
        assert picture.size == (30, 20)
        values = np.asarray(picture)
    border = pixels.copy()
    border[6:11, 7:19] = False
    np.testing.assert_array_equal((values == (0x4D, 0xD0, 0xE1)).all(axis=2), border)
    bare = overlay.render([], image, 0)
    np.testing.assert_array_equal(values[~border], bare[~border])
    assert (bare[..., 0] == bare[..., 1]).all()
    mask.visible = False
    np.testing.assert_array_equal(overlay.render([mask], image, 0), bare)


# The real images


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


@pytest.mark.data
def test_a_busi_image_and_its_mask(shared_data, tmp_path):
    folder = shared_data / "busi" / "malignant"
    from engine.images.reader import read

    image = read(folder / "malignant (1).png")
    mask = png.read(folder / "malignant (1)_mask.png", image)
    assert mask.area() > 100
    done = export_all([mask], image, tmp_path)
    assert NO_GEOMETRY in done.notes
    values = sitk.GetArrayFromImage(sitk.ReadImage(str(done.paths[1])))
    np.testing.assert_array_equal(values[0] != 0, mask.frame(0))
    assert (formats.read(done.paths[-1], image))[0].same_pixels(mask)
