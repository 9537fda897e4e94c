"""What a brush move, a full repaint and a frame change cost on screen.

Run with ``python -m pytest -s tests/benchmarks/test_canvas.py --override-ini norecursedirs=``. All
ways are timed in the same run, turn by turn, in processor time (other work on the machine does not
count), offscreen (Qt's raster painting, no display), on a canvas of 1000 x 1000; what is asserted
is a ratio with a wide margin, never seconds.

The peers paint the same layers (grey image, smooth overlay, three masks). "Whole picture": numpy
blends everything into one RGB image at each move. "pyqtgraph": a ``ViewBox`` with an ``ImageItem``
a layer, the changed one given anew, as its users do.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPixmap
from PySide6.QtWidgets import QApplication
from rich.console import Console
from rich.table import Table

from engine.images.image import Image
from engine.images.windowing import default_window, to_grey8
from engine.masks import shapes
from engine.masks.document import MaskDocument
from engine.saliency.map import Provenance, SaliencyMap
from viewer.canvas import colours
from viewer.canvas.overlay import Overlay
from viewer.canvas.overlay_layer import to_steps
from viewer.canvas.view import ImageView
from viewer.tools.toolbox import Toolbox

SIDE = 1024
CANVAS = 1000
ROUNDS = 40


def scene(qtbot: Any, overlay: bool = True) -> tuple[ImageView, Toolbox]:
    rng = np.random.default_rng(0)
    image = Image(rng.integers(0, 4000, (1, SIDE, SIDE), dtype=np.int16))
    view, toolbox = ImageView(), Toolbox()
    qtbot.addWidget(view)
    view.resize(CANVAS + 2, CANVAS + 2 + view.header.height())
    view.show()
    view.set_image(image)
    document = MaskDocument(image)
    view.set_document(document)
    for centre in ((300, 300), (600, 300), (500, 700)):
        document.add_mask()
        document.paint(0, shapes.disc(centre, 150, (SIDE, SIDE)))
    if overlay:
        axis = np.linspace(-1, 1, SIDE, dtype=np.float32)
        values = np.exp(-(axis[:, None] ** 2 + axis**2) * 3).astype(np.float32)
        provenance = Provenance("demo", "0", "gate", "channel-sum")
        view.set_overlay(
            Overlay(SaliencyMap("gate", values, values[:7, :7], "nonnegative", 0, "a", provenance))
        )
    view.set_tool(toolbox["brush"])
    toolbox.brush_size.set_radius(20)
    QApplication.processEvents()
    return view, toolbox


def moves() -> list[tuple[float, float]]:
    return [(500 + 250 * np.sin(i / 6), 400 + 12 * i - 3 * np.cos(i / 2)) for i in range(ROUNDS)]


def mouse(view: ImageView, kind: QEvent.Type, row: float, col: float) -> None:
    where = QPointF(view.viewport.to_widget(row, col))
    left = Qt.MouseButton.LeftButton
    event = QMouseEvent(
        kind, where, view.surface.mapToGlobal(where), left, left, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(view.surface, event)


def timed(work: Callable[[], object]) -> float:
    QApplication.processEvents()  # what another way has left over is not this one's
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1e3


def report(title: str, rows: dict[str, list[float]], ours: str) -> dict[str, float]:
    medians = {name: float(np.median(times)) for name, times in rows.items()}
    table = Table("", "median ms", "slowest ms", "times ours", title=title)
    for name, times in rows.items():
        ratio = medians[name] / medians[ours]
        table.add_row(name, f"{medians[name]:.2f}", f"{max(times):.2f}", f"{ratio:.1f}")
    Console().print(table)
    return medians


def whole_picture(view: ImageView) -> Callable[[], None]:
    """Blend everything with numpy and paint it: what a straightforward canvas does."""
    image, overlay, document = view.image, view.overlay, view.document
    assert image and overlay and document and view.grey_window
    table = np.array(colours.table("inferno"), np.float32)
    alpha = colours.opacities(256, False, 0.0).astype(np.float32)[:, None] * 0.7
    canvas = QPixmap(CANVAS, CANVAS)

    def paint() -> None:
        grey = to_grey8(image.frame(0), view.grey_window)  # type: ignore[arg-type]
        steps = to_steps(overlay.map.values, *overlay.range, 256)
        cover = alpha[steps]
        rgb = grey[..., None] * (1 - cover) + table[steps] * cover
        for mask, colour in zip(document.masks, np.eye(3) * 255, strict=True):
            inside = mask.frame(0)
            rgb[inside] = rgb[inside] * 0.9 + colour * 0.1
            edge = inside & ~(
                np.roll(inside, 1, 0)
                & np.roll(inside, -1, 0)
                & np.roll(inside, 1, 1)
                & np.roll(inside, -1, 1)
            )
            rgb[edge] = colour
        pixels = rgb.astype(np.uint8)
        picture = QImage(pixels.data, SIDE, SIDE, 3 * SIDE, QImage.Format.Format_RGB888)
        painter = QPainter(canvas)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(canvas.rect(), picture)
        painter.end()

    return paint


def pyqtgraph_scene(view: ImageView, qtbot: Any) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return (repaint after a mask changed, repaint after a pan)."""
    import pyqtgraph as pg

    assert view.image and view.overlay and view.document and view.grey_window
    document = view.document
    widget = pg.GraphicsView()
    qtbot.addWidget(widget)
    box = pg.ViewBox(lockAspect=True, invertY=True, enableMenu=False)
    widget.setCentralItem(box)
    words = colours.premultiplied("inferno", False, 0.0)
    steps = to_steps(view.overlay.map.values, *view.overlay.range, 256)
    rgba = words[steps].view(np.uint8).reshape(SIDE, SIDE, 4)[..., [2, 1, 0, 3]]
    grey = to_grey8(view.image.frame(0), view.grey_window)
    for pixels in (grey, rgba):
        box.addItem(pg.ImageItem(pixels, axisOrder="row-major", levels=(0, 255)))

    def mask_pixels(index: int) -> Any:
        out = np.zeros((SIDE, SIDE, 4), np.uint8)
        out[document.masks[index].frame(0)] = (255, 255, 0, 30)
        return out

    items = [pg.ImageItem(mask_pixels(i), axisOrder="row-major") for i in range(3)]
    for item in items:
        box.addItem(item)
    widget.resize(CANVAS, CANVAS)
    widget.show()
    QApplication.processEvents()

    def brush() -> None:
        items[2].setImage(mask_pixels(2), autoLevels=False)
        widget.viewport().repaint()

    def pan() -> None:
        box.translateBy(x=0.5)
        widget.viewport().repaint()

    return brush, pan


