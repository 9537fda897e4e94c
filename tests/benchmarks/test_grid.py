"""What zooming, moving and windowing cost in nine linked views at once.

Run with ``python -m pytest -s tests/benchmarks/test_grid.py --override-ini norecursedirs=``. Both
ways are timed in the same run, turn by turn, in processor time (other work on the machine does not
count), offscreen; what is asserted is a ratio with a margin, never seconds.

Nine views of one 1024 x 1024 image, eight of them under a map each, in 1000 x 1000 logical pixels.
The peer: nine linked pyqtgraph ``ViewBox``es with an ``ImageItem`` a layer, as its users do; it
paints the nearest pixel and no texts, where ours interpolates and writes the corners. "One view"
fills the same pixels with one of the nine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from rich.console import Console
from rich.table import Table

from engine.images.image import Image, Window
from engine.saliency.map import Provenance, SaliencyMap
from viewer.canvas import colours
from viewer.state import AppState
from viewer.state.analysis import MapEntry, MapStatus
from viewer.views import Views

SIDE, CANVAS, ROUNDS = 1024, 1000, 12
NAMES = tuple("abcdefgh")

Step = Callable[[int], object]


def maps() -> list[SaliencyMap]:
    rng = np.random.default_rng(0)
    made = Provenance("demo", "0", "gate", "channel-sum")
    raw = np.zeros((7, 7), np.float32)
    return [
        SaliencyMap(n, rng.random((SIDE, SIDE), np.float32), raw, "nonnegative", 0, "x", made)
        for n in NAMES
    ]


def ours(qtbot: Any, image: Image) -> tuple[Views, dict[str, Step]]:
    state = AppState()
    views = Views(state)
    qtbot.addWidget(views)
    views.resize(CANVAS, CANVAS)
    views.show()
    for found in maps():
        state.analysis.entries[found.name] = MapEntry(found.name, MapStatus.READY, found, 1.0)
    state.set_grid(3, 3)
    for view, name in enumerate(NAMES, start=1):
        state.overlays.show(view, name)
    state.image = image
    state.seriesOpened.emit(image)
    active = views.active
    assert sum(view.visible_overlay is not None for view in views.shown) == len(NAMES)

    def zoom(at: int) -> None:
        active.zoom_by(1.05 if at % 2 else 1 / 1.05)

    def pan(at: int) -> None:
        active.set_viewport(active.viewport.panned(5 if at % 2 else -5, 2))

    def window(at: int) -> None:
        active.set_window(Window(1500 + 20 * at, 3000))

    return views, {"zoom": zoom, "pan": pan, "window": window}


def peers(qtbot: Any, image: Image) -> tuple[Any, dict[str, Step]]:
    pyqtgraph = pytest.importorskip("pyqtgraph")
    widget = pyqtgraph.GraphicsLayoutWidget()
    qtbot.addWidget(widget)
    widget.resize(CANVAS, CANVAS)
    widget.show()
    boxes, items = [], []
    steps = [None, *(found.values for found in maps())]
    for number, values in enumerate(steps):
        box = widget.addViewBox(number // 3, number % 3, lockAspect=True)
        grey = pyqtgraph.ImageItem(image.frame(0), levels=(0, 4000))
        box.addItem(grey)
        items.append(grey)
        if values is not None:
            overlay = pyqtgraph.ImageItem(values, levels=(0, 1), opacity=0.6)
            overlay.setLookupTable(colours.table("inferno"))
            box.addItem(overlay)
        if boxes:
            box.setXLink(boxes[0])
            box.setYLink(boxes[0])
        boxes.append(box)

    def zoom(at: int) -> None:
        boxes[0].scaleBy((1 / 1.05, 1 / 1.05) if at % 2 else (1.05, 1.05))

    def pan(at: int) -> None:
        boxes[0].translateBy(x=5 if at % 2 else -5, y=2)

    def window(at: int) -> None:
        for item in items:
            item.setLevels((20 * at, 3000 + 20 * at))

    return widget, {"zoom": zoom, "pan": pan, "window": window}


def alone(qtbot: Any, image: Image) -> tuple[Views, dict[str, Step]]:
    views, steps = ours(qtbot, image)
    views.grid.enlarge(1)
    return views, steps


def cost(act: Step, at: int) -> float:
    began = time.process_time()
    act(at)
    QApplication.processEvents()
    return time.process_time() - began


def test_nine_linked_views(qtbot: Any) -> None:
    image = Image(np.random.default_rng(1).integers(0, 4000, (1, SIDE, SIDE), dtype=np.int16))
    ways = {
        "Saliscope": ours(qtbot, image),
        "one view": alone(qtbot, image),
        "pyqtgraph": peers(qtbot, image),
    }
    QApplication.processEvents()
    times: dict[tuple[str, str], list[float]] = {}
    for at in range(ROUNDS):
        for way, (_, steps) in ways.items():
            for what, act in steps.items():
                times.setdefault((way, what), []).append(cost(act, at))
    table = Table("nine views", *(f"{what}, ms" for what in ("zoom", "pan", "window")))
    middle = {key: float(np.median(found)) * 1e3 for key, found in times.items()}
    for way in ways:
        table.add_row(way, *(f"{middle[way, what]:.1f}" for what in ("zoom", "pan", "window")))
    Console().print(table)
    for what in ("zoom", "pan", "window"):
        assert middle["Saliscope", what] < 9 * middle["one view", what], what
    assert middle["Saliscope", "window"] < middle["pyqtgraph", "window"]
