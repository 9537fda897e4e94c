"""Segmentations that highdicom made, of kinds this program does not write, read onto the image.

Fractional and label-map, of slices that lie oblique, flipped and anisotropic, and of multi-frame
files; with all frames stored and with empty ones left out; and in an order of their own.
"""

from __future__ import annotations

from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, RLELossless, generate_uid

from engine.errors import MaskError
from engine.images.image import Image
from engine.masks import formats
from engine.masks.formats import nifti, nrrd
from tests.engine.masks.mask_images import (
    assert_lies_where_it_was_drawn,
    enhanced,
    single_frames,
    turned,
)

TURNS = {
    "axis-aligned": np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, 1]]),
    "flipped": np.array([[0.0, -1, 0], [-1, 0, 0], [0, 0, 1]]),
    "oblique": turned(7),
}


def segmentation(
    image: Image, pixels: np.ndarray, kind: str, labels: list[str], **options: object
) -> pydicom.Dataset:
    """By highdicom, from the source files themselves; pixels (frames, rows, cols[, segments])."""
    described = [
        hd.seg.SegmentDescription(
            number,
            label,
            codes.SCT.Tissue,
            codes.SCT.Tissue,
            hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
            hd.AlgorithmIdentificationSequence("Net", codes.DCM.ArtificialIntelligence, "1"),
        )
        for number, label in enumerate(labels, 1)
    ]
    sources = [pydicom.dcmread(p) for p in dict.fromkeys(image.identity.source_paths)]
    for source in sources:
        for keyword in ("PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID"):
            setattr(source, keyword, "")
        source.AccessionNumber = ""
    return hd.seg.Segmentation(
        sources,
        pixels,
        kind,
        described,
        generate_uid(),
        900,
        generate_uid(),
        1,
        "Maker",
        "Model",
        "1",
        "1",
        **options,
    )


def drawn(image: Image, seed: int = 0) -> np.ndarray:
    """(frames, rows, cols) without any symmetry, nothing on the second frame."""
    found = np.random.default_rng(seed).random((image.frames, *image.shape)) < 0.2
    found[:, 2:9, 3:17] = True
    found[1] = False
    return found


def sources(tmp_path: Path, source: str, turn: str) -> Image:
    if source == "multi-frame":
        return enhanced(tmp_path / "e.dcm", TURNS[turn])
    step = -2.5 if source == "backwards" else 3.3
    return single_frames(tmp_path / "s", TURNS[turn], step)


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("source", ["slices", "backwards", "multi-frame"])
@pytest.mark.parametrize("fractions", ["PROBABILITY", "OCCUPANCY"])
def test_fractions_count_from_a_half_up(tmp_path, turn, source, fractions):
    image = sources(tmp_path, source, turn)
    values = np.random.default_rng(1).random((image.frames, *image.shape))
    values[1] = 0
    made = segmentation(
        image, values, "FRACTIONAL", ["Fat"], fractional_type=fractions, max_fractional_value=200
    )
    made.save_as(tmp_path / "f.dcm")
    (mask,) = formats.read(tmp_path / "f.dcm", image)
    # Stored as whole numbers of 200; those that round to exactly a half count, too.
    stored = np.around(values * 200)
    np.testing.assert_array_equal(mask.volume(), stored >= 100)
    assert mask.label == "Fat" and "from a half up" in mask.notes[0]
    nifti.export(mask, image, tmp_path / "m.nii.gz")
    assert_lies_where_it_was_drawn(tmp_path / "m.nii.gz", mask, image)


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("source", ["slices", "backwards", "multi-frame"])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_label_maps_give_a_mask_a_label(tmp_path, turn, source, syntax):
    image = sources(tmp_path, source, turn)
    first, second = drawn(image), drawn(image, 5)
    second &= ~first
    labels = first.astype(np.uint8) + 2 * second.astype(np.uint8)
    made = segmentation(image, labels, "LABELMAP", ["Fat", "Oedema"], transfer_syntax_uid=syntax)
    assert made.SOPClassUID == "1.2.840.10008.5.1.4.1.1.66.7"
    made.save_as(tmp_path / "l.dcm")
    masks = formats.read(tmp_path / "l.dcm", image)
    named = {m.label: m for m in masks if not m.is_empty}
    np.testing.assert_array_equal(named["Fat"].volume(), first)
    np.testing.assert_array_equal(named["Oedema"].volume(), second)
    assert set(named) == {"Fat", "Oedema"}
    nrrd.export([named["Oedema"]], image, tmp_path / "m.nrrd")
    assert_lies_where_it_was_drawn(tmp_path / "m.nrrd", named["Oedema"], image)


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_frames_in_an_order_of_their_own_and_empty_ones(tmp_path, kind):
    image = single_frames(tmp_path / "s", TURNS["oblique"])
    pixels = drawn(image)
    options = {"fractional_type": "PROBABILITY"} if kind == "FRACTIONAL" else {}
    value = pixels.astype(float) if kind == "FRACTIONAL" else pixels.astype(np.uint8)
    for omit in (True, False):
        made = segmentation(image, value, kind, ["A"], omit_empty_frames=omit, **options)
        assert int(made.NumberOfFrames) == (image.frames - 1 if omit else image.frames)
        made.save_as(tmp_path / "a.dcm")
        read = [m for m in formats.read(tmp_path / "a.dcm", image) if not m.is_empty]
        np.testing.assert_array_equal(read[0].volume(), pixels)
        # The image's own frames in another order are found again by what each frame says.
        turned_round = pydicom.dcmread(tmp_path / "a.dcm")
        count = int(turned_round.NumberOfFrames)
        if kind == "BINARY":
            continue  # frames share bytes
        stored = turned_round.pixel_array[::-1]
        turned_round.PixelData = stored.tobytes()
        groups = list(turned_round.PerFrameFunctionalGroupsSequence)
        turned_round.PerFrameFunctionalGroupsSequence = groups[::-1]
        assert len(stored) == count
        turned_round.save_as(tmp_path / "b.dcm")
        read = [m for m in formats.read(tmp_path / "b.dcm", image) if not m.is_empty]
        np.testing.assert_array_equal(read[0].volume(), pixels)


@pytest.mark.parametrize("kind", ["FRACTIONAL", "LABELMAP"])
def test_of_another_image_they_are_refused(tmp_path, kind):
    image = single_frames(tmp_path / "s", TURNS["oblique"])
    options = {"fractional_type": "PROBABILITY"} if kind == "FRACTIONAL" else {}
    pixels = drawn(image).astype(float if options else np.uint8)
    segmentation(image, pixels, kind, ["A"], **options).save_as(tmp_path / "a.dcm")
    other = single_frames(tmp_path / "o", TURNS["flipped"])
    with pytest.raises(MaskError, match="another image"):
        formats.read(tmp_path / "a.dcm", other)


def test_overlapping_segments_stay_apart(tmp_path):
    image = enhanced(tmp_path / "e.dcm", TURNS["oblique"])
    both = np.stack([drawn(image), drawn(image, 5)], axis=-1)
    assert (both.all(axis=-1)).any()
    for kind, value in (("BINARY", both.astype(np.uint8)), ("FRACTIONAL", both.astype(float))):
        options = {"fractional_type": "OCCUPANCY"} if kind == "FRACTIONAL" else {}
        segmentation(image, value, kind, ["A", "B"], **options).save_as(tmp_path / "a.dcm")
        for number, mask in enumerate(formats.read(tmp_path / "a.dcm", image)):
            np.testing.assert_array_equal(mask.volume(), both[..., number])
