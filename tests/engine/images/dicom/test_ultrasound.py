"""Regions of an ultrasound image, each with a scale of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import (
    UltrasoundImageStorage,
)

from engine.images import reader
from tests.engine.images.dicom_files import dataset, item, save, sequence


def _region(dx: float, dy: float, box: tuple[int, ...], units: int = 3, space: int = 1):  # type: ignore[no-untyped-def]
    return item(
        RegionSpatialFormat=space,
        RegionDataType=1,
        RegionLocationMinX0=box[0],
        RegionLocationMinY0=box[1],
        RegionLocationMaxX1=box[2],
        RegionLocationMaxY1=box[3],
        PhysicalUnitsXDirection=units,
        PhysicalUnitsYDirection=units,
        PhysicalDeltaX=dx,
        PhysicalDeltaY=dy,
    )


def test_ultrasound_regions(tmp_path: Path) -> None:
    """PhysicalDelta is in centimetres a pixel (PS3.3 C.8.5.5.1.17); its sign is a direction."""
    pixels = np.zeros((80, 100), np.uint8)
    us = {"Modality": "US", "SOPClassUID": UltrasoundImageStorage}
    one = _region(0.02, -0.03, (0, 0, 49, 79))
    image = reader.read(
        save(dataset(pixels, SequenceOfUltrasoundRegions=sequence(one), **us), tmp_path / "a")
    )
    assert image.geometry.spacing == pytest.approx((0.3, 0.2))
    assert image.notes == ()

    zoom = _region(0.01, 0.01, (60, 0, 79, 19))
    doppler = _region(0.01, 5.0, (0, 0, 99, 79), units=4, space=3)
    both = sequence(doppler, zoom, one)
    image = reader.read(
        save(dataset(pixels, SequenceOfUltrasoundRegions=both, **us), tmp_path / "b")
    )
    assert image.geometry.spacing == pytest.approx((0.3, 0.2))
    assert "different scales" in image.notes[0]
    # For measuring, each keeps its own; the smallest comes first, spectra have no lengths.
    assert [(r.left, r.spacing) for r in image.geometry.regions] == [
        (60, pytest.approx((0.1, 0.1))),
        (0, pytest.approx((0.3, 0.2))),
        (0, None),
    ]

    only_doppler = sequence(doppler)
    image = reader.read(
        save(dataset(pixels, SequenceOfUltrasoundRegions=only_doppler, **us), tmp_path / "c")
    )
    assert image.geometry.spacing is None
    (region,) = image.geometry.regions
    assert region.spacing is None and region.holds(79, 99) and not region.holds(80, 99)
