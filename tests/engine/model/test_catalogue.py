"""Which checkpoint answers for an image, with real files of small real networks."""

from __future__ import annotations

import json
import shutil
import struct
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import resources
from engine.errors import CheckpointError, InvalidInputError
from engine.evaluation.familiarity import Familiarity
from engine.images.image import Identity, Image
from engine.images.reader import read as read_image
from engine.model import catalogue, checkpoint
from engine.model.metadata import TrainingData
from tests.engine.networks import small_checkpoint

DEMO = resources.path("models", "demo.safetensors")


SMALL = cache(small_checkpoint)


def save(folder: Path, name: str, modalities: tuple[str, ...], data: str = "") -> Path:
    small = SMALL()
    about = replace(
        small.metadata,
        name=name,
        modalities=modalities,
        training_data=(TrainingData(data, ""),) if data else (),
    )
    path = folder / f"{name.lower().replace(' ', '-')}.safetensors"
    replace(small, metadata=about).save(path)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    save(folder, "Breast ultrasound", ("US",), "busi")
    save(folder, "Limb MRI", ("MR",), "sts")
    save(folder, "A demo", ("MR", "US"), "phantom")
    (folder / "broken.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "models"))


def image(modality: str, patient: str = "") -> Image:
    return Image(
        np.zeros((1, 20, 20), np.uint8), identity=Identity(modality=modality, patient_name=patient)
    )


def never(_: catalogue.Entry) -> Familiarity | None:
    raise AssertionError("modality decides, no network need be opened")


def near(**ratios: float) -> catalogue.Likeness:
    return lambda entry: Familiarity(ratios[entry.name.split()[0].lower()], 1.0)


def test_modalities_survive_the_file_and_older_files_have_none(folder: Path) -> None:
    path = folder / "limb-mri.safetensors"
    assert checkpoint.load(path).metadata.modalities == ("MR",)
    assert catalogue.read(path) == catalogue.Entry(path, "Limb MRI", "1.2", ("MR",), False)
    header = path.read_bytes()
    (length,) = struct.unpack("<Q", header[:8])
    assert json.loads(json.loads(header[8 : 8 + length])["__metadata__"]["saliscope"])["modalities"]
    assert checkpoint.load(DEMO).metadata.modalities == ()
    assert catalogue.read(DEMO).simulated


def test_modalities_are_dicoms_codes() -> None:
    with pytest.raises(InvalidInputError, match="modalities"):
        replace(SMALL().metadata, modalities=("ultrasound",))


def test_a_damaged_file_keeps_no_other_away(folder: Path) -> None:
    names = [entry.name for entry in catalogue.installed(folder)]
    assert names == ["A demo", "Breast ultrasound", "Limb MRI"]
    with pytest.raises(CheckpointError, match=r"broken\.safetensors"):
        catalogue.read(folder / "broken.safetensors")
    assert catalogue.installed(folder / "nowhere") == ()
    text = b"[" * 100_000
    (folder / "deep.safetensors").write_bytes(struct.pack("<Q", len(text)) + text)
    try:
        assert [entry.name for entry in catalogue.installed(folder)] == names
    finally:
        (folder / "deep.safetensors").unlink()


@pytest.mark.parametrize(
    ("modality", "name", "words"),
    [("US", "Breast ultrasound", "ultrasound"), ("MR", "Limb MRI", "MRI")],
)
def test_the_modality_decides(folder: Path, modality: str, name: str, words: str) -> None:
    found = catalogue.choose(image(modality), catalogue.installed(folder), never)
    assert found.entry.name == name and found.fits and found.reason == f"the image is {words}"


def test_where_the_file_does_not_say_it_likeness_decides(folder: Path) -> None:
    entries = catalogue.installed(folder)
    found = catalogue.choose(image(""), entries, near(breast=2.5, limb=0.5))
    assert found.entry.name == "Limb MRI" and found.fits
    assert "does not say" in found.reason and "0.50 of limit" in found.reason
    found = catalogue.choose(image("OT"), entries, near(breast=1.5, limb=2.5))
    assert found.entry.name == "Breast ultrasound" and not found.fits


def test_two_of_one_modality_are_told_apart_by_likeness(folder: Path) -> None:
    save(folder, "Thyroid", ("US",), "thyroids")
    found = catalogue.choose(
        image("US"), catalogue.installed(folder), near(breast=2.0, thyroid=0.7, limb=0.1)
    )
    assert found.entry.name == "Thyroid" and found.fits


def test_an_unknown_modality_is_said_to_be_unknown(folder: Path) -> None:
    found = catalogue.choose(image("CT"), catalogue.installed(folder), near(breast=9, limb=8))
    assert not found.fits and "no model here was trained on CT" in found.reason


def test_phantoms_keep_the_demo_model(folder: Path) -> None:
    entries = catalogue.installed(folder)
    demo = resources.path("demo", "images")
    paths = ["DEMO01/T1/001.dcm", "DEMO03/DEMO03_T1.nii.gz", "DEMO04/DEMO04_view1.png"]
    for path in paths:
        found = catalogue.choose(read_image(demo / path), entries, never)
        assert found.entry.name == "A demo" and found.fits
    assert catalogue.choose(image("US", "phantom 07^Breast"), entries, never).entry.simulated
    assert not catalogue.choose(image("US", "Phantomas^Ann"), entries, never).entry.simulated


def test_with_the_demo_alone_it_answers_and_says_what_it_is() -> None:
    entries = (catalogue.read(DEMO),)
    found = catalogue.choose(image("US"), entries, never)
    assert found.entry.path == DEMO and not found.fits
    assert found.reason == "there is no model of ultrasound here, only of phantoms"
    with pytest.raises(InvalidInputError, match="No model is installed"):
        catalogue.choose(image("US"), (), never)
