"""Folders to cases: grouping, order, splits, notes, pairs, and folders as they are."""

from __future__ import annotations

import csv
import os
import random
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from PIL import Image as PillowImage
from pydicom.uid import EnhancedMRImageStorage, UltrasoundImageStorage, generate_uid

import resources
from engine.errors import CancelledError, UnreadableImageError
from engine.images import limits, reader
from engine.images.case import Case, Series
from engine.images.names import natural_key, readable
from engine.images.reference import read_reference_mask, read_reference_volume
from engine.images.scan import scan
from engine.progress import Progress
from tests.engine.images.dicom_files import dataset, item, save, sequence, slice_


def _series(folder: Path) -> tuple[Series, ...]:
    result = scan([folder])
    assert result.problems == ()
    (case,) = result.cases
    return case.series


# --- Order and splits --------------------------------------------------------------------------


def test_slices_are_sorted_by_position_not_by_name_or_number(tmp_path: Path) -> None:
    numbers = list(range(9))
    random.Random(4).shuffle(numbers)
    names = list(range(9))
    random.Random(5).shuffle(names)
    for i in range(9):
        made = slice_(i * 3.0 - 10, value=i, InstanceNumber=numbers[i] + 1)
        save(made, tmp_path / f"IM{names[i]}")  # without an extension
    (series,) = _series(tmp_path)
    image = series.load(None)
    assert image.pixels[:, 0, 0].tolist() == list(range(9))
    assert image.geometry.slice_spacing == pytest.approx(3.0)
    assert image.geometry.frame_affines[:, 2, 3].tolist() == [i * 3.0 - 10 for i in range(9)]  # type: ignore[index]
    assert image.notes == ()
    assert series.frames == 9
    assert len(image.identity.sop_instance_uids) == 9
    assert [pydicom.dcmread(p).SOPInstanceUID for p in series.paths] == list(
        image.identity.sop_instance_uids
    )


def test_oblique_slices_are_sorted_along_their_normal(tmp_path: Path) -> None:
    """Along this normal the z coordinate falls as the position grows."""
    col, row = np.array([0.0, 1.0, 0.0]), np.array([0.6, 0.0, 0.8])
    normal = np.cross(col, row)
    for i in range(6):
        made = slice_(
            0,
            value=i,
            InstanceNumber=(i * 5) % 6,
            ImageOrientationPatient=[*col, *row],
            ImagePositionPatient=[float(v) for v in normal * 4.0 * i],
        )
        save(made, tmp_path / f"{(i * 7) % 6}.dcm")
    (series,) = _series(tmp_path)
    assert series.load(None).pixels[:, 0, 0].tolist() == list(range(6))


def test_echoes_are_split(tmp_path: Path) -> None:
    for echo, time in enumerate((87.2, 10.9)):
        for i in range(3):
            made = slice_(i * 3.0, value=echo, EchoTime=time, InstanceNumber=echo * 3 + i)
            save(made, tmp_path / f"{echo}{i}.dcm")
    first, second = _series(tmp_path)
    assert ("TE 10.9 ms" in first.title, "TE 87.2 ms" in second.title) == (True, True)
    assert (first.load(None).pixels == 1).all()
    assert (second.load(None).pixels == 0).all()


def test_magnitude_and_phase_and_dixon_contrasts_are_split(tmp_path: Path) -> None:
    for kind in ("M", "P", "WATER", "FAT"):
        for i in range(2):
            made = slice_(i * 3.0, ImageType=["ORIGINAL", "PRIMARY", kind])
            save(made, tmp_path / f"{kind}{i}.dcm")
    titles = " ".join(series.title for series in _series(tmp_path))
    for word in ("magnitude", "phase", "water", "fat"):
        assert word in titles


def test_time_points_are_split_only_where_they_share_places(tmp_path: Path) -> None:
    for time in (1, 2, 3):
        for i in range(2):
            made = slice_(i * 3.0, value=time, TemporalPositionIdentifier=time)
            save(made, tmp_path / f"{time}{i}.dcm")
    series = _series(tmp_path)
    assert [s.frames for s in series] == [2, 2, 2]
    assert [int(s.load(None).pixels[0, 0, 0]) for s in series] == [1, 2, 3]

    # Slices triggered at different times, one each: still one stack.
    other = tmp_path / "other"
    other.mkdir()
    for i in range(4):
        save(slice_(i * 3.0, TriggerTime=i * 100.0), other / f"{i}.dcm")
    assert [s.frames for s in _series(other)] == [4]


