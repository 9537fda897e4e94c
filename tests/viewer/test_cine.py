"""Playing: the frame follows the clock however slow the machine is."""

from __future__ import annotations

import time

import numpy as np
import pytest

from engine.images.image import Display, Identity, Image
from viewer.cine import FASTEST, Cine, frame_at, own_rate
from viewer.settings import Settings
from viewer.state import AppState


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def loop(frames=10, rate=None, modality="US"):
    pixels = np.zeros((frames, 16, 16), np.uint8)
    return Image(pixels, identity=Identity(modality=modality), display=Display(frame_rate=rate))


@pytest.fixture
def state(qtbot):
    state = AppState(Settings(passing=True))
    yield state
    state.close()


def show(state, image):
    state.image = image
    state.frame = 0
    state.seriesOpened.emit(image)


def test_frames_of_a_loop_and_of_a_sweep():
    assert [frame_at(p, 3, sweep=False) for p in range(7)] == [0, 1, 2, 0, 1, 2, 0]
    assert [frame_at(p, 3, sweep=True) for p in range(9)] == [0, 1, 2, 1, 0, 1, 2, 1, 0]
    assert frame_at(5.0, 1, sweep=True) == 0


def test_the_file_says_how_fast():
    assert own_rate(loop(rate=12.5)) == 12.5
    assert own_rate(loop()) == 25.0 and own_rate(loop(modality="MR")) == 10.0
    assert own_rate(loop(rate=900.0)) == FASTEST


def test_frames_are_skipped_not_queued_on_a_slow_machine(state):
    clock = Clock()
    cine = Cine(state, clock=clock)
    show(state, loop(frames=10, rate=20.0))
    seen = []

    def slow(frame):
        seen.append(frame)
        clock.now += 0.130  # showing a frame takes 2.6 times as long as it should last

    state.frameChanged.connect(slow)
    cine.play()
    for _ in range(12):
        cine._timer.stop()
        clock.now += cine._timer.interval() / 1000 + 1e-6
        before = clock.now
        cine._tick()
        # What is shown is what the clock says, not the one after the last.
        assert seen[-1] == int((before - 100.0) * 20.0) % 10
    steps = np.diff(np.unwrap(np.array(seen), period=10))
    assert (steps >= 2).all()
    cine.pause()


def test_it_keeps_time_on_the_real_clock(state, qtbot):
    cine = Cine(state)
    show(state, loop(frames=1000, rate=100.0))
    cine.play()
    began = time.monotonic()
    qtbot.waitUntil(lambda: state.frame >= 30, timeout=20_000)
    expected = (time.monotonic() - began) * 100.0
    cine.pause()
    assert state.frame <= expected + 1
    frame = state.frame
    cine.toggle()
    assert cine.playing and state.frame - frame <= 1  # goes on where it stopped
    cine.toggle()


def test_the_reader_takes_over_and_a_rate_changes_in_place(state):
    clock = Clock()
    cine = Cine(state, clock=clock)
    show(state, loop(frames=100, rate=10.0))
    cine.play()
    clock.now += 2.0
    cine._tick()
    assert state.frame == 20
    cine.set_rate(40.0)
    cine._tick()
    assert state.frame == 20
    clock.now += 0.5
    cine._tick()
    assert state.frame == 40
    state.set_frame(3)
    assert not cine.playing
    show(state, loop(frames=1))
    cine.play()
    assert not cine.playing and not cine.possible
