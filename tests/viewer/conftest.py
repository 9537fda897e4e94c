"""A real window on real files with a small untrained model: what a user has, but quick."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from pytestqt.qtbot import QtBot

from viewer.state.analysis import is_slow

_PATIENCE = 60_000  # ms; how long a slow and busy machine may take for one thing


class PatientBot(QtBot):
    """pytest-qt's bot, whose waits give up after 5 s, for machines of every speed."""

    def waitUntil(self, callback, *, timeout: int = _PATIENCE) -> None:
        super().waitUntil(callback, timeout=max(timeout, _PATIENCE))

    def waitSignal(self, signal, *, timeout: int = _PATIENCE, **how):
        if how.get("raising") is False:
            # What is waited for should not come (``assertNotEmitted``).
            return super().waitSignal(signal, timeout=timeout, **how)
        return super().waitSignal(signal, timeout=max(timeout, _PATIENCE), **how)


@pytest.fixture(autouse=True)
def _patient_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let notices stay for a test's length: on a slow machine 6 s pass before it looks."""
    from viewer.widgets import notice

    monkeypatch.setattr(notice, "_SECONDS", {"info": 600, "good": 600, "warning": 0})


@pytest.fixture
def qtbot(qapp, request: pytest.FixtureRequest) -> PatientBot:
    """What drives the window; it waits long, and only for conditions."""
    return PatientBot(request)


@pytest.fixture(scope="session")
def checkpoint_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of the compact preset with random weights and a small SHAP background."""
    import torch

    from engine.model.checkpoint import Checkpoint
    from engine.model.network import FusionNetwork
    from engine.model.presets import preset
    from tests.engine.networks import described

    torch.manual_seed(1)
    architecture = preset("compact", ("benign", "malignant"), input_size=(96, 96))
    network = FusionNetwork(architecture)
    network(torch.randn(4, 3, 96, 96))  # gives batch normalisation something to remember
    about = described(architecture, name="Random", version="0.1")
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
def new_window(qtbot):
    """Return a function that shows an empty window."""
    from PySide6.QtWidgets import QApplication

    from viewer import theme
    from viewer.window import Window

    windows = []

    def make(*state) -> Window:
        theme.apply(QApplication.instance(), "dark")
        window = Window(*state)
        windows.append(window)
        window.resize(1280, 800)
        window.show()
        return window

    yield make
    for window in windows:
        window.close()
        window.deleteLater()


@pytest.fixture
def make_window(qtbot, new_window, checkpoint_path: Path):
    """Return a function that opens a window on paths and waits for the maps."""

    def make(*paths: Path, ready: bool = True):
        window = new_window()
        window.models.load_first(checkpoint_path)
        if paths:
            window.state.open_paths(list(paths))
        if ready:
            wait_ready(qtbot, window)
        return window

    return make


@pytest.fixture
def bare_window(qtbot, new_window):
    """Return a function that opens a window without a model: quick, for what needs no maps."""

    def make(*paths: Path):
        window = new_window()
        if paths:
            window.state.open_paths(list(paths))
            qtbot.waitUntil(lambda: window.state.image is not None and settled(window))
        return window

    return make


@pytest.fixture
def make_view(qtbot):
    """Return a function that shows an image, or none, in a view without a window."""
    from viewer.canvas.view import ImageView

    def make(image=None, size: tuple[int, int] = (402, 330)) -> ImageView:
        view = ImageView()
        qtbot.addWidget(view)
        view.resize(*size)
        view.show()
        if image is not None:
            view.set_image(image)
        return view

    return make


def settled(window) -> bool:
    """Whether nothing runs, nothing is about to, and every view shows what it should.

    Timers count: between a change and the work that it leads to, nothing runs either.
    """
    state, views = window.state, window.views
    timers = (
        *(state.analysis._settle, views.board.maps._settle, views._soon),
        *(state.scores._throttle, state.masks._throttle),
    )
    waiting = [
        subject
        for subject in views.subjects
        if not subject.problem
        and (
            subject.waiting
            or (
                subject.wanted is not None
                and subject.prediction is None
                and not is_slow(subject.wanted.name)
            )
        )
    ]
    return not (
        state.analysis.busy or waiting or any(timer.isActive() for timer in timers)
    ) and bool(state.jobs.idle)


def wait_ready(qtbot, window) -> None:
    """Wait until prediction, native maps and their scores are there and nothing runs."""

    def ready() -> bool:
        analysis = window.state.analysis
        native = [n for n in analysis.map_names if not n.startswith("shap")]
        return (
            analysis.prediction is not None
            and bool(native)
            and set(native) <= set(analysis.maps)
            and settled(window)
        )

    qtbot.waitUntil(ready)


@pytest.fixture
def until(qtbot) -> Callable[[Callable[[], bool]], None]:
    """Wait for a condition."""
    return qtbot.waitUntil