def test_localisers_are_split_by_orientation_and_size(tmp_path: Path) -> None:
    planes = ([1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, -1], [0, 1, 0, 0, 0, -1])
    for plane in planes:
        for i in range(2):
            save(
                slice_(0, ImageOrientationPatient=plane, ImagePositionPatient=[3 * i] * 3),
                tmp_path / f"{generate_uid()}.dcm",
            )
    save(slice_(0, shape=(4, 4)), tmp_path / "small.dcm")
    titles = [series.title for series in _series(tmp_path)]
    assert len(titles) == 4
    for word in ("axial", "coronal", "sagittal", "4 × 4"):
        assert any(word in title for title in titles), titles


def test_gaps_duplicates_and_copies_are_reported(tmp_path: Path) -> None:
    for i in (0, 1, 2, 5, 6):
        save(slice_(i * 3.0, InstanceNumber=i), tmp_path / f"{i}.dcm")
    (series,) = _series(tmp_path)
    assert series.notes == ("About 2 slices are missing, after slice 3.",)
    image = series.load(None)
    assert image.geometry.slice_spacing is None
    assert series.notes[0] in image.notes

    (tmp_path / "copy.dcm").write_bytes((tmp_path / "1.dcm").read_bytes())
    (series,) = _series(tmp_path)
    assert series.frames == 5
    assert any("1 file is a copy" in note for note in series.notes)

    save(slice_(3.0, InstanceNumber=99), tmp_path / "double.dcm")
    (series,) = _series(tmp_path)
    assert any("same place as another" in note for note in series.notes)


def test_one_uid_for_all_slices_loses_none(tmp_path: Path) -> None:
    uid = generate_uid()
    for i in range(4):
        save(slice_(i * 3.0, SOPInstanceUID=uid), tmp_path / f"{i}.dcm")
    assert _series(tmp_path)[0].frames == 4


def test_patients_studies_and_series(tmp_path: Path) -> None:
    for patient in ("1", "2"):
        for study in (generate_uid(), generate_uid()):
            for number in (2, 1):
                series = generate_uid()
                for i in range(2):
                    made = slice_(
                        i * 3.0,
                        PatientID=patient,
                        PatientName=f"Doe^P{patient}",
                        StudyInstanceUID=study,
                        SeriesInstanceUID=series,
                        SeriesNumber=number,
                        SeriesDescription=f"S{number}",
                    )
                    save(made, tmp_path / f"{generate_uid()}.dcm")
    cases = scan([tmp_path]).cases
    assert len(cases) == 4
    for case in cases:
        assert [s.title for s in case.series] == ["S1", "S2"]
        assert case.title == f"P{case.patient_id} Doe"


def test_slices_without_positions_go_by_number_and_say_so(tmp_path: Path) -> None:
    for i in range(12):
        made = dataset(np.full((4, 4), i, np.int16), InstanceNumber=i)
        save(made, tmp_path / f"{11 - i}.dcm")
    (series,) = _series(tmp_path)
    assert series.load(None).pixels[:, 0, 0].tolist() == list(range(12))
    assert "in order of their numbers" in series.notes[0]


def test_stills_of_an_ultrasound_exam_stay_apart(tmp_path: Path) -> None:
    for i in range(3):
        made = dataset(
            np.full((4, 4), i, np.uint8),
            Modality="US",
            SOPClassUID=UltrasoundImageStorage,
            InstanceNumber=i + 1,
        )
        save(made, tmp_path / f"{i}.dcm")
    cine = dataset(np.zeros((5, 4, 4), np.uint8), Modality="US", InstanceNumber=9)
    save(cine, tmp_path / "cine.dcm")
    series = _series(tmp_path)
    assert sorted(s.frames for s in series) == [1, 1, 1, 5]
    assert len({s.title for s in series}) == 4


