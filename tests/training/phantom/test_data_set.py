"""The data set as a whole: the same by seed, complete, and what the loaders read back."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image as Picture

from engine.errors import InvalidInputError
from training.datasets import phantom
from training.phantom import cli
from training.phantom.case import plan, simulate
from training.phantom.seeds import case_sequence, demo_sequence
from training.phantom.study import LABELS, NOT_SUSPICIOUS, SUSPICIOUS

CASES = 12
SEED = 11


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("phantom") / "set"
    assert cli.main(["--out", str(out), "--cases", str(CASES), "--seed", str(SEED)]) == 0
    return out


def digests(folder: Path, patient: str) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.rglob("*")
        if p.is_file() and patient in p.parts
    }


def test_a_case_is_the_same_bytes_whatever_the_number_of_cases(
    folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "again"
    cli.main(["--out", str(out), "--cases", "3", "--seed", str(SEED), "--jobs", "2"])
    for number in range(3):
        patient = plan(number).patient
        assert digests(out, patient) == digests(folder, patient) != {}


def test_streams_are_those_of_spawning_and_the_demo_has_its_own() -> None:
    spawned = np.random.SeedSequence(7).spawn(5)[4]
    assert case_sequence(7, 4).generate_state(4).tolist() == spawned.generate_state(4).tolist()
    streams = [case_sequence(0, k) for k in range(200)] + [demo_sequence(k) for k in range(8)]
    assert len({tuple(s.generate_state(4)) for s in streams}) == len(streams)


def test_another_seed_gives_another_patient() -> None:
    first, other = simulate(plan(2), 1), simulate(plan(2), 2)
    assert not np.array_equal(first.sequences[0].pixels, other.sequences[0].pixels)


def test_the_manifest_is_complete_and_the_classes_balanced(folder: Path) -> None:
    data = phantom.load(folder)
    assert data.classes == LABELS
    listed = {r.path for r in data.records} | {m for r in data.records for m in r.mask_paths}
    there = {p for p in folder.rglob("*") if p.is_file()} - {folder / "manifest.csv"}
    assert listed == there
    patients: dict[str, set[str]] = {}
    for record in data.records:
        patients.setdefault(record.patient, set()).add(record.label)
    assert len(patients) == CASES
    assert all(len(labels) == 1 for labels in patients.values())
    suspicious = sum(labels == {SUSPICIOUS} for labels in patients.values())
    assert suspicious == CASES // 2
    for patient in patients:
        assert sum(r.patient == patient for r in data.records) >= 2
    kinds = {(r.modality, r.sequence) for r in data.records}
    assert kinds == {("MR", "T1"), ("MR", "STIR"), ("US", "B-mode")}


def test_label_modality_and_format_do_not_tell_each_other(folder: Path) -> None:
    with (folder / "manifest.csv").open() as file:
        rows = {row["patient"]: row for row in csv.DictReader(file)}.values()
    seen = {(r["modality"], r["format"], r["label"]) for r in rows}
    assert len(seen) == 2 * 3 * 2


def test_suspicious_images_have_a_lesion_and_healthy_limbs_none(folder: Path) -> None:
    data = phantom.load(folder)
    suspicious = [r for r in data.records if r.label == SUSPICIOUS]
    assert sum(bool(r.mask_paths) for r in suspicious) >= 0.95 * len(suspicious)
    limbs = [r for r in data.records if r.label == NOT_SUSPICIOUS and r.modality == "MR"]
    assert all(r.known_empty and not r.mask_paths for r in limbs)


@pytest.mark.parametrize("number", range(4))
def test_the_lesion_lies_in_the_body(number: int) -> None:
    study = simulate(plan(2 * number + 1, "mri"), 3)
    t1 = study.sequences[0]
    background = np.percentile(t1.pixels, 20)
    for pixels, mask in zip(t1.pixels, t1.masks, strict=True):
        assert 0 < mask.mean() < 0.2
        assert np.median(pixels[mask]) > 3 * background


def test_all_slices_of_a_patient_share_the_anatomy() -> None:
    study = simulate(plan(1, "mri"), 4)
    for sequence in study.sequences:
        for a, b in zip(sequence.masks[:-1], sequence.masks[1:], strict=True):
            assert 2 * (a & b).sum() / (a.sum() + b.sum()) > 0.5
    t1, stir = study.sequences
    np.testing.assert_array_equal(t1.masks, stir.masks)


def dicom_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.dcm"))


def _words(text: str) -> list[str]:
    return text.split()


def test_dicom_has_what_its_modules_require(folder: Path) -> None:
    required = _words(
        "SOPClassUID SOPInstanceUID PatientName PatientID PatientBirthDate PatientSex "
        "StudyInstanceUID StudyDate StudyTime StudyID AccessionNumber ReferringPhysicianName "
        "Modality SeriesInstanceUID SeriesNumber Manufacturer InstanceNumber ImageType "
        "SamplesPerPixel PhotometricInterpretation Rows Columns BitsAllocated BitsStored HighBit "
        "PixelRepresentation PixelData"
    )
    magnetic = _words(
        "FrameOfReferenceUID PositionReferenceIndicator PatientPosition ScanningSequence "
        "SequenceVariant ScanOptions MRAcquisitionType RepetitionTime EchoTime EchoTrainLength "
        "PixelSpacing ImageOrientationPatient ImagePositionPatient SliceThickness"
    )
    instances: set[str] = set()
    for path in dicom_files(folder):
        ds = pydicom.dcmread(path)
        more = magnetic if ds.Modality == "MR" else ["SequenceOfUltrasoundRegions"]
        assert [k for k in (*required, *more) if k not in ds] == []
        if ds.Modality == "MR" and "IR" in ds.ScanningSequence:
            assert ds.InversionTime > 0
        for uid in (ds.SOPInstanceUID, ds.SeriesInstanceUID, ds.StudyInstanceUID):
            assert uid.is_valid and uid.startswith("2.25.")
        assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
        assert "phantom" in str(ds.PatientName)
        # Every value is within what its representation allows.
        with pydicom.config.disable_value_validation():
            written = pydicom.dcmread(path)
        for element in written.iterall():
            if element.VR not in ("OB", "OW", "SQ"):
                pydicom.DataElement(
                    element.tag, element.VR, element.value, validation_mode=pydicom.config.RAISE
                )
        assert ds.SOPInstanceUID not in instances
        instances.add(ds.SOPInstanceUID)
    assert instances


def test_a_dicom_series_is_one_stack(folder: Path) -> None:
    series: dict[str, list[pydicom.Dataset]] = {}
    for path in dicom_files(folder):
        ds = pydicom.dcmread(path)
        if ds.Modality == "MR":
            series.setdefault(ds.SeriesInstanceUID, []).append(ds)
    assert series
    frames = {}
    for stack in series.values():
        heights = [float(ds.ImagePositionPatient[2]) for ds in stack]
        assert np.allclose(np.diff(heights), float(stack[0].SpacingBetweenSlices), atol=2e-4)
        assert len({str(ds.PixelSpacing) for ds in stack}) == 1
        frames.setdefault(stack[0].StudyInstanceUID, set()).add(stack[0].FrameOfReferenceUID)
    assert all(len(uids) == 1 for uids in frames.values())


def test_png_masks_are_black_and_white_and_beside_their_images(folder: Path) -> None:
    masks = sorted((folder / "images").rglob("*_mask.png"))
    assert masks
    for path in masks:
        image = path.with_name(path.name.replace("_mask", ""))
        assert Picture.open(path).size == Picture.open(image).size
        assert set(np.unique(np.asarray(Picture.open(path)))) == {0, 255}


@pytest.mark.parametrize("format", ["dicom", "nifti", "png"])
@pytest.mark.parametrize("modality", ["mri", "us"])
def test_the_reader_gives_back_what_was_simulated(
    format: str, modality: str, tmp_path: Path
) -> None:
    reader = pytest.importorskip("engine.images.reader")
    from training.phantom.writers import writer
    from training.phantom.writers.png import to_8_bit

    study = simulate(plan(3, modality, format), 5)  # type: ignore[arg-type]
    written = writer(format)(study, tmp_path / "images", tmp_path / "masks")
    assert len(written) == sum(len(s.pixels) for s in study.sequences)
    for item in written:
        sequence = item.sequence
        image = reader.read(item.image)
        pixels = to_8_bit(sequence.pixels) if format == "png" else sequence.pixels
        np.testing.assert_array_equal(image.grey(item.frame), pixels[item.index])
        if item.mask is not None:
            mask = reader.read(item.mask)
            frame = item.frame if mask.frames > 1 else 0
            np.testing.assert_array_equal(mask.grey(frame) > 0, sequence.masks[item.index])
        if format == "png":
            continue
        assert image.geometry.spacing == pytest.approx(sequence.spacing, rel=1e-3)
        if modality == "mri":
            affine = image.geometry.frame_affines[item.frame]
            x, y, z = sequence.origin
            corner = (x, y, z + sequence.slice_spacing * item.index)
            np.testing.assert_allclose(affine[:3, 3], corner, atol=2e-3)
            row, col = sequence.spacing
            np.testing.assert_allclose(affine[:3, 0], (0, row, 0), atol=1e-3)
            np.testing.assert_allclose(affine[:3, 1], (col, 0, 0), atol=1e-3)


def test_a_missing_file_or_manifest_is_said_so(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"no manifest\.csv"):
        phantom.load(tmp_path)
    text = (folder / "manifest.csv").read_text()
    (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(InvalidInputError, match="line 2"):
        phantom.load(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(["--cases", "1"], "--cases"), (["--seed", "-1"], "--seed"), (["--jobs", "0"], "--jobs")],
)
def test_bad_arguments_give_one_sentence(
    arguments: list[str], word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["--out", str(tmp_path / "out"), *arguments]) == 2
    message = capsys.readouterr().err
    assert word in message and "Traceback" not in message


def test_an_occupied_folder_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    assert cli.main(["--out", str(tmp_path), "--cases", "2"]) == 2
    assert cli.main(["--demo", str(tmp_path)]) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]
