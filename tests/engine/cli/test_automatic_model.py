"""``--model auto``: each image is answered by the network trained on its modality."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pydicom.data
import pytest
from PIL import Image as PillowImage

import resources
from engine.cli.main import main
from tests.engine.networks import install, write_models

MR = Path(pydicom.data.get_testdata_file("MR_small.dcm", download=False))
US = resources.path("demo", "images", "DEMO05", "view1", "001.dcm")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_models(tmp_path_factory.mktemp("resources") / "models")


@pytest.fixture(autouse=True)
def _installed(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(models, monkeypatch)


def _predict(capsys: pytest.CaptureFixture[str], *given: object) -> list[dict]:
    assert main(["predict", *map(str, given), "--device", "cpu", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_every_image_has_the_network_of_its_kind(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    shutil.copy(MR, folder / "mr.dcm")
    shutil.copy(US, folder / "phantom.dcm")
    noise = np.random.default_rng(0).integers(0, 255, (50, 70), np.uint8)
    PillowImage.fromarray(noise).save(folder / "unsaid.png")
    found = {Path(e["path"]).name: e for e in _predict(capsys, folder)}
    assert found["mr.dcm"]["checkpoint"].startswith("Limb MRI 1.2 sha256:")
    assert found["mr.dcm"]["why"] == "the image is MRI"
    assert found["phantom.dcm"]["checkpoint"].startswith("Phantom demo 1.0")
    assert "does not say what kind of image" in found["unsaid.png"]["why"]
    assert main(["predict", str(folder), "--device", "cpu"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert "Network: Limb MRI 1.2 (the image is MRI)." in said
    assert "Network: Phantom demo 1.0 (the image is simulated)." in said


def test_a_named_model_answers_for_everything(capsys: pytest.CaptureFixture[str]) -> None:
    (entry,) = _predict(capsys, MR, "--model", "breast-ultrasound")
    assert entry["checkpoint"].startswith("Breast ultrasound") and entry["why"] is None


def test_explain_chooses_likewise(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["explain", str(MR), "--device", "cpu", "--out", str(tmp_path / "o")]) == 0
    record = json.loads((tmp_path / "o" / "explain.json").read_text("utf-8"))
    assert record["checkpoint"].startswith("Limb MRI") and record["why"] == "the image is MRI"
    assert "Limb MRI 1.2: the image is MRI" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--model", "knee"), "no model 'knee' installed; choose auto or demo or breast"),
        (("--model", "demo", "--checkpoint", "x"), "not allowed with"),
    ],
)
def test_what_is_not_there_is_said(
    capsys: pytest.CaptureFixture[str], given: tuple[str, ...], message: str
) -> None:
    try:
        status = main(["predict", str(MR), *given])
    except SystemExit as leaving:
        status = leaving.code
    assert status == 2 and message in capsys.readouterr().err
