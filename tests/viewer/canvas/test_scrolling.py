"""A notch is a slice; a spin through a long stack goes faster, and stops being one at once."""

from __future__ import annotations

from viewer.canvas.scrolling import NOTCHES, Spin


def turn(spin, times, frames, direction=1):
    return [spin.step(t, direction, frames) for t in times]


def test_single_notches_are_single_slices():
    assert turn(Spin(), range(1000, 3000, 200), 400) == [1] * 10
    assert turn(Spin(), [0] * 20, 400) == [1] * 20  # without times there is no spin


def test_a_spin_gathers_speed_and_is_bounded():
    steps = turn(Spin(), range(1000, 1000 + 30 * 90, 30), 400)
    assert steps[: NOTCHES + 1] == [1] * NOTCHES + [2]
    assert steps == sorted(steps) and steps[-1] == 20
    assert turn(Spin(), range(1000, 2000, 30), 20) == [1] * 34  # a short stack is never skipped


def test_a_pause_or_turning_back_ends_it():
    spin = Spin()
    turn(spin, range(1000, 2000, 30), 400)
    assert spin.step(2000, -1, 400) == 1
    turn(spin, range(2030, 3000, 30), 400, -1)
    assert spin.step(3500, -1, 400) == 1
