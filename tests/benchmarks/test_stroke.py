"""What a stroke costs: run with ``python -m pytest tests/benchmarks/test_stroke.py -s``.

Times are printed, never asserted: they belong to the machine. What is asserted is the work done.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from engine.images.image import Image
from engine.masks import shapes
from engine.masks.autosave import Autosave
from engine.masks.document import MaskDocument

SIDE = 1024
RADIUS = 60.0


def report(name: str, work: Callable[[], object], times: int = 300) -> None:
    work()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    milliseconds = np.array(taken) * 1e3
    print(
        f"\n{name:<58} median {np.median(milliseconds):7.3f} ms"
        f"   95 % {np.percentile(milliseconds, 95):7.3f} ms",
        end="",
    )


def image() -> Image:
    return Image(np.zeros((1, SIDE, SIDE), np.uint16))


def wander(count: int) -> list[tuple[float, float]]:
    """A mouse that moves about 12 pixels between two events."""
    rng = np.random.default_rng(0)
    steps = np.cumsum(rng.normal(0, 9, (count, 2)), axis=0) + SIDE / 2
    return [(float(r) % SIDE, float(c) % SIDE) for r, c in steps]


def test_shapes() -> None:
    shape = (SIDE, SIDE)
    report("disc, radius 60", lambda: shapes.disc((500.3, 400.2), RADIUS, shape))
    report("capsule, radius 60, 12 px", lambda: shapes.capsule((500, 400), (508, 409), 60, shape))
    report(
        "capsule, radius 60, corner to corner",
        lambda: shapes.capsule((9, 9), (999, 999), 60, shape),
    )
    angles = np.linspace(0, 2 * np.pi, 2000)
    path = np.stack([512 + 400 * np.sin(angles), 512 + 400 * np.cos(3 * angles)], -1)
    report("lasso of 2000 points", lambda: shapes.lasso(path, shape), 50)
    ring = np.zeros(shape, bool)
    ring[100:900, 100:900] = True
    ring[110:890, 110:890] = False
    report("fill of 780 × 780 pixels", lambda: shapes.enclosed(ring, (500, 500)), 30)


def extend_times(with_autosave: bool) -> np.ndarray:
    document = MaskDocument(image())
    saver = Autosave(document) if with_autosave else None
    taken = []
    document.begin_stroke(0, (512, 512), RADIUS)
    for point in wander(600):
        start = time.perf_counter()
        document.extend_stroke(point)
        taken.append(time.perf_counter() - start)
        if with_autosave:
            time.sleep(0.004)  # the pace of a mouse; the worker writes meanwhile
    document.end_stroke()
    assert document.active is not None
    assert document.active.area() > 50_000
    if saver is not None:
        assert saver.close()
    return np.array(taken) * 1e3


def test_extending_a_stroke() -> None:
    for saved in (False, True):
        taken = extend_times(saved)
        print(
            f"\nextend_stroke, radius 60, {'with' if saved else 'without'} autosave: median "
            f"{np.median(taken):.3f} ms, 95 % {np.percentile(taken, 95):.3f} ms",
            end="",
        )


def test_ending_and_undoing() -> None:
    document = MaskDocument(image())

    def whole() -> None:
        document.begin_stroke(0, (200, 200), RADIUS)
        document.extend_stroke((800, 800))
        document.end_stroke()
        document.undo()

    report("stroke corner to corner, ended and undone", whole, 50)
    print()
