"""What lies under the cursor."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

import numpy as np

from engine.images.image import Image
from engine.saliency.map import SaliencyMap


@dataclass(frozen=True)
class CursorReading:
    """An image position and what is known there.

    row, col: the position, 0 at the centre of the first pixel. frame: the frame shown.
    inside: whether it lies on the image; what follows is None where it does not.
    value: the pixel's value in the image's unit, or (red, green, blue). map_value: the raw value
    of the map shown. position_mm: DICOM patient coordinates (LPS). plane_mm: (x, y) on the
    image from its first pixel. Both mm only where the file gives them. elsewhere: it is not the
    image and frame that is being read, but one shown beside it.
    """

    row: float
    col: float
    frame: int
    inside: bool
    value: float | tuple[int, int, int] | None = None
    map_value: float | None = None
    position_mm: tuple[float, float, float] | None = None
    plane_mm: tuple[float, float] | None = None
    unit: str = ""
    elsewhere: bool = False

    @property
    def pixel(self) -> tuple[int, int]:
        """The pixel (row, col) that the position lies in."""
        return floor(self.row + 0.5), floor(self.col + 0.5)


def read(
    image: Image, frame: int, saliency: SaliencyMap | None, row: float, col: float
) -> CursorReading:
    """Read image and map at a position; ``saliency`` has the image's shape."""
    rows, cols = image.shape
    r, c = floor(row + 0.5), floor(col + 0.5)
    if not (0 <= r < rows and 0 <= c < cols):
        return CursorReading(row, col, frame, inside=False)
    pixel = image.frame(frame)[r, c]
    value = tuple(int(v) for v in pixel) if image.is_colour else float(pixel)
    geometry = image.geometry
    position = None
    if geometry.frame_affines is not None:
        x, y, z, _ = geometry.frame_affines[frame] @ np.array([row, col, 0.0, 1.0])
        position = (float(x), float(y), float(z))
    plane = None
    if geometry.spacing is not None:
        plane = (col * geometry.spacing[1], row * geometry.spacing[0])
    return CursorReading(
        row,
        col,
        frame,
        inside=True,
        value=value,  # type: ignore[arg-type]
        map_value=None if saliency is None else float(saliency.values[r, c]),
        position_mm=position,
        plane_mm=plane,
        unit=image.display.unit,
    )
