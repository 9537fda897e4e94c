"""Edge labels: axial, oblique, from PatientOrientation, unknown."""

from __future__ import annotations

import numpy as np
import pytest

from engine.images.image import Geometry, Image
from engine.images.orientation import (
    direction_label,
    edge_labels,
    opposite,
    plane_name,
    slice_position,
)


def _image(col: tuple[float, ...], row: tuple[float, ...]) -> Image:
    affine = np.eye(4)
    affine[:3, 1], affine[:3, 0] = np.array(col) * 0.7, np.array(row) * 1.3
    affine[:3, 2] = np.cross(col, row)
    return Image(
        pixels=np.zeros((1, 4, 4), np.uint8), geometry=Geometry(frame_affines=affine[None])
    )


@pytest.mark.parametrize(
    ("col", "row", "labels", "plane"),
    [
        ((1, 0, 0), (0, 1, 0), ("R", "L", "A", "P"), "axial"),
        ((1, 0, 0), (0, 0, -1), ("R", "L", "H", "F"), "coronal"),
        ((0, 1, 0), (0, 0, -1), ("A", "P", "H", "F"), "sagittal"),
        ((-1, 0, 0), (0, 1, 0), ("L", "R", "A", "P"), "axial"),
        ((1, 0, 0), (0, 0.9, 0.43589), ("R", "L", "AF", "PH"), "axial"),
        ((0.8, -0.6, 0), (0, 0, -1), ("RP", "LA", "H", "F"), "oblique"),
        ((0.98, 0.19900, 0), (0, 0, -1), ("R", "L", "H", "F"), "coronal"),
    ],
)
def test_labels(
    col: tuple[float, ...], row: tuple[float, ...], labels: tuple[str, ...], plane: str
) -> None:
    image = _image(col, row)
    assert tuple(edge_labels(image, 0)) == labels
    assert plane_name(image.geometry.frame_affines[0]) == plane  # type: ignore[index]


def test_patient_orientation_alone() -> None:
    image = Image(pixels=np.zeros((1, 4, 4)), geometry=Geometry(directions=("P", "FL")))
    assert tuple(edge_labels(image)) == ("A", "P", "HR", "FL")


def test_nothing_known_nothing_said() -> None:
    assert tuple(edge_labels(Image(pixels=np.zeros((1, 4, 4))))) == ("", "", "", "")
    assert direction_label(np.zeros(3)) == ""
    assert direction_label(np.array([np.nan, 1, 0])) == ""
    assert opposite("AR") == "PL"


def test_slice_position_along_the_normal() -> None:
    affines = np.stack([np.eye(4)] * 3)
    affines[:, :3, :2] = [[0, 1], [1, 0], [0, 0]]
    affines[:, 2, 3] = [-4.0, 0.0, 6.5]
    image = Image(pixels=np.zeros((3, 4, 4)), geometry=Geometry(frame_affines=affines))
    assert [slice_position(image, i) for i in range(3)] == [(4.0, "F"), (0.0, "H"), (6.5, "H")]
    unplaced = Image(pixels=np.zeros((3, 4, 4)), geometry=Geometry(slice_spacing=2.5))
    assert slice_position(unplaced, 2) == (5.0, "")
    assert slice_position(Image(pixels=np.zeros((3, 4, 4))), 2) is None
    affines[:, 2, 3] = 7.0  # a cine loop at one place
    assert slice_position(image, 1) is None