def test_a_brush_move_costs_what_it_changed(qtbot: Any) -> None:
    view, _ = scene(qtbot)
    numpy_way = whole_picture(view)
    pyqtgraph_way, _ = pyqtgraph_scene(view, qtbot)
    path = moves()
    mouse(view, QEvent.Type.MouseButtonPress, *path[0])
    QApplication.processEvents()
    rows: dict[str, list[float]] = {"ours": [], "whole picture": [], "pyqtgraph": []}
    for place in path[1:]:

        def ours(at: tuple[float, float] = place) -> None:
            mouse(view, QEvent.Type.MouseMove, *at)
            QApplication.processEvents()

        rows["ours"].append(timed(ours))
        rows["whole picture"].append(timed(numpy_way))
        rows["pyqtgraph"].append(timed(pyqtgraph_way))
    mouse(view, QEvent.Type.MouseButtonRelease, *path[-1])
    medians = report(f"One brush move, {SIDE} x {SIDE}, overlay and 3 masks", rows, "ours")
    assert medians["whole picture"] > 5 * medians["ours"]


def test_a_full_repaint(qtbot: Any) -> None:
    view, _ = scene(qtbot)
    _, pyqtgraph_way = pyqtgraph_scene(view, qtbot)
    rows: dict[str, list[float]] = {"ours": [], "pyqtgraph": []}

    def ours() -> None:
        view.set_viewport(view.viewport.panned(0.5, 0))
        QApplication.processEvents()

    for _ in range(ROUNDS):
        rows["ours"].append(timed(ours))
        rows["pyqtgraph"].append(timed(pyqtgraph_way))
    medians = report("One step of a pan, everything painted again", rows, "ours")
    assert medians["ours"] < 3 * medians["pyqtgraph"]


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_a_frame_change(qtbot: Any, dtype: type) -> None:
    rng = np.random.default_rng(0)
    image = Image(rng.integers(0, 250, (40, 512, 512)).astype(dtype))
    view = ImageView()
    qtbot.addWidget(view)
    view.resize(CANVAS + 2, CANVAS + 30)
    view.show()
    view.set_image(image)
    view.set_document(MaskDocument(image))
    QApplication.processEvents()
    window = default_window(image, 0)
    times: dict[str, list[float]] = {"ours, painted": [], "windowing alone": []}
    for i in range(1, 40):

        def change(frame: int = i) -> None:
            view.request_frame(frame)
            QApplication.processEvents()

        times["ours, painted"].append(timed(change))
        times["windowing alone"].append(timed(lambda f=i: to_grey8(image.frame(f), window)))
    name = np.dtype(dtype).name
    report(f"One frame of a 512 x 512 stack, {name}", times, "ours, painted")
    assert view.frame == 39
