"""A real window on real files with a small untrained model: what a user has, but quick."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow


@pytest.fixture(scope="session")
def checkpoint_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of the compact preset with random weights and a small SHAP background."""
    import torch

    from engine.images.preprocess import Preprocessing
    from engine.model.checkpoint import Checkpoint, CheckpointMetadata
    from engine.model.network import FusionNetwork
    from engine.model.presets import preset

    torch.manual_seed(1)
    architecture = preset("compact", ("benign", "malignant"), input_size=(96, 96))
    network = FusionNetwork(architecture)
    network(torch.randn(4, 3, 96, 96))  # gives batch normalisation something to remember
    about = CheckpointMetadata(
        name="Random",
        version="0.1",
        date="2025-01-31",
        licence="Apache-2.0",
        architecture=architecture,
        preprocessing=Preprocessing(size=architecture.input_size, keep_aspect=False),
        training_data=(),
        metrics=(),
        intended_use="Tests.",
        limits="None of its answers mean anything.",
    )
    background = torch.randint(0, 255, (4, 3, 24, 24), dtype=torch.uint8)
    path = tmp_path_factory.mktemp("model") / "random.safetensors"
    Checkpoint.from_network(network.eval(), about, background).save(path)
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of two ultrasound-like pictures; the first has a reference mask beside it."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    rows, cols = np.mgrid[:96, :128]
    lesion = (rows - 40) ** 2 + (cols - 50) ** 2 < 18**2
    for name in ("a (1)", "a (2)"):
        grey = rng.gamma(2.0, 30.0, (96, 128)) * np.where(lesion, 0.3, 1.0)
        Pillow.fromarray(grey.clip(0, 255).astype(np.uint8)).save(folder / f"{name}.png")
    Pillow.fromarray((lesion * 255).astype(np.uint8)).save(folder / "a (1)_mask.png")
    return folder


@pytest.fixture
def make_window(qtbot, checkpoint_path: Path):
    """Return a function that opens a window on paths and waits for the maps."""
    from viewer import theme
    from viewer.window import Window

    windows = []

    def make(*paths: Path, ready: bool = True) -> Window:
        from PySide6.QtWidgets import QApplication

        theme.apply(QApplication.instance(), "dark")
        window = Window()
        windows.append(window)
        window.resize(1280, 800)
        window.show()
        window.models.load_first(checkpoint_path)
        if paths:
            window.state.open_paths(list(paths))
        if ready:
            wait_ready(qtbot, window)
        return window

    yield make
    for window in windows:
        window.close()
        window.deleteLater()


@pytest.fixture
def bare_window(qtbot):
    """Return a function that opens a window without a model: quick, for what needs no maps."""
    from PySide6.QtWidgets import QApplication

    from viewer import theme
    from viewer.window import Window

    windows = []

    def make(*paths: Path) -> Window:
        theme.apply(QApplication.instance(), "dark")
        window = Window()
        windows.append(window)
        window.resize(1280, 800)
        window.show()
        if paths:
            window.state.open_paths(list(paths))
            state = window.state
            qtbot.waitUntil(lambda: state.image is not None and state.jobs.idle, timeout=60_000)
        return window

    yield make
    for window in windows:
        window.close()
        window.deleteLater()


def wait_ready(qtbot, window, timeout: int = 60_000) -> None:
    """Wait until prediction, native maps and their scores are there and nothing runs."""

    def ready() -> bool:
        analysis = window.state.analysis
        native = [n for n in analysis.map_names if not n.startswith("shap")]
        return (
            analysis.prediction is not None
            and bool(native)
            and set(native) <= set(analysis.maps)
            and window.state.jobs.idle
        )

    qtbot.waitUntil(ready, timeout=timeout)
    qtbot.wait(50)


@pytest.fixture
def until(qtbot) -> Callable[[Callable[[], bool]], None]:
    """Wait for a condition."""
    return lambda condition: qtbot.waitUntil(condition, timeout=60_000)
