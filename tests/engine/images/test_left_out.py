"""A series with slices that cannot be read: the rest opens, and the gap is closed nowhere."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image as PillowImage
from pydicom.uid import RLELossless

from engine.cli.main import main
from engine.errors import InvalidInputError, UnreadableImageError
from engine.export.batch import export
from engine.export.running import Item
from engine.export.wanted import Wanted
from engine.images.case import Series
from engine.images.image import Image
from engine.images.reference import of_frames, read_reference_volume
from engine.images.reslice import can_reslice, reslice
from engine.images.scan import scan
from engine.masks import formats
from engine.masks.document import MaskDocument
from engine.masks.formats.grid import NoGridError, grid_of
from engine.masks.interpolation import slice_places
from engine.masks.mask import ImageReference, Mask
from engine.masks.measure import statistics
from engine.masks.region import region_through
from tests.engine.images.dicom_files import dataset, save, slice_

STEP = 3.0


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def series_of(folder: Path) -> Series:
    result = scan([folder])
    assert result.problems == ()
    (case,) = result.cases
    (series,) = case.series
    return series


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """Nine slices, 3 mm apart; each holds its number plus 10."""
    folder = tmp_path / "stack"
    folder.mkdir()
    for i in range(9):
        save(slice_(i * STEP, value=i + 10, InstanceNumber=i + 1), folder / f"IM{i}")
    return folder


def opened(folder: Path) -> Image:
    return series_of(folder).load(None)


def test_the_rest_of_the_series_opens_and_one_sentence_says_what_is_missing(stack: Path) -> None:
    cut_short(stack / "IM4")
    image = opened(stack)
    assert image.pixels[:, 0, 0].tolist() == [10, 11, 12, 13, 15, 16, 17, 18]
    heights = [i * STEP for i in (0, 1, 2, 3, 5, 6, 7, 8)]
    assert image.geometry.frame_affines[:, 2, 3].tolist() == heights  # type: ignore[index]
    assert [path.name for path in image.identity.source_paths] == [
        f"IM{i}" for i in (0, 1, 2, 3, 5, 6, 7, 8)
    ]
    assert [pydicom.dcmread(p).SOPInstanceUID for p in image.identity.source_paths] == list(
        image.identity.sop_instance_uids
    )
    assert image.notes == (
        "1 of 9 slices is left out, as the file IM4 cannot be read: it is cut short, with 76 of 96 "
        "bytes of pixels; copy or export it again.",
        "About 1 slice is missing, after slice 4.",
    )
    assert image.said_of_left_out("a file").startswith("1 of 9 slices is left out, as a file can")
    assert (image.geometry.gaps, image.geometry.slice_spacing) == ((3,), None)


def test_a_slice_that_cannot_be_decoded_and_one_that_has_gone_are_left_out(stack: Path) -> None:
    broken = slice_(5 * STEP, value=15, InstanceNumber=6)
    broken.compress(RLELossless)
    broken.PixelData = broken.PixelData[:16] + b"\xff" * (len(broken.PixelData) - 16)
    save(broken, stack / "IM5")
    series = series_of(stack)
    (stack / "IM7").unlink()
    image = series.load(None)
    assert image.pixels[:, 0, 0].tolist() == [10, 11, 12, 13, 14, 16, 18]
    assert [one.place for one in image.left_out] == [5, 7]
    assert image.geometry.gaps == (4, 5)
    assert image.notes[0].startswith(
        "2 of 9 slices are left out, as their files cannot be read; the first is the file IM5: "
    )
    # The small picture in the list is of a slice that can be read.
    cut_short(stack / "IM4")
    assert series_of(stack).thumbnail(32).shape[2] == 3


def test_at_the_end_of_a_stack_no_gap_is_left(stack: Path) -> None:
    cut_short(stack / "IM0")
    cut_short(stack / "IM8")
    image = opened(stack)
    assert image.frames == 7
    assert image.geometry.gaps == ()
    assert image.geometry.slice_spacing == pytest.approx(STEP)
    assert len(image.notes) == 1
    assert can_reslice(image)


def test_every_second_slice_is_no_even_stack(stack: Path) -> None:
    """What is left is 6 mm apart everywhere, which would pass for the series' own spacing."""
    for i in (1, 3, 5, 7):
        cut_short(stack / f"IM{i}")
    image = opened(stack)
    assert image.frames == 5
    assert image.geometry.gaps == (0, 1, 2, 3)
    assert image.geometry.slice_spacing is None
    assert image.geometry.frame_affines[0, 2, 2] == pytest.approx(STEP)  # type: ignore[index]
    assert not can_reslice(image)
    with pytest.raises(InvalidInputError):
        reslice(image, 1)


def test_where_all_are_damaged_one_sentence_says_so(stack: Path) -> None:
    for path in stack.iterdir():
        cut_short(path)
    with pytest.raises(UnreadableImageError) as caught:
        opened(stack)
    assert str(caught.value).startswith("IM0 cannot be read: it is cut short")


