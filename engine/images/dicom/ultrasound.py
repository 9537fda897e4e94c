"""Ultrasound regions and their calibration: PS3.3 C.8.5.5."""

from __future__ import annotations

from pydicom.dataset import Dataset

from engine.images.dicom import values
from engine.images.image import ScaledRegion

CENTIMETRES = 3  # C.8.5.5.1.15, Physical Units X and Y Direction
TWO_D = 1  # C.8.5.5.1.1, Region Spatial Format
LOW_PRIORITY = 1  # C.8.5.5.1.3, Region Flags, bit 0
SAME = 1e-3  # relative difference below which two calibrations are one


def regions(dataset: Dataset, shape: tuple[int, int]) -> tuple[ScaledRegion, ...]:
    """Return the regions that begin within the picture, smallest first; high priority before low.

    Only 2-D regions calibrated in centimetres along both axes have a spacing.
    """
    found: list[tuple[int, int, ScaledRegion]] = []
    for item in values.items(dataset, "SequenceOfUltrasoundRegions"):
        box = [
            values.integer(item, keyword)
            for keyword in (
                "RegionLocationMinY0",
                "RegionLocationMinX0",
                "RegionLocationMaxY1",
                "RegionLocationMaxX1",
            )
        ]
        if None in box:
            continue
        top, left, bottom, right = (int(v or 0) for v in box)
        if not (bottom >= top >= 0 and right >= left >= 0 and top < shape[0] and left < shape[1]):
            continue
        region = ScaledRegion(top, left, bottom, right, _spacing(item))
        low = (values.integer(item, "RegionFlags") or 0) & LOW_PRIORITY
        found.append((low, region.area, region))
    return tuple(region for _, _, region in sorted(found, key=lambda entry: entry[:2]))


def _spacing(item: Dataset) -> tuple[float, float] | None:
    if values.integer(item, "RegionSpatialFormat") != TWO_D:
        return None
    units = (
        values.integer(item, "PhysicalUnitsXDirection"),
        values.integer(item, "PhysicalUnitsYDirection"),
    )
    if units != (CENTIMETRES, CENTIMETRES):
        return None
    # The deltas' signs say which way the axes point; the distance is their size.
    col = abs(values.number(item, "PhysicalDeltaX") or 0.0) * 10.0
    row = abs(values.number(item, "PhysicalDeltaY") or 0.0) * 10.0
    return (row, col) if 0 < row < 10 and 0 < col < 10 else None


def spacing(
    dataset: Dataset, shape: tuple[int, int], notes: list[str]
) -> tuple[float, float] | None:
    """Return the (row, col) spacing in mm that the regions give, or None.

    Where regions are calibrated differently (a picture beside its zoom), the largest counts and
    a note says so.
    """
    scaled = [(r, r.spacing) for r in regions(dataset, shape) if r.spacing is not None]
    if not scaled:
        return None
    largest, scale = max(scaled, key=lambda pair: pair[0].area)
    if any(abs(s[i] - scale[i]) > SAME * scale[i] for _, s in scaled for i in (0, 1)):
        notes.append(
            "Its regions have different scales; lengths hold in the largest one, columns "
            f"{largest.left} to {largest.right} and rows {largest.top} to {largest.bottom}."
        )
    return scale
