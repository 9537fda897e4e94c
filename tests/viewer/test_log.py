"""The log: what is written, what is saved, and that nobody can be told from it."""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid
from PySide6.QtCore import QtMsgType, qInstallMessageHandler

from engine.errors import MaskError
from tests.viewer.conftest import settled
from viewer import log
from viewer.jobs import UNEXPECTED, log_unexpected
from viewer.logsheet import LogSheet
from viewer.redact import redacted

NAME = "Quintessa^Umbridge^Marie"
PATIENT = "PID-88341207"


@pytest.fixture
def logging_on():
    """The program's own logging, taken down again afterwards."""
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    root, level = logging.getLogger(), logging.getLogger().level
    before = list(root.handlers)
    log.start()
    yield
    for handler in [h for h in root.handlers if h not in before]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    logging.captureWarnings(False)
    qInstallMessageHandler(None)
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks


def written() -> str:
    return "".join(file.read_text(encoding="utf-8") for file in log.files())


def patient_file(folder: Path) -> tuple[Path, Dataset]:
    """A small MR image whose every identifying element is filled."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = MRImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid()
    data.StudyInstanceUID, data.SeriesInstanceUID = generate_uid(), generate_uid()
    data.PatientName, data.PatientID, data.Modality = NAME, PATIENT, "MR"
    data.StudyDescription, data.SeriesDescription = "Umbridge left calf", "T1 Quintessa"
    data.PatientBirthDate = "19610314"
    data.Rows = data.Columns = 32
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 0
    data.PixelData = np.arange(1024, dtype=np.uint16).tobytes()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"Umbridge_Quintessa_{PATIENT}.dcm"
    data.save_as(path, enforce_file_format=True)
    return path, data


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("cannot read /home/umbridge/scans/a b.dcm", "cannot read <path> <file>"),
        (r"cannot read C:\Users\Umbridge\x.nii.gz now", "cannot read <path> now"),
        (r"share \\server\umbridge\scans gone", "share <path> gone"),
        ("opened “/home/um bridge/x.png” twice", "opened “<text>” twice"),
        ("series 1.2.840.113619.2.55.3.604688 missing", "series <uid> missing"),
        ("name Umbridge^Quintessa", "name <name>"),
        ("patient 88341207 twice", "patient <number> twice"),
        ("patient MRN0088341207", "patient <number>"),
        ('value "left calf" is odd', "value “<text>” is odd"),
        ("scan_umbridge.nii.gz is odd", "<file> is odd"),
        ("mail a.b@example.org", "mail <address>"),
        ("ValueError at scan:42 < run:1034", "ValueError at scan:42 < run:1034"),
        ("Qt 6.11.1, 3 of 12 frames, 0.25 mm", "Qt 6.11.1, 3 of 12 frames, 0.25 mm"),
    ],
)
def test_what_could_name_someone_is_replaced_and_the_rest_stays(text, left):
    assert redacted(text) == left


def test_words_that_are_known_and_this_users_name_go(monkeypatch):
    monkeypatch.setenv("USER", "umbridgeq")
    assert "umbridgeq" not in redacted("kept by UmbridgeQ here")
    text = redacted("2026-01-02 03:04:05,678 ERROR viewer: Calf of Quintessa", ["Quintessa^U"])
    assert text == "2026-01-02 03:04:05,678 ERROR viewer: Calf of <hidden>"


def test_what_nobody_caught_is_logged_and_said_in_a_sentence(logging_on):
    said: list[str] = []
    log.catch_unexpected(said.append)
    try:
        raise ValueError(f"{NAME} in /home/umbridge/{PATIENT}.dcm")
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)

    def fail() -> None:
        raise KeyError(NAME)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    assert said == [UNEXPECTED, UNEXPECTED]
    text = written()
    assert "ValueError at test_what_nobody_caught" in text and "KeyError at fail" in text
    for word in ("Umbridge", "umbridge", "Quintessa", PATIENT, "88341207"):
        assert word not in text


def test_other_libraries_texts_and_qts_paths_stay_out(logging_on):
    logging.getLogger("somelibrary").warning("Invalid value for PN: %s", NAME)
    logging.getLogger("viewer.x").warning("odd file %s", f"/data/{PATIENT}/x.dcm")
    warnings.warn(f"Invalid value for VR LO: {NAME}", UserWarning, stacklevel=1)
    log._from_qt(QtMsgType.QtWarningMsg, None, "QIODevice::read (QFile, '/home/umbridge/a.png')")
    text = written()
    assert text.count("(text left out)") == 2 and "odd file <path>" in text
    assert "QIODevice::read" in text
    for word in ("Umbridge", "umbridge", "Quintessa", PATIENT):
        assert word not in text


def test_a_log_of_real_trouble_with_a_named_patient_says_nothing_of_them(
    bare_window, tmp_path, until, logging_on
):
    path, data = patient_file(tmp_path / "Umbridge" / PATIENT)
    damaged = path.with_name("Umbridge_broken.dcm")
    damaged.write_bytes(path.read_bytes()[:700])
    window = bare_window()
    log.catch_unexpected(lambda sentence: window.state.notice.emit(sentence, "warning"))
    window.state.open_paths([path.parent])
    until(lambda: window.state.image is not None and settled(window))
    assert "Quintessa" in window.state.image.identity.patient_name  # it is there to be leaked

    def fail(_: object) -> None:
        raise RuntimeError(f"{data.PatientName} {path} {data.SOPInstanceUID}")

    window.state.jobs.start("Failing", fail, lambda _: None)
    until(lambda: window.notice.text == UNEXPECTED)
    logging.getLogger("engine.x").error("case %s of %s", window.state.case.title, path)
    try:
        raise MaskError(f"{path.name} belongs to {data.PatientName}")
    except MaskError as error:
        log_unexpected("viewer", error)

    sheet = window.assistance.save_log()
    target = tmp_path / "log.txt"
    sheet.write(target)
    saved = target.read_text(encoding="utf-8")
    assert saved == sheet.preview.toPlainText() == sheet.text
    assert "RuntimeError at fail" in saved and "MaskError at" in saved and "Python" in saved
    forbidden = {"Umbridge", "Quintessa", "Marie", "88341207", "19610314", tmp_path.name}
    forbidden |= {data.SOPInstanceUID, data.StudyInstanceUID, data.SeriesInstanceUID}
    forbidden |= {part for part in path.parts if len(part) > 3}
    for word in forbidden - {"tmp"}:
        assert str(word).casefold() not in saved.casefold(), word
    sheet.close()


def test_the_unexpected_has_a_way_forward_in_the_strip(bare_window):
    window = bare_window()
    window.state.notice.emit(UNEXPECTED, "warning")
    assert window.notice.text == UNEXPECTED
    assert window.notice._action.text() == "Save the log…"
    window.notice._action.click()
    assert window.findChildren(LogSheet)
    window.state.notice.emit("Something else.", "warning")
    assert window.notice._action.isHidden()


def test_an_empty_log_says_so(bare_window):
    assert "Nothing has gone wrong yet." in log.report()