def test_enhanced_file_splits_by_echo_and_sorts_each(tmp_path: Path) -> None:
    """Frames interleave two echoes and run from the head down."""
    frames, pixels = [], []
    for i in (2, 1, 0):
        for echo in (20.0, 10.0):
            frames.append(
                item(
                    PlanePositionSequence=sequence(item(ImagePositionPatient=[0, 0, 4.0 * i])),
                    MREchoSequence=sequence(item(EffectiveEchoTime=echo)),
                )
            )
            pixels.append(np.full((4, 4), 10 * i + echo, np.int16))
    shared = item(
        PixelMeasuresSequence=sequence(item(PixelSpacing=[1, 1])),
        PlaneOrientationSequence=sequence(item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])),
    )
    made = dataset(
        np.stack(pixels),
        SOPClassUID=EnhancedMRImageStorage,
        SharedFunctionalGroupsSequence=sequence(shared),
        PerFrameFunctionalGroupsSequence=sequence(*frames),
    )
    save(made, tmp_path / "enhanced.dcm")
    first, second = _series(tmp_path)
    assert "TE 10 ms" in first.title
    image = first.load(None)
    assert image.pixels[:, 0, 0].tolist() == [10, 20, 30]
    assert image.geometry.slice_spacing == pytest.approx(4.0)
    assert image.identity.sop_frames == (6, 4, 2)
    assert second.load(None).pixels[:, 0, 0].tolist() == [20, 30, 40]


def test_loading_reports_progress_and_can_be_cancelled(tmp_path: Path) -> None:
    for i in range(5):
        save(slice_(i * 3.0), tmp_path / f"{i}.dcm")
    seen: list[float] = []
    (case,) = scan([tmp_path], Progress(lambda f, _: seen.append(f))).cases
    case.series[0].load(Progress(lambda f, _: seen.append(f)))
    assert seen[-1] == pytest.approx(1.0)
    progress = Progress(lambda f, _: progress.cancel() if f > 0.3 else None)
    with pytest.raises(CancelledError):
        case.series[0].load(progress)
    stopped = Progress()
    stopped.cancel()
    with pytest.raises(CancelledError):
        scan([tmp_path], stopped)


# --- Pictures and their masks --------------------------------------------------------------------


