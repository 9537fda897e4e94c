"""The window lets each image be answered by the model trained on its modality, and says so."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pydicom.data
import pytest
from PIL import Image as Pillow

import resources
from tests.engine.networks import install, write_models
from tests.viewer.conftest import wait_ready

MR = Path(pydicom.data.get_testdata_file("MR_small.dcm", download=False))


@pytest.fixture(scope="module")
def real_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_models(tmp_path_factory.mktemp("resources") / "models")


@pytest.fixture
def models(real_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The installed models: a folder of the test's own."""
    folder = Path(shutil.copytree(real_models, tmp_path / "models"))
    install(folder, monkeypatch)
    return folder


@pytest.fixture
def window(new_window):
    return new_window()


def _open(qtbot, window, path: Path) -> None:
    before = window.state.image
    window.state.open_paths([path])
    qtbot.waitUntil(lambda: window.state.image is not before, timeout=60_000)
    wait_ready(qtbot, window)


def _names(window) -> list[str]:
    menu = window.models.checkpoint_menu()
    menu.aboutToShow.emit()
    return [a.text() + ("*" if a.isChecked() else "") for a in menu.actions() if a.text()]


def test_each_image_has_its_model_and_the_window_says_which_and_why(
    qtbot, window, models, tmp_path
):
    window.models.load_first(None)
    _open(qtbot, window, MR)
    panel, analysis = window.answers.prediction, window.state.analysis
    assert analysis.checkpoint == models / "limb-mri.safetensors"
    assert panel.model == "Limb MRI 1.2 answers: the image is MRI."
    assert window.top.model.text() == "Limb MRI  1.2"
    assert "because the image is MRI" in window.top.model.toolTip()
    assert _names(window) == [
        *("About this model…", "Automatic (by modality)*", "Phantom demo 1.0"),
        *("Breast ultrasound 1.2", "Limb MRI 1.2", "Load a checkpoint…"),
    ]
    limb = analysis.session
    _open(qtbot, window, resources.path("demo", "images", "DEMO05", "view1", "001.dcm"))
    assert analysis.session.checkpoint.metadata.name == "Phantom demo"
    assert panel.model == "Phantom demo 1.0 answers: the image is simulated."
    assert analysis.maps["gate"].provenance.checkpoint == "Phantom demo 1.0"
    _open(qtbot, window, MR)
    assert analysis.session is limb  # kept open


def test_where_the_file_does_not_say_it_the_likeness_decides(qtbot, window, models, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (50, 70), np.uint8)
    Pillow.fromarray(noise).save(tmp_path / "unsaid.png")
    window.models.load_first(None)
    _open(qtbot, window, tmp_path / "unsaid.png")
    assert "the file does not say what kind of image it is" in window.answers.prediction.model
    assert window.state.analysis.choice.entry.simulated is False
    assert window.answers.prediction.likeness  # says how like it is, as ever


def test_a_model_that_the_user_chose_stays_and_is_remembered(qtbot, window, models):
    window.models.load_first(None)
    _open(qtbot, window, MR)
    window.models.load(models / "breast-ultrasound.safetensors")
    analysis = window.state.analysis
    qtbot.waitUntil(lambda: not analysis.automatic, timeout=60_000)
    wait_ready(qtbot, window)
    said = window.answers.prediction.model
    assert said == "Breast ultrasound 1.2 answers, as you chose; it was not trained on MRI."
    assert "Automatic (by modality)" in _names(window) and "Breast ultrasound 1.2*" in _names(
        window
    )
    _open(qtbot, window, resources.path("demo", "images", "DEMO01", "T1", "001.dcm"))
    assert analysis.checkpoint == models / "breast-ultrasound.safetensors"
    assert window.state.settings.text("model/checkpoint").endswith("breast-ultrasound.safetensors")
    window.actions_["automatic-model"].trigger()
    qtbot.waitUntil(lambda: analysis.automatic and analysis.prediction is not None, timeout=60_000)
    wait_ready(qtbot, window)
    assert window.answers.prediction.model == "Phantom demo 1.0 answers: the image is simulated."
    assert window.state.settings.text("model/checkpoint") == ""


def test_with_the_demo_alone_real_images_are_answered_with_a_warning(qtbot, window, models):
    for name in ("limb-mri", "breast-ultrasound"):
        (models / f"{name}.safetensors").unlink()
    window.models.load_first(None)
    _open(qtbot, window, MR)
    said = "Phantom demo 1.0 answers: there is no model of MRI here, only of phantoms."
    assert window.answers.prediction.model == said
    assert window.answers.prediction._unfit.property("tone") == "warning"


def test_without_any_model_it_is_said(qtbot, window, models):
    for path in models.glob("*.safetensors"):
        path.unlink()
    window.models.load_first(None)
    analysis = window.state.analysis
    qtbot.waitUntil(lambda: "No model is installed" in analysis.problem, timeout=60_000)
    assert analysis.session is None and not analysis.loading


def test_a_damaged_model_never_leaves_another_ones_answer(qtbot, window, models):
    window.models.load_first(None)
    _open(qtbot, window, resources.path("demo", "images", "DEMO01", "T1", "001.dcm"))
    path = models / "limb-mri.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 0xFF  # the header is whole, the tensors are not
    path.write_bytes(bytes(data))
    window.state.open_paths([MR])
    analysis = window.state.analysis
    qtbot.waitUntil(lambda: "limb-mri" in analysis.problem, timeout=60_000)
    assert analysis.session is None and analysis.prediction is None and not analysis.maps
