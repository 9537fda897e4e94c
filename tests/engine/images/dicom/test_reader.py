"""Files as they come: bare, with foreign names, with elements missing, as loops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.filewriter import dcmwrite

from engine.images import reader
from engine.images.dicom.identity import spoken
from tests.engine.images.dicom_files import RAMP, dataset, save


@pytest.mark.parametrize("implicit", [True, False])
def test_without_preamble_and_meta(tmp_path: Path, implicit: bool) -> None:
    made = dataset(RAMP)
    path = tmp_path / "bare"
    made.file_meta, made.preamble = pydicom.dataset.FileMetaDataset(), None
    dcmwrite(path, made, implicit_vr=implicit, little_endian=True)
    assert path.read_bytes()[128:132] != b"DICM"
    assert reader.sniff(path) == "dicom"
    assert np.array_equal(reader.read(path).frame(0), RAMP)


def test_missing_elements_that_have_one_sensible_reading(tmp_path: Path) -> None:
    made = dataset(RAMP.astype(np.uint16))
    for keyword in (
        "SamplesPerPixel", "PhotometricInterpretation", "BitsStored", "HighBit",
        "PixelRepresentation",
    ):  # fmt: skip
        delattr(made, keyword)
    assert np.array_equal(reader.read(save(made, tmp_path / "a")).frame(0), RAMP)


def test_foreign_names(tmp_path: Path) -> None:
    made = dataset(RAMP, SpecificCharacterSet="ISO_IR 192")
    made.PatientName = "Müller^Jörg^^Dr."
    image = reader.read(save(made, tmp_path / "a"))
    assert spoken(image.identity.patient_name) == "Dr. Jörg Müller"
    made = dataset(RAMP, SpecificCharacterSet=["", "ISO 2022 IR 87"])
    made.PatientName = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    image = reader.read(save(made, tmp_path / "b"))
    assert image.identity.patient_name.split("=")[1] == "山田^太郎"
    assert spoken(image.identity.patient_name) == "Tarou Yamada"
    assert spoken("=山田^太郎") == "太郎 山田"
    made = dataset(RAMP)
    made.add_new("PatientName", "PN", b"M\xfcller^J\xf6rg")
    assert reader.read(save(made, tmp_path / "c")).frames == 1


def test_cine_times(tmp_path: Path) -> None:
    frames = np.zeros((3, 8, 6), np.uint8)
    image = reader.read(save(dataset(frames, FrameTime=40, Modality="US"), tmp_path / "a"))
    assert image.display.frame_times_ms == (0, 40, 80)
    made = dataset(frames, FrameTimeVector=[0, 30, 50], Modality="US")
    assert reader.read(save(made, tmp_path / "b")).display.frame_times_ms == (0, 30, 80)
    assert image.display.frame_rate == 25
    made = dataset(frames, FrameTime=40, CineRate=30, RecommendedDisplayFrameRate=12, Modality="US")
    assert reader.read(save(made, tmp_path / "c")).display.frame_rate == 12
    made = dataset(frames, FrameTimeVector=[0, 30, 50], Modality="US")
    assert reader.read(save(made, tmp_path / "d")).display.frame_rate == 25
    made = dataset(frames, CineRate=0, Modality="US")
    assert reader.read(save(made, tmp_path / "e")).display.frame_rate is None
