"""The training cases most alike: the folder is asked for once, searched, cancelled, shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from engine.evaluation.likeness import cosine
from engine.images.scan import scan
from tests.viewer.conftest import settled
from viewer import dialogs
from viewer.compare.similar import FOLDER
from viewer.settings import Settings
from viewer.state.contents import HERE
from viewer.state.storage import REFERENCE


@pytest.fixture
def training(tmp_path: Path) -> Path:
    """Four labelled cases, one with a mask; the first looks nearly as the fixture's "a (1)"."""
    folder = tmp_path / "training"
    rng = np.random.default_rng(5)
    for name in ("malignant/Umbridge", "benign/two", "benign/three", "benign/four"):
        path = folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Pillow.fromarray(rng.gamma(2.0, 30.0, (96, 128)).clip(0, 255).astype(np.uint8)).save(path)
    mask = np.zeros((96, 128), np.uint8)
    mask[30:50, 40:60] = 255
    Pillow.fromarray(mask).save(folder / "malignant" / "Umbridge_mask.png")
    return folder


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, training: Path) -> list[str]:
    """The questions for a folder, each answered with the training cases'."""
    questions: list[str] = []

    def answer(parent, settings, title, key="folder/open"):
        questions.append(title)
        settings.set(key, str(training))
        return training

    monkeypatch.setattr(dialogs, "choose_folder", answer)
    return questions


def test_the_folder_is_asked_for_once_and_the_nearest_are_shown_with_likeness_and_label(
    make_window, pictures, training, asked, until
):
    window = make_window(pictures)
    state, views = window.state, window.views
    listed = [case for group in state.cases.groups for case in group.cases]
    window.actions_["similar-training"].trigger()
    assert len(asked) == 1 and state.jobs.running[0].title == "Searching the training cases"
    until(lambda: state.contents[1].companion == "like" and settled(window))
    assert state.grid == (2, 2) and state.contents[0] == HERE
    session = state.analysis.session
    own = session.forward(state.image, 0).features
    expected = []
    for case in scan([training]).cases:
        there = session.forward(case.series[0].load(None), 0).features
        folder = case.series[0].paths[0].parent.name
        expected.append((cosine(own, there), case.title, folder))
    expected.sort(reverse=True)
    for view, (likeness, title, label) in zip(range(1, 4), expected, strict=False):
        assert views.subject(view).case.title == title
        assert views.views[view].header.tag == f"likeness {likeness:.2f} · {label}"
        assert views.views[view].visible_overlay.map.name == "gate"
    assert "Searched 4 cases (4 images)" in window.notice.text
    marked = next((v for v in range(1, 4) if views.subject(v).case.title == "Umbridge"), None)
    if marked is not None:
        assert views.subject(marked).compared.id == REFERENCE
    # They are shown, not opened; names of theirs are hidden as everybody's.
    assert [case for group in state.cases.groups for case in group.cases] == listed
    window.actions_["hide-names"].trigger()
    for view in range(1, 4):
        header = views.views[view].header
        assert "Umbridge" not in header.name + header.subtitle + header.tag
    window.actions_["hide-names"].trigger()

    # Asked once; the grid of it is not remembered, and another case sends it away.
    second = state.cases.opened.cases[1]
    state.open_series(second, second.series[0])
    until(lambda: state.case is second and settled(window))
    assert all(state.contents[view].series is None for view in range(1, 4))
    window.actions_["similar-training"].trigger()
    until(lambda: state.contents[1].companion == "like" and settled(window))
    assert len(asked) == 1 and Settings().text(FOLDER) == str(training)
    # One of them can be read; then it is in the list.
    case = views.subject(1).case
    views.read_here(1)
    until(lambda: state.case is case and settled(window))
    assert case in state.cases.opened.cases


def test_the_search_can_be_cancelled_and_says_what_is_wrong_with_a_folder(
    make_window, pictures, training, asked, until, tmp_path
):
    window = make_window(pictures)
    state = window.state
    window.actions_["similar-training"].trigger()
    until(window.status.cancel.isVisible)
    window.status.cancel.click()
    until(lambda: settled(window))
    assert state.contents[1] == HERE and state.grid == (1, 2)
    empty = tmp_path / "empty"
    empty.mkdir()
    state.settings.set(FOLDER, str(empty))
    window.actions_["similar-training"].trigger()
    until(lambda: "no other image in this folder" in window.notice.text)
    assert state.contents[1] == HERE
    # Another folder is asked for by name, and searched at once.
    window.actions_["training-folder"].trigger()
    assert len(asked) == 2
    until(lambda: state.contents[1].companion == "like" and settled(window))
