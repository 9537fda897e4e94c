"""The reader's actions in a real window on a real DICOM stack and loop (no model)."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from engine.images.windowing import auto_window, presets
from tests.engine.images.dicom_files import dataset, save, slice_
from viewer.screen import calibrate


@pytest.fixture
def window(new_window):
    return new_window()


@pytest.fixture
def stack(tmp_path):
    rng = np.random.default_rng(2)
    for index in range(12):
        made = slice_(5.0 * index, shape=(40, 60), InstanceNumber=index + 1)
        made.PixelData = rng.integers(0, 900, (40, 60), dtype=np.int16).tobytes()
        made.WindowCenter, made.WindowWidth = [400, 200], [800, 300]
        made.WindowCenterWidthExplanation = ["WIDE", "NARROW"]
        save(made, tmp_path / f"{index}.dcm")
    return tmp_path


def show(window, qtbot, path):
    window.state.open_paths([path])
    qtbot.waitUntil(lambda: window.state.image is not None, timeout=60_000)
    return window.views.active


def test_number_keys_are_the_presets_of_the_menu(window, qtbot, stack):
    view = show(window, qtbot, stack)
    found = presets(view.image, view.frame)
    assert [w.name for w in found[:2]] == ["WIDE", "NARROW"]
    for number in (2, 1, 3):
        QTest.keyClick(view.surface, getattr(Qt.Key, f"Key_{number}"))
        qtbot.waitUntil(lambda number=number: view.grey_window == found[number - 1])
    QTest.keyClick(view.surface, Qt.Key.Key_9)  # more than there are: nothing
    assert view.grey_window == found[2]
    window.actions_["auto-window"].trigger()
    assert view.grey_window == auto_window(view.image, view.frame)


def test_turning_from_the_menu_turns_all_linked_views(window, qtbot, stack):
    view = show(window, qtbot, stack)
    window.actions_["turn-right"].trigger()
    window.actions_["flip-sideways"].trigger()
    assert {v.turn.words for v in window.views.links.views} == {view.turn.words} != {""}
    window.actions_["turn-reset"].trigger()
    assert all(v.turn.is_plain for v in window.views.links.views)


def test_the_slice_bar_follows_and_leads(window, qtbot, stack):
    show(window, qtbot, stack)
    bar = window.reading.bar
    assert bar.isVisible() and bar.text.text() == "1 / 12  ·  H 0.0 mm"
    # Slices have no rate of their own; one is offered while they run, and says what it counts.
    assert not bar.rate.isVisible() and not bar.way.isVisible()
    window.reading.cine.play()
    assert bar.rate.isVisible() and bar.rate.suffix() == " slices/s"
    window.reading.cine.pause()
    window.state.set_frame(0)
    assert not bar.rate.isVisible()
    bar.slider.setValue(7)
    assert window.state.frame == window.views.active.frame == 7
    window.state.set_frame(3)
    assert bar.slider.value() == 3 and bar.text.text() == "4 / 12  ·  H 15.0 mm"


def test_space_plays_a_loop_at_its_own_rate(window, qtbot, tmp_path):
    frames = np.zeros((6, 20, 30), np.uint8)
    save(dataset(frames, Modality="US", FrameTime=20.0), tmp_path / "loop.dcm")
    view = show(window, qtbot, tmp_path)
    bar, cine = window.reading.bar, window.reading.cine
    assert bar.rate.value() == cine.rate == 50.0
    assert bar.rate.isVisible() and bar.rate.suffix() == " fps"
    assert bar.text.text() == "1 / 6  ·  0.00 s"
    seen = set()
    window.state.frameChanged.connect(seen.add)
    QTest.keyClick(view.surface, Qt.Key.Key_Space)
    assert cine.playing
    qtbot.waitUntil(lambda: len(seen) == 6, timeout=30_000)
    window.choose_tool(window.toolbox["brush"])
    QTest.mouseClick(view.surface, Qt.MouseButton.LeftButton)
    assert not cine.playing  # drawing stops it


def test_actual_size_is_true_on_a_calibrated_screen(window, qtbot, stack):
    view = show(window, qtbot, stack)
    calibrate(window.state.settings, window.screen(), 0.25)
    window.actions_["actual-size"].trigger()
    # 0.5 mm columns, 1.5 mm rows: 10 mm take 40 pixels of 0.25 mm both ways.
    one, other = view.viewport.to_widget(0, 0), view.viewport.to_widget(0, 20)
    assert other.x() - one.x() == pytest.approx(40)
    below = view.viewport.to_widget(10 / 1.5, 0)
    assert below.y() - one.y() == pytest.approx(40)


def test_without_a_spacing_actual_size_says_why(window, qtbot, tmp_path):
    save(dataset(np.zeros((20, 30), np.uint8), Modality="US"), tmp_path / "still.dcm")
    view = show(window, qtbot, tmp_path)
    window.actions_["actual-size"].trigger()
    assert view.is_fitted
    assert "no pixel spacing" in window.notice.accessibleName()
    assert not window.reading.bar.isVisible()
