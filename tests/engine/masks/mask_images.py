"""Images with a place in space, and masks without symmetry, for the exchange formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from pydicom.uid import (
    EnhancedMRImageStorage,
    UltrasoundMultiFrameImageStorage,
    generate_uid,
)

from engine.images.image import Geometry, Image
from engine.images.scan import scan
from engine.masks.mask import ImageReference, Mask
from tests.engine.images import dicom_files as made


def mask_on(image: Image, seed: int = 0, label: str = "Lesion") -> Mask:
    rng = np.random.default_rng(seed)
    rows, cols = image.shape
    frames = {}
    for index in {0, image.frames // 3, image.frames - 1}:
        pixels = rng.random(image.shape) < 0.04
        pixels[1 : rows // 3, 2 : cols // 2] = True
        pixels[0, 0] = index == 0
        frames[index] = pixels
    return Mask(ImageReference.of(image), label, author="AB", colour="#C792EA", frames=frames)


def turned(seed: int) -> np.ndarray:
    matrix, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return matrix * np.sign(np.linalg.det(matrix))


TURNS = {
    "axis-aligned": np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, 1]]),
    "flipped": np.array([[0.0, -1, 0], [-1, 0, 0], [0, 0, 1]]),
    "oblique": turned(7),
}


def stack(turn=None, frames=5, step=3.3, spacing=(0.7, 1.1), shape=(20, 30)) -> Image:
    """Slices that know their place, of no file."""
    turn = np.eye(3) if turn is None else turn
    affines = np.zeros((frames, 4, 4))
    affines[:, 3, 3] = 1
    affines[:, :3, 0] = turn[:, 0] * spacing[0]
    affines[:, :3, 1] = turn[:, 1] * spacing[1]
    for k in range(frames):
        affines[k, :3, 2] = turn[:, 2] * abs(step)
        affines[k, :3, 3] = np.array([12.5, -80.25, 33.0]) + k * step * turn[:, 2]
    pixels = np.arange(frames * np.prod(shape), dtype=np.uint16).reshape(frames, *shape)
    return Image(pixels, Geometry(spacing, affines, abs(step)))


def load(folder: Path) -> Image:
    """The one series of a file or folder, as the program opens it."""
    (series,) = [s for case in scan([folder]).cases for s in case.series]
    return series.load(None)


def place(turn: np.ndarray, k: int, step: float) -> dict[str, list[float]]:
    # A negative step runs against the normal: the same planes in the other order.
    origin = np.array([12.5, -80.25, 33.0]) + k * step * np.cross(turn[:, 1], turn[:, 0])
    return {
        "ImagePositionPatient": [round(float(v), 6) for v in origin],
        "ImageOrientationPatient": [
            round(float(v), 9) for v in np.concatenate([turn[:, 1], turn[:, 0]])
        ],
    }


def single_frames(folder: Path, turn: np.ndarray, step: float = 3.3, frames: int = 5) -> Image:
    folder.mkdir()
    series = generate_uid()
    for k in range(frames):
        dataset = made.dataset(
            np.full((20, 30), k, np.int16),
            PixelSpacing=[0.7, 1.1],
            SliceThickness=3.0,
            SeriesInstanceUID=series,
            InstanceNumber=k + 1,
            **place(turn, k, step),
        )
        made.save(dataset, folder / f"{k}.dcm")
    return load(folder)


def enhanced(path: Path, turn: np.ndarray, step: float = 3.3, frames: int = 5) -> Image:
    """One multi-frame file; a step of 0 puts all frames into one plane."""
    own = []
    for k in range(frames):
        where = place(turn, k, step)
        own.append(
            made.item(
                PlanePositionSequence=made.sequence(
                    made.item(ImagePositionPatient=where["ImagePositionPatient"])
                ),
                FrameContentSequence=made.sequence(made.item(StackID="1")),
            )
        )
    shared = made.item(
        PlaneOrientationSequence=made.sequence(
            made.item(ImageOrientationPatient=place(turn, 0, step)["ImageOrientationPatient"])
        ),
        PixelMeasuresSequence=made.sequence(made.item(PixelSpacing=[0.7, 1.1], SliceThickness=3.0)),
    )
    dataset = made.dataset(
        np.arange(frames * 600, dtype=np.int16).reshape(frames, 20, 30),
        SOPClassUID=EnhancedMRImageStorage,
        SharedFunctionalGroupsSequence=made.sequence(shared),
        PerFrameFunctionalGroupsSequence=made.sequence(*own),
    )
    return load(made.save(dataset, path))


def ultrasound_loop(path: Path, frames: int = 4) -> Image:
    """A colour loop without a place in the patient."""
    pixels = np.random.default_rng(1).integers(0, 255, (frames, 20, 30, 3), np.uint8)
    dataset = made.dataset(
        pixels, SOPClassUID=UltrasoundMultiFrameImageStorage, Modality="US", FrameTime=40.0
    )
    del dataset.FrameOfReferenceUID
    return load(made.save(dataset, path))


def assert_lies_where_it_was_drawn(path: Path, mask: Mask, image: Image) -> None:
    """By SimpleITK: pixels of the image have, at their world place, their values in the file."""
    opened = sitk.ReadImage(str(path))
    found = sitk.GetArrayViewFromImage(opened)
    assert int((found != 0).sum()) == mask.area()
    drawn = np.argwhere(mask.volume())
    rng = np.random.default_rng(5)
    anywhere = rng.integers(0, image.pixels.shape[:3], (150, 3))
    for index, row, col in [*anywhere.tolist(), *drawn[:: max(len(drawn) // 150, 1)].tolist()]:
        world = image.geometry.frame_affines[index] @ (row, col, 0, 1)
        at = opened.TransformPhysicalPointToContinuousIndex(world[:3].tolist())
        np.testing.assert_allclose(at, np.rint(at), atol=2e-3)
        i, j, k = np.rint(at).astype(int)
        assert bool(found[k, j, i]) == bool(mask.frame(index)[row, col])
