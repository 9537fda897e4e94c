"""Which way the patient lies on the screen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.images.image import Image

# Towards +x, +y, +z of DICOM patient coordinates (LPS, PS3.3 C.7.6.2.1.1) and away from them.
_TOWARDS = ("L", "P", "H")
_AWAY = ("R", "A", "F")
_OPPOSITE = {"L": "R", "R": "L", "P": "A", "A": "P", "H": "F", "F": "H"}

MIN_COMPONENT = 0.26
"""A direction gets a second letter from about 15 degrees of tilt (sin 15° = 0.26); less is still
called axial, coronal or sagittal at the console."""


class EdgeLabels(NamedTuple):
    """The patient's side at each edge of the screen, "" where the file does not say."""

    left: str = ""
    right: str = ""
    top: str = ""
    bottom: str = ""


def direction_label(vector: NDArray[np.float64]) -> str:
    """Name a direction in patient coordinates: "L", "AR" (mostly anterior, partly right), ..."""
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length == 0:
        return ""
    unit = np.asarray(vector, np.float64) / length
    order = np.argsort(-np.abs(unit), kind="stable")
    return "".join(
        _TOWARDS[axis] if unit[axis] > 0 else _AWAY[axis]
        for axis in order
        if abs(unit[axis]) >= MIN_COMPONENT
    )


def opposite(label: str) -> str:
    """Return the opposite of a label: "AR" gives "PL"."""
    return "".join(_OPPOSITE.get(letter, "") for letter in label.upper())


def edge_labels(image: Image, frame: int = 0) -> EdgeLabels:
    """Label the four edges of a frame as it is drawn, row 0 at the top and column 0 at the left."""
    geometry = image.geometry
    if geometry.frame_affines is None:
        right, bottom = geometry.directions
    else:
        affine = geometry.frame_affines[frame]
        right, bottom = direction_label(affine[:3, 1]), direction_label(affine[:3, 0])
    return EdgeLabels(opposite(right), right, opposite(bottom), bottom)


def plane_name(affine: NDArray[np.float64]) -> str:
    """Name the plane of a frame ("axial", "coronal", "sagittal"), or "oblique" beyond 30 degrees.

    affine: (4, 4), (row, col, 0, 1) to LPS.
    """
    normal = np.cross(affine[:3, 1], affine[:3, 0])
    length = float(np.linalg.norm(normal))
    if not np.isfinite(length) or length == 0:
        return ""
    components = np.abs(normal) / length
    axis = int(np.argmax(components))
    if components[axis] < np.cos(np.deg2rad(30)):
        return "oblique"
    return ("sagittal", "coronal", "axial")[axis]


def stack_planes(image: Image) -> tuple[str, str, str]:
    """Name the planes that cutting a stack along its frames, rows and columns gives.

    As ``plane_name`` names them; "" for all where the image does not say how it lies.
    """
    affines = image.geometry.frame_affines
    if affines is None:
        return "", "", ""
    row, col = affines[0][:3, 0], affines[0][:3, 1]
    normal = np.cross(col, row)

    def plane(first: NDArray[np.float64], second: NDArray[np.float64]) -> str:
        affine = np.eye(4)
        affine[:3, 0], affine[:3, 1] = first, second
        return plane_name(affine)

    return plane(row, col), plane(normal, col), plane(row, normal)


class SlicePosition(NamedTuple):
    """Where a frame lies along its stack: mm, and which way is counted.

    towards: "H", "F", ... where the patient's coordinates are known, with ``mm`` 0 or above; ""
    where only the distance from the first frame is.
    """

    mm: float
    towards: str = ""


def slice_position(image: Image, frame: int) -> SlicePosition | None:
    """Return a frame's distance from the patient coordinates' origin, along its normal.

    Without patient coordinates, that from the first frame; None where neither is known (pictures,
    cine loops), and where all frames lie at one place.
    """
    affines = image.geometry.frame_affines
    step = image.geometry.slice_spacing
    if affines is None:
        return SlicePosition(frame * step) if step and image.frames > 1 else None
    normal = np.cross(affines[frame, :3, 1], affines[frame, :3, 0])
    length = float(np.linalg.norm(normal))
    if not np.isfinite(length) or length == 0:
        return None
    normal = normal / length
    axis = int(np.argmax(np.abs(normal)))
    normal = normal * (1.0 if normal[axis] > 0 else -1.0)
    distance = float(affines[frame, :3, 3] @ normal)
    if image.frames > 1 and np.ptp(affines[:, :3, 3] @ normal) < 1e-3:
        return None
    letter = (_TOWARDS if distance >= 0 else _AWAY)[axis]
    return SlicePosition(abs(distance), letter)
