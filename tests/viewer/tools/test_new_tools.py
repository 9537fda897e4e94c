"""Threshold brush, livewire, region growing, brush in millimetres, pen: by events on a view."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QInputDevice, QPointingDevice, QTabletEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from engine.images.image import Geometry, Image
from engine.masks import shapes
from engine.masks.document import MaskDocument
from engine.masks.region import region
from engine.masks.threshold import picked_range
from tests.viewer.tools.test_drawing import click, painted, pixels, send, stroke
from viewer.jobs import Jobs
from viewer.masking.work import MaskWork
from viewer.tools import livewire
from viewer.tools.toolbox import Toolbox

SHAPE = (90, 120)
SPACING = (1.5, 0.75)


@pytest.fixture
def toolbox():
    return Toolbox()


@pytest.fixture
def view(make_view):
    """A bright disc on a darker ground, with noise, on three slices."""
    rows, cols = np.indices(SHAPE)
    disc = np.hypot(rows - 45, cols - 60) < 25
    rng = np.random.default_rng(0)
    frames = np.where(disc, 400, 100) + rng.normal(0, 12, (3, *SHAPE))
    image = Image(frames.astype(np.float32), Geometry(spacing=SPACING, slice_spacing=4.0))
    view = make_view(image, (640, 520))
    view.set_document(MaskDocument(image))
    return view


def test_the_threshold_brush_paints_the_picked_range_alone(view, toolbox):
    tool = toolbox["threshold-brush"]
    view.set_tool(tool)
    toolbox.brush_size.set_radius(10)
    at = stroke(view, [(45, 60), (45, 100)])
    grey = view.image.grey(0)
    low, high = picked_range(grey, (45, 60))
    assert (tool.range.low, tool.range.high) == (low, high)
    expected = painted(shapes.capsule(a, b, 10, SHAPE) for a, b in pairwise(at))
    expected &= (grey >= low) & (grey <= high)
    assert expected.sum() > 300
    np.testing.assert_array_equal(pixels(view), expected)
    assert view.document.undo_text == "Threshold brush stroke on slice 1"
    # Ctrl picks and paints nothing; then the dark ground alone is painted.
    count = len(view.document.history.names)
    click(view, 10, 10, Qt.KeyboardModifier.ControlModifier)
    assert len(view.document.history.names) == count
    assert tool.range.high < 200
    stroke(view, [(45, 10), (45, 110)])
    assert (grey[pixels(view) & ~expected] < 200).all()
    # Alt erases what lies in the range, and leaves the rest.
    stroke(view, [(45, 10), (45, 110)], Qt.KeyboardModifier.AltModifier)
    np.testing.assert_array_equal(pixels(view), expected)


def test_the_range_belongs_to_its_image(view, toolbox):
    tool = toolbox["threshold-brush"]
    view.set_tool(tool)
    stroke(view, [(45, 60), (45, 62)])
    image = Image(view.image.pixels * 10)
    view.set_image(image)
    view.set_document(MaskDocument(image))
    stroke(view, [(45, 60), (45, 62)])
    assert tool.range.image is image
    assert tool.range.low > 1000
    assert pixels(view).any()


def test_what_the_threshold_brush_would_paint_is_tinted(view, toolbox, qtbot):
    tool = toolbox["threshold-brush"]
    view.set_tool(tool)
    toolbox.brush_size.set_radius(8)
    stroke(view, [(45, 60), (45, 61)])
    view.document.undo()
    place = view.viewport.to_widget(45, 84)
    send(view, QEvent.Type.MouseMove, place, Qt.MouseButton.NoButton)
    picture = view.surface.grab().toImage()
    inside = picture.pixelColor(view.viewport.to_widget(45, 81).toPoint())
    outside = picture.pixelColor(view.viewport.to_widget(45, 88).toPoint())
    assert inside.red() - inside.blue() > 60
    assert abs(outside.red() - outside.blue()) < 20


def test_livewire_by_clicks_follows_the_edge(view, toolbox):
    tool = toolbox["livewire"]
    view.set_tool(tool)
    for row, col in ((20, 60), (45, 85), (70, 60), (45, 35)):
        click(view, row, col)
        assert tool.busy
    QTest.keyClick(view.surface, Qt.Key.Key_Return)
    assert not tool.busy
    rows, cols = np.indices(SHAPE)
    disc = np.hypot(rows - 45, cols - 60) < 25
    found = pixels(view)
    assert 2 * (found & disc).sum() / (found.sum() + disc.sum()) > 0.95
    assert view.document.history.names == ["Livewire on slice 1"]


def test_livewire_shows_its_way_and_takes_clicks_back(view, toolbox):
    tool = toolbox["livewire"]
    view.set_tool(tool)
    click(view, 20, 60)
    send(
        view,
        QEvent.Type.MouseMove,
        view.viewport.to_widget(45, 85),
        button=Qt.MouseButton.NoButton,
    )
    trail = np.array(tool._outline.trail)
    assert np.abs(np.hypot(*(trail - (45, 60)).T) - 25).max() < 4
    click(view, 45, 85)
    points = list(tool._outline.points)
    click(view, 70, 60)
    QTest.keyClick(view.surface, Qt.Key.Key_Backspace)
    assert tool._outline.points == points
    # Shift: the way is straight.
    click(view, 45, 20, Qt.KeyboardModifier.ShiftModifier)
    assert len(tool._outline.points) == len(points) + 1
    for _ in range(3):
        assert tool.busy
        QTest.keyClick(view.surface, Qt.Key.Key_Backspace)
    assert not tool.busy
    assert view.document.masks == ()


def test_livewire_draws_straight_until_the_edges_of_a_large_frame_are_found(
    view, toolbox, monkeypatch
):
    monkeypatch.setattr(livewire, "AT_ONCE", 100)
    tool = toolbox["livewire"]
    begun = []
    tool.beside = lambda work, done, ended: begun.append((work, done))
    view.set_tool(tool)

    def move(row, col):
        place = view.viewport.to_widget(row, col)
        send(view, QEvent.Type.MouseMove, place, button=Qt.MouseButton.NoButton)

    move(22, 60)  # the mouse comes over the image: its edges are sought, once
    assert len(begun) == 1 and tool.now.startswith("Finding the edges")
    click(view, 20, 60)
    click(view, 30, 80)
    move(45, 85)
    assert len(begun) == 1
    assert [len(part) for part in (tool._outline.points, tool._outline.trail)] == [2, 1]
    work, done = begun.pop()
    done(work())
    assert not tool.now.startswith("Finding")
    trail = np.array(tool._outline.trail)  # at once, where the mouse rests
    assert len(trail) > 1 and np.abs(np.hypot(*(trail - (45, 60)).T) - 25).max() < 4
    for row, col in ((45, 85), (70, 60), (45, 35)):
        click(view, row, col)
    QTest.keyClick(view.surface, Qt.Key.Key_Return)
    rows, cols = np.indices(SHAPE)
    disc = np.hypot(rows - 45, cols - 60) < 25
    found = pixels(view)
    assert 2 * (found & disc).sum() / (found.sum() + disc.sum()) > 0.93

    # What is found for a slice that was left is not taken for the one shown.
    view.set_frame(1)
    move(22, 60)
    late = begun.pop()
    view.set_frame(2)
    move(22, 60)
    late[1](late[0]())
    assert tool._wire is None and len(begun) == 1
    begun[0][1](begun[0][0]())
    assert tool._wire[1] == 2


@pytest.mark.parametrize("at_once", [True, False])
def test_where_edges_cannot_be_found_the_livewire_says_so_and_draws_straight(
    view, toolbox, monkeypatch, at_once, qtbot
):
    prepare = livewire.Livewire.prepare

    def fail(self):
        raise MemoryError

    monkeypatch.setattr(livewire.Livewire, "prepare", fail)
    tool = toolbox["livewire"]
    jobs, said = Jobs(), []
    view.notice.connect(said.append)
    if not at_once:
        monkeypatch.setattr(livewire, "AT_ONCE", 100)
        tool.beside = MaskWork.beside.__get__(SimpleNamespace(_state=SimpleNamespace(jobs=jobs)))
    view.set_tool(tool)

    def move(row, col):
        place = view.viewport.to_widget(row, col)
        send(view, QEvent.Type.MouseMove, place, button=Qt.MouseButton.NoButton)

    move(22, 60)
    qtbot.waitUntil(lambda: bool(said), timeout=30_000)
    assert said == [livewire.FAILED]
    assert tool.now.startswith("No edges could be found here")
    move(25, 60)
    move(26, 61)
    assert said == [livewire.FAILED] and jobs.idle  # once, not with every move
    # The next outline tries again, draws straight, and can still be closed.
    for row, col in ((20, 40), (20, 80), (60, 60)):
        click(view, row, col)
    qtbot.waitUntil(lambda: len(said) == 2, timeout=30_000)
    QTest.keyClick(view.surface, Qt.Key.Key_Return)
    assert pixels(view)[30, 60] and not pixels(view)[58, 45]
    assert not tool.busy
    monkeypatch.setattr(livewire.Livewire, "prepare", prepare)
    # On another slice, and once it goes, edges are found.
    view.set_frame(1)
    tool.beside = None
    move(22, 60)
    assert tool._wire is not None and tool.now == tool.hint
    jobs.shut_down()


def test_a_click_on_the_first_point_closes_the_livewire_and_alt_erases(view, toolbox):
    view.document.add_mask()
    view.document.set_frame(0, np.ones(SHAPE, bool))
    view.set_tool(toolbox["livewire"])
    alt = Qt.KeyboardModifier.AltModifier
    for row, col in ((20, 60), (45, 85), (70, 60), (45, 35), (20, 60)):
        click(view, row, col, alt)
    assert not toolbox["livewire"].busy
    assert not pixels(view)[45, 60]
    assert pixels(view)[5, 5]
    assert view.document.undo_text == "Erase livewire on slice 1"


def test_a_click_grows_the_region_and_a_drag_sets_its_tolerance(view, toolbox):
    tool = toolbox["region"]
    view.set_tool(tool)
    tool.choice.set_tolerance(0.2)
    click(view, 45, 60)
    grey = view.image.grey(0)
    value, reach = float(grey[45, 60]), 0.2 * view.value_span
    box, cover = region(grey, (45, 60), value - reach, value + reach)
    np.testing.assert_array_equal(pixels(view)[box.slices], cover)
    assert cover.sum() > 1500
    assert view.document.undo_text == "Region growing on slice 1"
    view.document.undo()
    # Dragged far to the right, everything is alike; Escape leaves no trace.
    place = view.viewport.to_widget(45, 60)
    send(view, QEvent.Type.MouseButtonPress, place)
    send(view, QEvent.Type.MouseMove, place + QPointF(700, 0))
    assert tool._growing.stamp.cover.sum() == SHAPE[0] * SHAPE[1]
    assert "10 800 pixels" in tool.now
    QTest.keyClick(view.surface, Qt.Key.Key_Escape)
    send(view, QEvent.Type.MouseButtonRelease, place)
    assert view.document.masks == ()
    assert tool.choice.tolerance == 0.2


def test_a_region_through_slices_is_asked_for(view, toolbox, qtbot):
    tool = toolbox["region"]
    view.set_tool(tool)
    tool.choice.set_through(True)
    with qtbot.waitSignal(tool.throughRequested) as asked:
        click(view, 45, 60)
    request = asked.args[0]
    assert request.seed == (0, 45, 60)
    assert request.document is view.document
    assert request.low < view.image.grey(0)[45, 60] < request.high


def test_a_brush_in_millimetres_is_round_on_the_patient(view, toolbox):
    size = toolbox.brush_size
    size.set_unit("mm")
    size.set_mm(9.0)
    view.set_tool(toolbox["brush"])
    at = click(view, 45, 60)
    found = pixels(view)
    rows, cols = np.indices(SHAPE)
    away = np.hypot((rows - at[0]) * SPACING[0], (cols - at[1]) * SPACING[1])
    np.testing.assert_array_equal(found, away <= 9.0 + 1e-9)
    assert found.sum() == pytest.approx(np.pi * 81 / (SPACING[0] * SPACING[1]), rel=0.05)
    QTest.keyClick(view.surface, Qt.Key.Key_BracketRight)
    assert size.mm == pytest.approx(10.8)
    assert size.radius == 8.0


def test_without_spacing_a_brush_in_millimetres_is_one_in_pixels(view, toolbox):
    image = Image(np.zeros((1, *SHAPE), np.uint8))
    view.set_image(image)
    view.set_document(MaskDocument(image))
    toolbox.brush_size.set_unit("mm")
    view.set_tool(toolbox["brush"])
    at = click(view, 45, 60)
    np.testing.assert_array_equal(pixels(view), painted([shapes.disc(at, 8.0, SHAPE)]))


PEN = QPointingDevice(
    "pen",
    7,
    QInputDevice.DeviceType.Stylus,
    QPointingDevice.PointerType.Pen,
    QInputDevice.Capability.Position | QInputDevice.Capability.Pressure,
    1,
    1,
)
PEN_ERASER = QPointingDevice(
    "eraser",
    8,
    QInputDevice.DeviceType.Stylus,
    QPointingDevice.PointerType.Eraser,
    QInputDevice.Capability.Position | QInputDevice.Capability.Pressure,
    1,
    1,
)


def pen(view, kind, row, col, pressure, device=PEN):
    place = view.viewport.to_widget(row, col)
    down = kind != QEvent.Type.TabletRelease
    event = QTabletEvent(
        kind,
        device,
        place,
        QPointF(view.surface.mapToGlobal(place.toPoint())),
        pressure,
        0,
        0,
        0,
        0,
        0,
        Qt.KeyboardModifier.NoModifier,
        Qt.MouseButton.LeftButton if kind != QEvent.Type.TabletMove else Qt.MouseButton.NoButton,
        Qt.MouseButton.LeftButton if down else Qt.MouseButton.NoButton,
    )
    QApplication.sendEvent(view.surface, event)


def test_a_pens_pressure_makes_the_brush_and_its_other_end_erases(view, toolbox):
    view.set_tool(toolbox["brush"])
    toolbox.brush_size.set_radius(10)
    pen(view, QEvent.Type.TabletPress, 20, 20, 1.0)
    pen(view, QEvent.Type.TabletRelease, 20, 20, 0.0)
    pen(view, QEvent.Type.TabletPress, 60, 80, 0.0)
    pen(view, QEvent.Type.TabletRelease, 60, 80, 0.0)
    found = pixels(view)
    assert abs(int(found[:40, :50].sum()) - np.pi * 100) < 12
    assert abs(int(found[45:, 60:].sum()) - np.pi * 9) < 8
    pen(view, QEvent.Type.TabletPress, 60, 80, 1.0, PEN_ERASER)
    pen(view, QEvent.Type.TabletRelease, 60, 80, 0.0, PEN_ERASER)
    assert not pixels(view)[45:, 60:].any()
    stroke(view, [(60, 80), (60, 81)])
    assert pixels(view)[60, 88], "a mouse after the pen paints in full size"


def test_shift_shows_the_line_before_it_is_drawn(view, toolbox):
    tool = toolbox["brush"]
    view.set_tool(tool)
    click(view, 20, 20)
    shift = Qt.KeyboardModifier.ShiftModifier
    place = view.viewport.to_widget(70, 100)
    send(view, QEvent.Type.MouseMove, place, Qt.MouseButton.NoButton, shift)
    assert tool.now == "Click to draw a straight line from the last dab."
    before = pixels(view).copy()
    middle = view.viewport.to_widget(45, 60).toPoint()
    shown = view.surface.grab().toImage().pixelColor(middle)
    send(view, QEvent.Type.MouseMove, place, Qt.MouseButton.NoButton)
    plain = view.surface.grab().toImage().pixelColor(middle)
    assert shown != plain
    assert tool.now == tool.hint
    np.testing.assert_array_equal(pixels(view), before)


@pytest.mark.parametrize(
    "name", ["brush", "eraser", "threshold-brush", "polygon", "lasso", "livewire", "region", "fill"]
)
def test_no_tool_changes_a_locked_mask_and_each_says_so(view, toolbox, name):
    notices = []
    view.notice.connect(notices.append)
    mask = view.document.add_mask()
    square = np.zeros(SHAPE, bool)
    square[30:60, 40:80] = True
    square[40:50, 55:65] = False
    view.document.set_frame(0, square)
    view.document.set_locked(mask.id, True)
    names = view.document.history.names
    view.set_tool(toolbox[name])
    stroke(view, [(45, 60), (45, 100), (80, 80)])
    click(view, 20, 60)
    click(view, 45, 60)
    QTest.keyClick(view.surface, Qt.Key.Key_Return)
    np.testing.assert_array_equal(pixels(view), square)
    assert view.document.history.names == names
    assert notices
    assert all("“Lesion” is locked against changes" in n for n in notices)