def _picture(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PillowImage.fromarray(pixels).save(path)


def _square(row: int) -> np.ndarray:
    mask = np.zeros((20, 30), np.uint8)
    mask[row : row + 3, 5:9] = 255
    return mask


def test_busi_style_pairs_in_natural_order(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        stem = f"benign ({number})"
        _picture(tmp_path / f"{stem}.png", np.full((20, 30), number, np.uint8))
        _picture(tmp_path / f"{stem}_mask.png", _square(2))
    _picture(tmp_path / "benign (2)_mask_1.png", _square(10))
    cases = scan([tmp_path]).cases
    assert [case.title for case in cases] == ["benign (1)", "benign (2)", "benign (10)"]
    both = read_reference_mask(cases[1].series[0])
    assert both.dtype == np.bool_
    assert np.array_equal(both, (_square(2) | _square(10)) > 0)
    assert len(cases[1].series[0].reference_masks) == 2
    assert np.array_equal(read_reference_mask(cases[0].series[0]), _square(2) > 0)


def test_sibling_folders_and_volumes(tmp_path: Path) -> None:
    _picture(tmp_path / "Images" / "bus_0001-l.png", np.zeros((20, 30), np.uint8))
    _picture(tmp_path / "Masks" / "mask_0001-l.png", _square(1))
    _picture(tmp_path / "Images" / "bus_0002-l.png", np.zeros((20, 30), np.uint8))
    _picture(tmp_path / "Masks" / "bus_0002-l.png", _square(4))
    mask = np.zeros((5, 6, 7), np.uint8)
    mask[1, 2, 3] = 1
    for name, voxels in (("image", np.zeros((5, 6, 7), np.int16)), ("mask", mask)):
        nib.save(nib.Nifti1Image(voxels, np.diag([1, 1, 3, 1])), tmp_path / f"MR_{name}.nii.gz")
    cases = {case.title: case.series[0] for case in scan([tmp_path]).cases}
    assert set(cases) == {"bus_0001-l", "bus_0002-l", "MR_image"}
    assert np.array_equal(read_reference_mask(cases["bus_0001-l"]), _square(1) > 0)
    assert np.array_equal(read_reference_mask(cases["bus_0002-l"]), _square(4) > 0)
    volume = read_reference_volume(cases["MR_image"])
    assert volume.shape == (7, 6, 5)
    assert volume.sum() == 1
    assert volume[3].any()


def test_a_manifest_gives_masks_names_and_patients(tmp_path: Path) -> None:
    for name in ("x1", "x2", "other"):
        _picture(tmp_path / "scans" / f"{name}.png", np.zeros((20, 30), np.uint8))
    _picture(tmp_path / "truth" / "first.png", _square(1))
    _picture(tmp_path.parent / "outside.png", _square(2))
    (tmp_path / "manifest.csv").write_text(
        "path,mask,patient,title,modality,sequence\n"
        "scans/x1.png,truth/first.png,P1,Ann Other,US,B-mode\n"
        "scans/x2.png,../outside.png,P1,Ann Other,US,B-mode\n"
    )
    cases = scan([tmp_path]).cases
    assert [case.title for case in cases] == ["other", "Ann Other"]
    assert [s.title for s in cases[1].series] == ["x1", "x2"]
    assert cases[1].series[0].summary == "US · 30 × 20"
    assert np.array_equal(read_reference_mask(cases[1].series[0]), _square(1) > 0)
    # A table cannot reach outside its own folder.
    assert not cases[1].series[1].has_reference


def test_a_table_that_is_no_manifest_changes_nothing(tmp_path: Path) -> None:
    _picture(tmp_path / "a.png", np.zeros((20, 30), np.uint8))
    for content in (b"\xff\xfe\x00path", b"name,age\nx,1\n", b'path\n\n"', b""):
        (tmp_path / "manifest.csv").write_bytes(content)
        (case,) = scan([tmp_path]).cases
        assert case.title == "a" and not case.series[0].has_reference


def test_the_demo_brings_its_reference_masks(tmp_path: Path) -> None:
    rows = list(csv.DictReader(resources.path("demo", "manifest.csv").open(encoding="utf-8")))
    with_lesion = {r["title"] for r in rows if r["mask"] != "empty"}
    for folder in (resources.path("demo", "images"), resources.path("demo")):
        cases = scan([folder]).cases
        assert {case.title for case in cases} == {r["title"] for r in rows}
        for case in cases:
            assert all(s.has_reference == (case.title in with_lesion) for s in case.series)
    stack = next(s for s in cases[0].series if s.frames > 1)
    drawn = read_reference_volume(stack)
    (first,) = (r for r in rows if stack.paths[0].as_posix().endswith(r["path"]))
    expected = np.asarray(PillowImage.open(resources.path("demo", *first["mask"].split("/")))) > 0
    assert np.array_equal(drawn[0], expected)


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    _picture(tmp_path / "a.png", np.zeros((20, 31), np.uint8))
    _picture(tmp_path / "a_mask.png", _square(1))
    (case,) = scan([tmp_path]).cases
    with pytest.raises(UnreadableImageError, match="20 × 30 pixels and its image 20 × 31"):
        read_reference_mask(case.series[0])


def test_a_mask_without_its_image_is_shown(tmp_path: Path) -> None:
    _picture(tmp_path / "a_mask.png", _square(1))
    (case,) = scan([tmp_path]).cases
    assert case.title == "a_mask"


# --- Folders as they are -------------------------------------------------------------------------


def test_hidden_files_links_in_circles_and_the_same_file_twice(tmp_path: Path) -> None:
    _picture(tmp_path / "a.png", _square(0))
    _picture(tmp_path / ".hidden.png", _square(0))
    _picture(tmp_path / "__MACOSX" / "._a.png", _square(0))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "sub" / "again.png").symlink_to(tmp_path / "a.png")
    (tmp_path / "sub" / "dangling.png").symlink_to(tmp_path / "gone.png")
    result = scan([tmp_path, tmp_path / "a.png"])
    assert [case.title for case in result.cases] == ["a"]


def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9 (1).png"
    PillowImage.fromarray(_square(0)).save(tmp_path / "plain.png")
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
        _picture(tmp_path / f"{i}.png", _square(i))
    result = scan([tmp_path])
    assert len(result.cases) == 3
    assert "more than 3 files" in result.problems[0].sentence


def test_thumbnails_are_bounded(tmp_path: Path) -> None:
    _picture(tmp_path / "wide.png", np.zeros((10, 3000), np.uint8))
    (case,) = scan([tmp_path]).cases
    assert case.series[0].thumbnail(96).shape == (1, 96, 3)
    assert max(case.series[0].thumbnail(10**6).shape) <= limits.MAX_THUMBNAIL_SIDE


def test_natural_order() -> None:
    names = ["b", "a10", "a2", "A1", "a", "a²", "a02", "10", "9"]
    assert sorted(names, key=natural_key) == [
        "9", "10", "a", "A1", "a02", "a2", "a10", "a²", "b",
    ]  # fmt: skip
    assert readable("a\udce9") == "a\ufffd"


# --- Real data -----------------------------------------------------------------------------------


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