def test_memory_running_out_is_no_damaged_slice(
    stack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    series = series_of(stack)

    def out_of_memory(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("engine.images.dicom.lut.to_modality", out_of_memory)
    with pytest.raises(UnreadableImageError, match="not enough memory"):
        series.load(None)


def test_volumes_grids_and_regions_stop_at_the_gap(stack: Path) -> None:
    cut_short(stack / "IM4")
    image = opened(stack)
    everywhere = np.ones(image.shape, np.bool_)
    mask = Mask(ImageReference.of(image), frames=dict.fromkeys(range(8), everywhere))
    assert statistics(mask, image).ml is None
    assert statistics(mask, image, 2).mm2 == pytest.approx(48 * 1.5 * 0.5)
    with pytest.raises(NoGridError, match="Slices are missing from this image, after slice 4"):
        grid_of(image)
    for seed, reached in ((0, [0, 1, 2, 3]), (6, [4, 5, 6, 7])):
        assert list(region_through(image, (seed, 0, 0), 0, 99)) == reached
    assert MaskDocument(image, [mask]).frame_word == "slice"
    # The shape between two slices is taken at its place in space.
    steps = np.abs(np.diff(slice_places(image.geometry, 8)))
    assert steps.tolist() == pytest.approx([STEP, STEP, STEP, 2 * STEP, STEP, STEP, STEP])


def test_a_segmentation_lies_where_the_slices_do(stack: Path, tmp_path: Path) -> None:
    whole = opened(stack)
    cut_short(stack / "IM4")
    image = opened(stack)
    drawn = np.zeros(image.shape, np.bool_)
    drawn[2:5, 1:4] = True
    mask = Mask(ImageReference.of(image), "Lesion", frames={3: drawn, 4: drawn})
    formats.write([mask], image, tmp_path / "mask.dcm", "dicom-seg")
    made = pydicom.dcmread(tmp_path / "mask.dcm")
    measures = made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert float(measures.SliceThickness) == pytest.approx(STEP)
    # On the whole series, once its file is mended, it marks the same two slices and no third.
    (back,) = formats.read(tmp_path / "mask.dcm", whole)
    assert sorted(i for i, pixels in back.frames.items() if pixels.any()) == [3, 5]


def test_each_frame_keeps_its_own_reference(tmp_path: Path) -> None:
    """A manifest names a mask a slice; those after the one left out must not move up."""
    folder = tmp_path / "with"
    folder.mkdir()
    rows = []
    for i in range(5):
        save(slice_(i * STEP, value=i, InstanceNumber=i + 1), folder / f"s{i}.dcm")
        marked = np.zeros((8, 6), np.uint8)
        marked[i] = 255
        PillowImage.fromarray(marked).save(folder / f"m{i}.png")
        rows.append({"path": f"s{i}.dcm", "mask": f"m{i}.png"})
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["path", "mask"])
        writer.writeheader()
        writer.writerows(rows)
    series = series_of(folder)
    assert len(series.frame_masks) == 5
    cut_short(folder / "s1.dcm")
    image = series.load(None)
    reference = of_frames(read_reference_volume(series), image)
    assert [int(np.flatnonzero(frame.any(axis=1))[0]) for frame in reference] == [0, 2, 3, 4]


def test_unplaced_slices_keep_their_gap(tmp_path: Path) -> None:
    for i in range(4):
        made = dataset(np.full((8, 6), i, np.int16), InstanceNumber=i + 1)
        save(made, tmp_path / f"{i}.dcm")
    cut_short(tmp_path / "1.dcm")
    image = opened(tmp_path)
    assert image.pixels[:, 0, 0].tolist() == [0, 2, 3]
    assert image.geometry.gaps == (0,)
    assert slice_places(image.geometry, 3).tolist() == [0, 2, 3]
    with pytest.raises(NoGridError):
        grid_of(image)


def test_a_missing_file_is_a_gap_like_a_damaged_one(stack: Path) -> None:
    (stack / "IM4").unlink()
    image = opened(stack)
    assert image.left_out == ()
    assert image.geometry.gaps == (3,)
    with pytest.raises(NoGridError, match="after slice 4"):
        grid_of(image)


@pytest.mark.parametrize(
    ("gone", "gaps", "said"),
    [
        ((1, 4, 5, 6, 7, 8), (0,), "About 1 slice is missing, after slice 1."),
        ((3, 5, 7, 8), (2, 3), "About 2 slices are missing, after slice 3, 4."),
        ((3, 4, 5, 6, 7, 8), (), ""),
    ],
)
def test_a_gap_is_seen_in_a_short_stack_too(
    stack: Path, gone: tuple[int, ...], gaps: tuple[int, ...], said: str
) -> None:
    """Steps and gaps of one number have their mean for a median, which is neither."""
    for i in gone:
        (stack / f"IM{i}").unlink()
    image = opened(stack)
    assert image.geometry.gaps == gaps
    assert " ".join(image.notes) == said
    reached = region_through(image, (0, 0, 0), 0, 99)
    assert list(reached) == list(range(gaps[0] + 1 if gaps else image.frames))


def test_a_batch_and_the_command_line_say_it(
    stack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut_short(stack / "IM4")
    (case,) = scan([stack]).cases
    item = Item(case, case.series[0])
    for hidden in (False, True):
        wanted = Wanted(masks=("png",), images=True, deidentify=hidden)
        done = export([item], tmp_path / f"away{hidden}", wanted)
        (said,) = [note for note in done.notes if "left out" in note]
        assert ("IM4" in said) is not hidden
        assert len(list((tmp_path / f"away{hidden}").rglob("images/*"))) == 8

    image = opened(stack)
    drawn = np.ones((8, 6), np.uint8) * 255
    PillowImage.fromarray(drawn).save(tmp_path / "drawn.png")
    out = tmp_path / "back.dcm"
    given = ["convert-mask", str(tmp_path / "drawn.png"), "--image", str(stack), "--frame", "4"]
    assert main([*given, "--to", "dicom-seg", "--out", str(out)]) == 0
    assert image.said_of_left_out() in capsys.readouterr().err
    refers = pydicom.dcmread(out).ReferencedSeriesSequence[0].ReferencedInstanceSequence
    fifth = pydicom.dcmread(stack / "IM5").SOPInstanceUID
    assert [one.ReferencedSOPInstanceUID for one in refers] == [fifth]
