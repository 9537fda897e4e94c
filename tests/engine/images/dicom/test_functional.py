"""Enhanced multi-frame files: what each frame has of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    EnhancedMRImageStorage,
    RLELossless,
)

from engine.images import reader, windowing
from engine.images.image import Window
from engine.images.orientation import edge_labels
from tests.engine.images.dicom_files import dataset, item, save, sequence


def _enhanced(count: int = 4, **elements: object) -> pydicom.FileDataset:
    pixels = np.stack([np.full((8, 6), 100 + i, np.int16) for i in range(count)])
    shared = item(
        PixelMeasuresSequence=sequence(item(PixelSpacing=[1.5, 0.5], SliceThickness=2.0)),
        PlaneOrientationSequence=sequence(item(ImageOrientationPatient=[0, 1, 0, 0, 0, -1])),
    )
    frames = [
        item(
            PlanePositionSequence=sequence(item(ImagePositionPatient=[3.0 * i, 5, 7])),
            PixelValueTransformationSequence=sequence(
                item(RescaleSlope=1 + i, RescaleIntercept=-i, RescaleType="US")
            ),
            FrameVOILUTSequence=sequence(item(WindowCenter=10 * (i + 1), WindowWidth=20)),
        )
        for i in range(count)
    ]
    return dataset(
        pixels,
        SOPClassUID=EnhancedMRImageStorage,
        SharedFunctionalGroupsSequence=sequence(shared),
        PerFrameFunctionalGroupsSequence=sequence(*frames),
        **elements,
    )


@pytest.mark.parametrize("syntax", [None, RLELossless])
def test_enhanced_frames_have_their_own_place_rescale_and_window(
    tmp_path: Path, syntax: str | None
) -> None:
    made = _enhanced()
    if syntax is not None:
        made.compress(syntax)
    image = reader.read(save(made, tmp_path / "a"))
    assert image.frames == 4
    for i in range(4):
        assert (image.frame(i) == (100 + i) * (1 + i) - i).all()
        affine = image.geometry.frame_affines[i]  # type: ignore[index]
        assert np.allclose((affine @ (2, 4, 0, 1))[:3], (3.0 * i, 5 + 4 * 0.5, 7 - 2 * 1.5))
        assert windowing.default_window(image, i) == Window(10 * (i + 1), 20)
    assert image.geometry.slice_spacing == pytest.approx(3.0)
    assert image.identity.sop_frames == (1, 2, 3, 4)
    assert tuple(edge_labels(image)) == ("A", "P", "H", "F")


def test_real_enhanced_file(shared_data: Path) -> None:
    image = reader.read(shared_data / "muscle_myoqmri" / "image0001.dcm")
    assert (image.frames, image.shape) == (8, (128, 256))
    assert image.geometry.spacing == (1.5625, 1.5625)
    assert image.geometry.slice_spacing == pytest.approx(37.1, abs=1e-3)
    theirs = pydicom.dcmread(shared_data / "muscle_myoqmri" / "image0001.dcm")
    assert np.array_equal(image.pixels, theirs.pixel_array)
    first = theirs.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0]
    assert np.allclose(
        image.geometry.frame_affines[0][:3, 3],  # type: ignore[index]
        [float(v) for v in first.ImagePositionPatient],
    )
