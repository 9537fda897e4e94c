"""Measuring with the mouse in a real window: put, move, delete, undo, keep, copy."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from engine.measure import store
from engine.measure.measurement import measure
from tests.engine.images.dicom_files import save, slice_
from tests.viewer.conftest import settled
from viewer.canvas.turn import Turn

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def window(bare_window, tmp_path):
    rng = np.random.default_rng(2)
    for index in range(3):
        made = slice_(5.0 * index, shape=(120, 160), InstanceNumber=index + 1)
        made.PixelSpacing = [0.5, 0.5]
        made.PixelData = rng.integers(0, 900, (120, 160), dtype=np.int16).tobytes()
        save(made, tmp_path / f"{index}.dcm")
    return bare_window(tmp_path)


def take(window, name):
    window.choose_tool(window.measuring.tools[name])
    return window.views.active


def at(view, row, col) -> QPoint:
    return view.viewport.to_widget(row, col).toPoint()


def drag(view, start, stop, modifiers=Qt.KeyboardModifier.NoModifier):
    QTest.mousePress(view.surface, LEFT, modifiers, at(view, *start))
    QTest.mouseMove(view.surface, at(view, *np.mean([start, stop], axis=0)))
    QTest.mouseMove(view.surface, at(view, *stop))
    QTest.mouseRelease(view.surface, LEFT, modifiers, at(view, *stop))


def click(view, *places):
    for place in places:
        QTest.mouseMove(view.surface, at(view, *place))
        QTest.mouseClick(view.surface, LEFT, pos=at(view, *place))


def only(window):
    (item,) = window.state.measurements.items
    return item


def near(view):
    """An image pixel in canvas pixels: what the mouse can be off by."""
    return 1.0 / view.viewport.scale


def test_a_distance_by_dragging_or_by_two_clicks(window):
    view = take(window, "distance")
    drag(view, (20, 30), (20, 130))
    found = measure(view.image, only(window))
    assert found.unit == "mm" and found.value == pytest.approx(50.0, abs=near(view))
    window.actions_["undo"].trigger()
    assert not window.state.measurements.items
    click(view, (20, 30), (80, 30))
    assert measure(view.image, only(window)).value == pytest.approx(30.0, abs=near(view))


def test_an_angle_an_area_and_an_ellipse(window):
    view = take(window, "angle")
    click(view, (20, 100), (60, 60), (20, 20))
    assert measure(view.image, only(window)).value == pytest.approx(90.0, abs=2)
    window.state.measurements.clear()
    take(window, "area")
    click(view, (20, 20), (20, 100), (60, 100), (60, 20), (100, 100))
    assert window.tool.busy
    QTest.keyClick(view.surface, Qt.Key.Key_Backspace)  # the last corner was a mistake
    QTest.keyClick(view.surface, Qt.Key.Key_Return)
    assert measure(view.image, only(window)).value == pytest.approx(800, rel=0.03)
    window.state.measurements.clear()
    take(window, "ellipse")
    drag(view, (20, 20), (60, 140), Qt.KeyboardModifier.ShiftModifier)
    rows, cols = np.ptp(only(window).points, axis=0)
    assert rows == pytest.approx(cols)
    assert measure(view.image, only(window)).statistics.count == pytest.approx(1257, rel=0.06)


def test_escape_leaves_no_trace(window):
    view = take(window, "angle")
    click(view, (20, 100), (60, 60))
    QTest.keyClick(view.surface, Qt.Key.Key_Escape)
    assert not window.state.measurements.items and not window.measuring.desk.items(view)
    assert not window.actions_["undo"].isEnabled()


@pytest.mark.parametrize("turn", [Turn(), Turn(1, True)])
def test_handles_and_lines_can_be_moved_in_any_turn(window, turn):
    view = take(window, "distance")
    view.set_turn(turn)
    drag(view, (40, 30), (40, 90))
    drag(view, (40, 90), (80, 90))  # its end
    (r0, c0), (r1, c1) = only(window).points
    assert (r0, c0) == pytest.approx((40, 30), abs=near(view))
    assert (r1, c1) == pytest.approx((80, 90), abs=2 * near(view))
    drag(view, (60, 60), (50, 70))  # its middle
    moved = np.array(only(window).points) - [(r0, c0), (r1, c1)]
    assert moved == pytest.approx(np.array([[-10, 10], [-10, 10]]), abs=2 * near(view))
    assert window.actions_["undo"].text() == "Undo move distance"
    window.actions_["undo"].trigger()
    assert only(window).points == ((r0, c0), (r1, c1))


def test_masks_and_measurements_never_mix(window):
    view = take(window, "distance")
    drag(view, (40, 30), (40, 90))
    document = window.state.masks.document
    assert all(mask.is_empty for mask in document.masks) and not document.can_undo
    window.choose_tool(window.toolbox["brush"])
    drag(view, (40, 30), (40, 90))  # over the measurement: draws, and does not take hold of it
    assert document.can_undo and len(window.state.measurements.items) == 1
    window.actions_["undo"].trigger()
    assert not document.can_undo and len(window.state.measurements.items) == 1
    window.actions_["undo"].trigger()
    assert not window.state.measurements.items


def test_picked_deleted_and_listed(window):
    view = take(window, "distance")
    panel = window.measuring.panel
    assert panel.isHidden()
    drag(view, (40, 30), (40, 90))
    window.state.set_frame(2)
    take(window, "ellipse")
    drag(view, (60, 60), (90, 90))
    assert not panel.isHidden() and panel.list.count() == 2
    assert panel.list.item(0).text() == f"Distance  {_length(window):.1f} mm  ·  slice 1"
    panel.list.setCurrentRow(0)
    assert window.state.frame == 0
    assert window.state.measurements.selected.kind == "distance"
    panel.copy_text()
    lines = QGuiApplication.clipboard().text().splitlines()
    assert len(lines) == 3 and lines[2].startswith("Ellipse\t3\t")
    window.choose_tool(window.toolbox["pick"])
    window.state.measurements.select("")
    QTest.mouseClick(view.surface, LEFT, pos=at(view, 40, 60))
    assert window.state.measurements.selected.kind == "distance"
    assert window.actions_["delete-measurement"].isEnabled()
    window.actions_["delete-measurement"].trigger()
    assert only(window).kind == "ellipse" and panel.list.count() == 1
    window.actions_["undo"].trigger()
    assert panel.list.count() == 2


def _length(window):
    image, items = window.state.image, window.state.measurements.items
    return measure(image, items[0]).value


def test_kept_for_the_image_and_on_disk(window, qtbot):
    view = take(window, "distance")
    drag(view, (40, 30), (40, 90))
    item, key = only(window), window.state.image.key
    qtbot.waitUntil(lambda: store.load(key) == (item,))
    case, series = window.state.case, window.state.series
    window.state.open_series(case, series)
    before = window.state.image
    qtbot.waitUntil(lambda: window.state.image is not before)
    assert only(window) == item


def test_what_could_not_be_written_is_written_at_the_next_chance(window, qtbot):
    folder = store.path_of("any").parent
    folder.rmdir() if folder.is_dir() else folder.parent.mkdir(parents=True, exist_ok=True)
    folder.touch()  # a file where the folder should be: nothing can be written
    view = take(window, "distance")
    with qtbot.waitSignal(window.state.measures.failed):
        drag(view, (40, 30), (40, 90))
    folder.unlink()
    window.state.measures.save()
    assert store.load(window.state.image.key) == (only(window),)


def test_covers_are_given_to_exporters_and_painted(window):
    view = take(window, "cover")
    drag(view, (5, 5), (30, 80))
    (box,) = window.state.covers(view.image)
    assert box == pytest.approx((5, 5, 31, 81), abs=1)
    view.pointing.follow(None)
    window.state.measurements.select("")
    for frame in (0, 1):
        window.state.set_frame(frame)
        QApplication.processEvents()
        shot = view.surface.grab().toImage()
        ratio = shot.devicePixelRatio()
        inside = [
            shot.pixelColor(at(view, row, col) * ratio).lightness()
            for row in range(8, 14)
            for col in range(10, 30)
        ]
        assert np.mean(inside) < 90
    assert "Cover" in window.measuring.panel.list.item(0).text()


def test_hidden_measurements_are_not_in_reach(window):
    view = take(window, "distance")
    drag(view, (40, 30), (40, 90))
    window.actions_["hide-measurements"].trigger()
    assert window.measuring.desk.items(view) == ()
    drag(view, (40, 90), (80, 90))
    assert len(window.state.measurements.items) == 2


def test_the_strip_shows_which_tool_is_in_hand(window):
    take(window, "ellipse")
    assert window.measuring.button.isChecked()
    assert window.strip._group.checkedButton() is None
    assert window.actions_["tool-ellipse"].isChecked()
    window.choose_tool(window.toolbox["brush"])
    assert not window.measuring.button.isChecked()
    assert not window.actions_["tool-ellipse"].isChecked()
    assert window.strip._group.checkedButton() is not None


def test_an_image_shown_beside_has_measurements_of_its_own(window, qtbot, tmp_path):
    from PIL import Image as Pillow

    from viewer.state.contents import Content

    view = take(window, "distance")
    drag(view, (20, 30), (20, 130))
    other = tmp_path / "beside.png"
    pixels = np.random.default_rng(7).integers(0, 255, (90, 110), dtype=np.uint8)
    Pillow.fromarray(pixels).save(other)
    state = window.state
    state.open_paths([other], show=False)
    qtbot.waitUntil(
        lambda: any(c.title == "beside" for c in state.cases.opened.cases), timeout=60_000
    )
    case = next(c for c in state.cases.opened.cases if c.title == "beside")
    state.contents.set(0, Content(case, case.series[0]))
    first = window.views.views[0]
    qtbot.waitUntil(lambda: first.image is not None and first.image.shape == (90, 110))
    qtbot.waitUntil(lambda: settled(window))
    QApplication.processEvents()
    drag(first, (30, 30), (30, 80))
    assert state.measured is first.image and len(state.measurements.items) == 1
    (item,) = state.measurements.items
    assert measure(first.image, item).value == pytest.approx(50, abs=near(first))
    assert window.measuring.panel.list.item(0).text() == f"Distance  {_length_of(first, item)} px"
    window.actions_["undo"].trigger()
    assert state.measurements.items == ()
    assert len(state.measures.of(state.image).items) == 1  # the one being read keeps its own
    state.set_active_view(1)
    assert state.measured is state.image and window.measuring.panel.list.count() == 1


def _length_of(view, item):
    return f"{measure(view.image, item).value:.1f}"


def test_a_damaged_file_of_measurements_is_kept_and_told(bare_window, until, tmp_path):
    from PIL import Image as Pillow

    from engine.images.scan import scan

    folder = tmp_path / "one"
    folder.mkdir()
    Pillow.fromarray(np.full((60, 80), 90, np.uint8)).save(folder / "a.png")
    (series,) = [s for case in scan([folder]).cases for s in case.series]
    path = store.path_of(series.load(None).key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"format": 1, "measurements": [')
    window = bare_window(folder)
    until(lambda: "measurements and covers" in window.notice.text)
    (aside,) = path.parent.glob("*.damaged-*")
    assert aside.name in window.notice.text
    assert aside.read_text() == '{"format": 1, "measurements": ['
