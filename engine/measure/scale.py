"""Which scale holds for a measurement: the file's spacing, an ultrasound region's, or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.images.image import Image
from engine.measure.geometry import Point, Spacing


@dataclass(frozen=True)
class Scale:
    """spacing: (row, col) size of a pixel in ``unit``, "mm" or "px". why: why not in mm."""

    spacing: Spacing
    unit: str
    why: str = ""

    @property
    def is_physical(self) -> bool:
        """Whether lengths are in mm."""
        return self.unit == "mm"


def scale_at(image: Image, points: Sequence[Point]) -> Scale:
    """Return the scale that holds for all of ``points``.

    In an ultrasound picture each calibrated region has its own (PS3.3 C.8.5.5), and what lies
    outside them, or reaches from one into another, has none. Without a spacing, pixels count; a
    known aspect ratio still keeps angles true.
    """
    geometry = image.geometry
    touched = False
    for region in geometry.regions:  # smallest first: a zoomed inset before what it lies on
        inside = [region.holds(*point) for point in points]
        if all(inside):
            if region.spacing is not None:
                return Scale(region.spacing, "mm")
            return _pixels(image, "this region's axes are not lengths")
        touched |= any(inside)
    if touched:
        return _pixels(image, "it reaches beyond one calibrated region")
    if any(region.spacing is not None for region in geometry.regions):
        return _pixels(image, "it lies outside the calibrated regions")
    if geometry.spacing is not None:
        return Scale(geometry.spacing, "mm")
    return _pixels(image, "the file gives no pixel spacing")


def _pixels(image: Image, why: str) -> Scale:
    return Scale((image.geometry.pixel_aspect or 1.0, 1.0), "px", why)
