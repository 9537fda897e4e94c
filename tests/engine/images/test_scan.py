"""Folders as they are, and as they were published: what is found in them, and what is not."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image as PillowImage

from engine.images import limits, reader
from engine.images.case import Case
from engine.images.names import natural_key, readable
from engine.images.reference import read_reference_mask, read_reference_volume
from engine.images.scan import scan
from tests.engine.images.pictures import picture, square


def test_hidden_files_links_in_circles_and_the_same_file_twice(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", square(0))
    picture(tmp_path / ".hidden.png", square(0))
    picture(tmp_path / "__MACOSX" / "._a.png", square(0))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "sub" / "again.png").symlink_to(tmp_path / "a.png")
    (tmp_path / "sub" / "dangling.png").symlink_to(tmp_path / "gone.png")
    result = scan([tmp_path, tmp_path / "a.png"])
    assert [case.title for case in result.cases] == ["a"]


def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9 (1).png"
    PillowImage.fromarray(square(0)).save(tmp_path / "plain.png")
    try:
        Path(os.fsdecode(name)).write_bytes((tmp_path / "plain.png").read_bytes())
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    titles = [case.title for case in scan([tmp_path]).cases]
    assert titles == ["caf� (1)", "plain"]
    for title in titles:
        title.encode("utf-8")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_folder_is_a_problem(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0)
    try:
        assert "permission denied" in scan([tmp_path]).problems[0].sentence
    finally:
        locked.chmod(0o700)


def test_named_files_are_reported_and_strangers_in_folders_are_not(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("nothing to see")
    assert scan([tmp_path]).problems == ()
    (problem,) = scan([notes]).problems
    assert "format is not known" in problem.sentence
    (problem,) = scan([tmp_path / "gone.png"]).problems
    assert "no such file" in problem.sentence
    assert scan([]).cases == ()


def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.dcm")
    assert scan([tmp_path]).problems == ()
    assert len(scan([tmp_path / "pipe.dcm"]).problems) == 1


def test_too_many_files_stop_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_FILES", 3)
    for i in range(5):
        picture(tmp_path / f"{i}.png", square(i))
    result = scan([tmp_path])
    assert len(result.cases) == 3
    assert "more than 3 files" in result.problems[0].sentence


def test_thumbnails_are_bounded(tmp_path: Path) -> None:
    picture(tmp_path / "wide.png", np.zeros((10, 3000), np.uint8))
    (case,) = scan([tmp_path]).cases
    assert case.series[0].thumbnail(96).shape == (1, 96, 3)
    assert max(case.series[0].thumbnail(10**6).shape) <= limits.MAX_THUMBNAIL_SIDE


def test_natural_order() -> None:
    names = ["b", "a10", "a2", "A1", "a", "a²", "a02", "10", "9"]
    assert sorted(names, key=natural_key) == [
        "9", "10", "a", "A1", "a02", "a2", "a10", "a²", "b",
    ]  # fmt: skip
    assert readable("a\udce9") == "a\ufffd"


def test_two_echoes_of_a_thigh(shared_data: Path) -> None:
    (case,) = scan([shared_data / "muscle_bids"]).cases
    assert [s.frames for s in case.series] == [7, 7]
    assert ["10.9" in case.series[0].title, "87.2" in case.series[1].title] == [True, True]
    early, late = (s.load(None) for s in case.series)
    assert np.allclose(early.geometry.frame_affines, late.geometry.frame_affines)
    assert early.geometry.slice_spacing == pytest.approx(40, abs=1e-3)
    assert early.pixels.mean() > late.pixels.mean()  # T2 decay


def test_dicom_series_and_its_nifti_twin(shared_data: Path) -> None:
    """Pixels and places of the sarcoma series agree with its NIfTI twin and SimpleITK."""
    dicom_case: Case = scan([shared_data / "sts_dicom_003"]).cases[0]
    dicom = dicom_case.series[0].load(None)
    twin = reader.read(shared_data / "sts_t1" / "STS_003" / "MR_T1_image.nii.gz")
    assert np.array_equal(dicom.pixels, twin.pixels)
    assert np.allclose(
        dicom.geometry.frame_affines[:, :3, [0, 1, 3]],  # type: ignore[index]
        twin.geometry.frame_affines[:, :3, [0, 1, 3]],
        atol=2e-2,
    )  # type: ignore[index]
    series_reader = sitk.ImageSeriesReader()
    series_reader.SetFileNames([str(p) for p in dicom_case.series[0].paths])
    theirs = series_reader.Execute()
    assert np.array_equal(sitk.GetArrayFromImage(theirs), dicom.pixels)
    for frame, row, col in ((0, 0, 0), (46, 137, 120), (20, 50, 60)):
        want = theirs.TransformIndexToPhysicalPoint((col, row, frame))
        point = dicom.geometry.frame_affines[frame] @ (row, col, 0, 1)  # type: ignore[index]
        assert np.allclose(point[:3], want, atol=1e-2)


def test_whole_busi(shared_data: Path) -> None:
    result = scan([shared_data / "busi"])
    assert result.problems == ()
    assert len(result.cases) == 780
    several = [c for c in result.cases if len(c.series[0].reference_masks) > 1]
    assert len(several) == 17
    empty = 0
    for case in result.cases[::26]:
        series = case.series[0]
        assert series.reference_masks
        mask = read_reference_mask(series)
        assert mask.shape == series.shape
        empty += not mask.any()
    normals = [c for c in result.cases[::26] if c.title.startswith("normal")]
    assert empty == len(normals) > 0
    titles = [c.title for c in result.cases]
    assert titles.index("benign (2)") < titles.index("benign (10)")


def test_whole_busbra_and_sts(shared_data: Path) -> None:
    cases = scan([shared_data / "busbra_subset"]).cases
    assert len(cases) == 200
    assert all(len(c.series[0].reference_masks) == 1 for c in cases)
    patients = scan([shared_data / "sts_t1"]).cases
    assert len(patients) == 24
    assert len({c.title for c in patients}) == 24
    assert all(len(c.series[0].reference_masks) == 1 for c in patients)
    smallest = min(patients, key=lambda c: c.series[0].frames)
    assert 0 < read_reference_volume(smallest.series[0]).mean() < 0.5
