"""DICOM files to series: order, splits, and what is said of gaps and copies."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import EnhancedMRImageStorage, UltrasoundImageStorage, generate_uid

from engine.errors import CancelledError
from engine.images.case import Series
from engine.images.scan import scan
from engine.progress import Progress
from tests.engine.images.dicom_files import dataset, item, save, sequence, slice_


def _series(folder: Path) -> tuple[Series, ...]:
    result = scan([folder])
    assert result.problems == ()
    (case,) = result.cases
    return case.series


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
