"""Where pixels lie in the patient, told by SimpleITK, and how far apart they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from engine.images import reader
from engine.images.orientation import edge_labels
from tests.engine.images.dicom_files import RAMP, dataset, save, slice_


def test_places_agree_with_simpleitk(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    for index in range(10):
        col = rng.normal(size=3)
        col /= np.linalg.norm(col)
        row = np.cross(rng.normal(size=3), col)
        row /= np.linalg.norm(row)
        made = slice_(
            0,
            ImageOrientationPatient=[f"{v:.10f}" for v in (*col, *row)],
            ImagePositionPatient=[f"{v:.6f}" for v in rng.normal(0, 100, 3)],
        )
        path = save(made, tmp_path / f"{index}.dcm")
        affine = reader.read(path).geometry.frame_affines[0]  # type: ignore[index]
        theirs = sitk.ReadImage(str(path))
        for r, c in ((0, 0), (7, 0), (0, 5), (3, 2)):
            want = theirs.TransformIndexToPhysicalPoint((c, r, 0))
            assert np.allclose((affine @ (r, c, 0, 1))[:3], want, atol=1e-4)


def test_spacing_of_rows_and_columns_is_not_swapped(tmp_path: Path) -> None:
    image = reader.read(save(slice_(0), tmp_path / "a"))
    assert image.geometry.spacing == (1.5, 0.5)  # row spacing first, PS3.3 10.7.1.3
    assert image.geometry.aspect == 3.0
    assert tuple(edge_labels(image)) == ("R", "L", "A", "P")


def test_detector_spacing_is_noted_and_magnification_applied(tmp_path: Path) -> None:
    made = dataset(RAMP, ImagerPixelSpacing=[0.2, 0.2])
    image = reader.read(save(made, tmp_path / "a"))
    assert image.geometry.spacing == (0.2, 0.2)
    assert "detector" in image.notes[0]
    made.EstimatedRadiographicMagnificationFactor = 1.25
    image = reader.read(save(made, tmp_path / "b"))
    assert image.geometry.spacing == pytest.approx((0.16, 0.16))
    made.PixelSpacing = [0.1, 0.1]
    assert reader.read(save(made, tmp_path / "c")).geometry.spacing == (0.1, 0.1)


def test_pixel_aspect_ratio_alone(tmp_path: Path) -> None:
    image = reader.read(save(dataset(RAMP, PixelAspectRatio=[2, 1]), tmp_path / "a"))
    assert image.geometry.spacing is None
    assert image.geometry.aspect == 2.0


@pytest.mark.parametrize(
    "elements",
    [
        {"PixelSpacing": [0, 0]},
        {"PixelSpacing": [-1, 1]},
        {"PixelSpacing": [1]},
        {"PixelSpacing": [1, 5000]},
    ],
)
def test_impossible_spacings_are_not_believed(tmp_path: Path, elements: dict[str, object]) -> None:
    assert reader.read(save(dataset(RAMP, **elements), tmp_path / "a")).geometry.spacing is None


def test_an_orientation_that_is_none(tmp_path: Path) -> None:
    made = slice_(0, ImageOrientationPatient=[1, 0, 0, 1, 0, 0])
    geometry = reader.read(save(made, tmp_path / "a")).geometry
    assert geometry.frame_affines is None
    assert geometry.spacing == (1.5, 0.5)


def test_rt_dose_planes_follow_the_grid() -> None:
    folder = Path(pydicom.data.__file__).parent / "test_files"
    image = reader.read(folder / "rtdose.dcm")
    made = pydicom.dcmread(folder / "rtdose.dcm")
    offsets = np.array([float(v) for v in made.GridFrameOffsetVector])
    places = image.geometry.frame_affines[:, :3, 3]  # type: ignore[index]
    assert np.allclose(np.linalg.norm(places - places[0], axis=1), np.abs(offsets - offsets[0]))
