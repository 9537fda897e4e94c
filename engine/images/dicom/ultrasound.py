"""Ultrasound regions and their calibration: PS3.3 C.8.5.5."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset

from engine.images.dicom import values

CENTIMETRES = 3  # C.8.5.5.1.15, Physical Units X and Y Direction
TWO_D = 1  # C.8.5.5.1.1, Region Spatial Format
SAME = 1e-3  # relative difference below which two calibrations are one


@dataclass(frozen=True)
class Region:
    """A calibrated 2-D region: its box in pixels (inclusive) and mm per (row, col)."""

    top: int
    left: int
    bottom: int
    right: int
    spacing: tuple[float, float]

    @property
    def area(self) -> int:
        """Pixels."""
        return (self.bottom - self.top + 1) * (self.right - self.left + 1)


def regions(dataset: Dataset) -> list[Region]:
    """Return the 2-D regions that are calibrated in centimetres along both axes."""
    found = []
    for item in values.items(dataset, "SequenceOfUltrasoundRegions"):
        if values.integer(item, "RegionSpatialFormat") != TWO_D:
            continue
        units = (
            values.integer(item, "PhysicalUnitsXDirection"),
            values.integer(item, "PhysicalUnitsYDirection"),
        )
        if units != (CENTIMETRES, CENTIMETRES):
            continue
        # The deltas' signs say which way the axes point; the distance is their size.
        col = abs(values.number(item, "PhysicalDeltaX") or 0.0) * 10.0
        row = abs(values.number(item, "PhysicalDeltaY") or 0.0) * 10.0
        box = [
            values.integer(item, keyword)
            for keyword in (
                "RegionLocationMinY0",
                "RegionLocationMinX0",
                "RegionLocationMaxY1",
                "RegionLocationMaxX1",
            )
        ]
        if not (0 < row < 10 and 0 < col < 10) or None in box:
            continue
        top, left, bottom, right = (int(v or 0) for v in box)
        if bottom >= top >= 0 and right >= left >= 0:
            found.append(Region(top, left, bottom, right, (row, col)))
    return found


def spacing(
    dataset: Dataset, shape: tuple[int, int], notes: list[str]
) -> tuple[float, float] | None:
    """Return the (row, col) spacing in mm that the regions give, or None.

    Where regions are calibrated differently (a picture beside its zoom), the largest counts and
    a note says so.
    """
    found = [r for r in regions(dataset) if r.top < shape[0] and r.left < shape[1]]
    if not found:
        return None
    largest = max(found, key=lambda region: region.area)
    if any(
        abs(r.spacing[i] - largest.spacing[i]) > SAME * largest.spacing[i]
        for r in found
        for i in (0, 1)
    ):
        notes.append(
            "Its regions have different scales; lengths hold in the largest one, columns "
            f"{largest.left} to {largest.right} and rows {largest.top} to {largest.bottom}."
        )
    return largest.spacing
