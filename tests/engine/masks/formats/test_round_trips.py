"""``convert-mask`` there and back, every format on every kind of source, seen by other libraries.

Volumes are checked by SimpleITK, Segmentations by highdicom, COCO by pycocotools' own decoder where
it is installed; Label Studio's brush regions by decoding as its converter does is in
``test_exchange_codecs``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import highdicom
import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image as Pillow

from engine.cli.main import main
from engine.images.image import Image
from engine.images.scan import scan
from engine.masks import formats
from engine.masks.mask import Mask
from tests.engine.images import dicom_files as made
from tests.engine.masks.mask_images import (
    assert_lies_where_it_was_drawn,
    enhanced,
    mask_on,
    single_frames,
    turned,
    ultrasound_loop,
)

ENDINGS = {
    "nifti": ".nii.gz",
    "nrrd": ".seg.nrrd",
    "png": ".png",
    "dicom-seg": ".dcm",
    "coco": ".coco.json",
    "label-studio": ".tasks.json",
}


def nifti(path: Path, affine: np.ndarray, shape=(30, 20, 6), code: int = 1) -> None:
    values = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    made_of = nib.Nifti1Image(values, affine)
    made_of.set_sform(affine, code)
    made_of.set_qform(None, 0)
    nib.save(made_of, path)


def affine_of(turn: np.ndarray, zooms: tuple[float, ...]) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = turn * zooms
    affine[:3, 3] = (-31.5, 12.25, 80.0)
    return affine


def picture(path: Path, shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    Pillow.fromarray(pixels).save(path)


def pages(path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = [Pillow.fromarray(rng.integers(0, 255, (20, 30), np.uint8)) for _ in range(4)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def uneven(folder: Path) -> None:
    folder.mkdir()
    for k, height in enumerate((0.0, 3.0, 7.5, 9.0)):
        made.save(
            made.slice_(height, value=k, shape=(20, 30), InstanceNumber=k + 1),
            folder / f"{k}.dcm",
        )


FLIPPED = np.diag([-1.0, 1.0, -1.0])
SHEARED = np.array([[1.0, 0.2, 0.0], [0.0, 1.0, 0.1], [0.0, 0.0, 1.0]])

SOURCES: dict[str, Callable[[Path], object]] = {
    "dicom axial": lambda p: single_frames(p, np.eye(3)),
    "dicom oblique": lambda p: single_frames(p, turned(3)),
    "dicom flipped": lambda p: single_frames(p, turned(4), step=-2.5),
    "dicom one slice": lambda p: single_frames(p, turned(5), frames=1),
    "dicom uneven": uneven,
    "dicom multi-frame": lambda p: enhanced(p.with_suffix(".dcm"), turned(6)),
    "dicom multi-frame flipped": lambda p: enhanced(p.with_suffix(".dcm"), turned(7), step=-4.0),
    "dicom times of one plane": lambda p: enhanced(p.with_suffix(".dcm"), turned(8), step=0.0),
    "dicom colour loop": lambda p: ultrasound_loop(p.with_suffix(".dcm")),
    "nifti axial": lambda p: nifti(p.with_suffix(".nii"), affine_of(np.eye(3), (1, 1, 1))),
    "nifti oblique anisotropic": lambda p: nifti(
        p.with_suffix(".nii"), affine_of(turned(9), (0.6, 1.3, 4.0))
    ),
    "nifti flipped": lambda p: nifti(p.with_suffix(".nii"), affine_of(FLIPPED, (0.6, 1.3, 4.0))),
    "nifti mirrored": lambda p: nifti(
        p.with_suffix(".nii"), affine_of(turned(2) @ np.diag([-1.0, 1.0, 1.0]), (0.6, 1.3, 4.0))
    ),
    "nifti sheared": lambda p: nifti(p.with_suffix(".nii"), affine_of(SHEARED, (0.6, 1.3, 4.0))),
    "nifti without a place": lambda p: nifti(
        p.with_suffix(".nii"), np.diag([1, 2, 3, 1.0]), code=0
    ),
    "png grey": lambda p: picture(p.with_suffix(".png"), (20, 30)),
    "png colour": lambda p: picture(p.with_suffix(".png"), (20, 30, 3)),
    "tiff of pages": lambda p: pages(p.with_suffix(".tif")),
}

#: What a format cannot hold, and the words of the sentence that says so.
REFUSED = {
    ("dicom uneven", "nifti"): "not evenly spaced",
    ("dicom uneven", "nrrd"): "not evenly spaced",
    **{(kind, "dicom-seg"): "not from DICOM" for kind in SOURCES if not kind.startswith("dicom")},
}


@pytest.fixture
def source(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Image]:
    """The path that the user names, and the image that it opens as."""
    SOURCES[request.param](tmp_path / "source")
    (path,) = tmp_path.iterdir()
    (series,) = [one for case in scan([path]).cases for one in case.series]
    return path, series.load(None)


def convert(capsys, *arguments: object) -> tuple[int, list[Path], str]:
    status = main(["convert-mask", *map(str, arguments)])
    said = capsys.readouterr()
    return status, [Path(line) for line in said.out.splitlines()], said.err


@pytest.mark.parametrize("kind", ENDINGS)
@pytest.mark.parametrize("source", SOURCES, indirect=True)
def test_there_and_back(source, kind: str, tmp_path: Path, capsys, request):
    path, image = source
    name = request.node.callspec.params["source"]
    masks = [mask_on(image, 1)]
    first = tmp_path / "first.json"  # what every source can be given in
    formats.write(masks, image, first, "coco")
    target = tmp_path / f"there{ENDINGS[kind]}"
    status, written, said = convert(
        capsys, first, "--from", "coco", "--image", path, "--to", kind, "--out", target
    )
    if (name, kind) in REFUSED:
        assert status == 2 and REFUSED[name, kind] in said and said.count("\n") == 1
        assert not target.exists()
        return
    assert status == 0, said
    check(kind, target, written, masks[0], image)
    given = [p for p in written if p.suffix == ".png"] if kind == "png" else [target]
    back = tmp_path / "back.json"
    status, _, said = convert(
        capsys, *given, "--from", kind, "--image", path, "--to", "coco", "--out", back
    )
    assert status == 0, said
    (mask,) = formats.read(back, image)
    assert mask.same_pixels(masks[0])
    assert (mask.label, mask.author) == (masks[0].label, masks[0].author)
    assert mask.colour == masks[0].colour or kind == "dicom-seg"  # which rounds to CIELab


def sheared(image: Image) -> bool:
    if image.geometry.layout is None:
        return False
    columns = image.geometry.layout.affine[:3, :3]
    directions = columns / np.linalg.norm(columns, axis=0)
    return not np.allclose(directions.T @ directions, np.eye(3), atol=1e-4)


def check(kind: str, target: Path, written: list[Path], mask: Mask, image: Image) -> None:
    """Read what was written with the libraries that others will use."""
    if kind == "nifti" and sheared(image):
        # ITK opens no sheared NIfTI, not even the source; nibabel does.
        opened = nib.load(target)
        np.testing.assert_allclose(opened.affine, image.geometry.layout.affine, atol=1e-5)
        assert int(np.count_nonzero(opened.dataobj)) == mask.area()
    elif kind in ("nifti", "nrrd"):
        found = sitk.GetArrayFromImage(sitk.ReadImage(str(target)))
        assert int((found != 0).sum()) == mask.area()
        affines = image.geometry.frame_affines
        places = None if affines is None else affines[:, :3, 3]
        cine = places is not None and image.frames > 1 and np.abs(places - places[0]).max() < 1e-6
        if affines is not None and not cine:
            assert_lies_where_it_was_drawn(target, mask, image)
    elif kind == "png":
        pictures = sorted(p for p in written if p.suffix == ".png")
        drawn = sorted(i for i, p in mask.frames.items() if p.any())
        for path, frame in zip(pictures, drawn, strict=True):
            values = np.asarray(Pillow.open(path))
            np.testing.assert_array_equal(values, mask.frame(frame) * np.uint8(255))
    elif kind == "dicom-seg":
        made_of = highdicom.seg.segread(target)
        identity = image.identity
        places = list(zip(identity.sop_instance_uids, identity.sop_frames, strict=True))
        stored = made_of.pixel_array.reshape(-1, *image.shape)
        found = np.zeros(image.pixels.shape[:3], bool)
        for pixels, groups in zip(stored, made_of.PerFrameFunctionalGroupsSequence, strict=True):
            origin = groups.DerivationImageSequence[0].SourceImageSequence[0]
            number = int(origin.get("ReferencedFrameNumber", 1))
            frame = places.index((origin.ReferencedSOPInstanceUID, number))
            found[frame] |= pixels > 0
            if "PlanePositionSequence" in groups:
                place = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
                affine = image.geometry.frame_affines[frame]
                np.testing.assert_allclose(place, affine[:3, 3], atol=1e-3)
        np.testing.assert_array_equal(found, mask.volume())
    elif kind == "coco":
        decode = pytest.importorskip("pycocotools.mask").decode
        data = json.loads(target.read_text("utf-8"))
        assert sum(int(decode(a["segmentation"]).sum()) for a in data["annotations"]) == mask.area()
    else:
        tasks = json.loads(target.read_text("utf-8"))
        assert len(tasks) == sum(1 for p in mask.frames.values() if p.any())
