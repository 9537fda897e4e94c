"""The view as a widget: what it shows, and what mouse, wheel and keys do."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from engine.images.image import Geometry, Image
from engine.images.windowing import to_grey8


def stack(frames=5, rows=60, cols=80, spacing=None):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 1000, (frames, rows, cols), dtype=np.int16)
    return Image(pixels, Geometry(spacing=spacing))


@pytest.fixture
def view(make_view):
    return make_view(stack())


def at(view, row, col):
    """The canvas point nearest to an image position."""
    return view.viewport.to_widget(row, col).toPoint()


def wheel(view, notches, modifiers=Qt.KeyboardModifier.NoModifier, where=None, pixels=0):
    where = QPointF(where or view.surface.rect().center())
    phase = Qt.ScrollPhase.ScrollUpdate if pixels else Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(
        where,
        view.surface.mapToGlobal(where),
        QPoint(0, pixels),
        QPoint(0, round(120 * notches)),
        Qt.MouseButton.NoButton,
        modifiers,
        phase,
        False,
    )
    QApplication.sendEvent(view.surface, event)


def drag(view, start, stop, button=Qt.MouseButton.LeftButton):
    QTest.mousePress(view.surface, button, pos=start)
    QTest.mouseMove(view.surface, (start + stop) / 2)
    QTest.mouseMove(view.surface, stop)
    QTest.mouseRelease(view.surface, button, pos=stop)


def test_image_is_fitted_and_stays_fitted_when_resized(view):
    for size in ((402, 330), (700, 300), (200, 500)):
        view.resize(*size)
        QApplication.processEvents()
        seen = view.view_rect()
        assert seen.left() <= 1e-6 and seen.top() <= 1e-6
        assert seen.right() >= 80 - 1e-6 and seen.bottom() >= 60 - 1e-6
        assert min(seen.width() - 80, seen.height() - 60) == pytest.approx(0, abs=1e-6)


def test_pixels_on_screen_are_the_windowed_pixels(view):
    view.set_annotations_shown(False)
    view.set_viewport(view.viewport.at_scale(16.0))
    grabbed = view.surface.grab().toImage()
    grey = to_grey8(view.image.frame(0), view.grey_window)
    ratio = grabbed.devicePixelRatio()
    seen = view.view_rect()
    checked = 0
    for row in range(int(seen.top()) + 1, int(seen.bottom()) - 1):
        for col in range(int(seen.left()) + 1, int(seen.right()) - 1):
            point = view.viewport.to_widget(row, col) * ratio
            colour = grabbed.pixelColor(point.toPoint())
            assert colour.red() == colour.green() == colour.blue() == grey[row, col]
            checked += 1
    assert checked > 200


def test_non_square_pixels_are_shown_true(view):
    view.set_image(stack(spacing=(3.0, 1.0)))
    viewport = view.viewport
    assert viewport.row_scale / viewport.scale == pytest.approx(3.0)


def test_wheel_runs_through_slices_and_stops_at_the_ends(view, qtbot):
    asked = []
    view.frameRequested.connect(asked.append)
    for notches in (-1, -1, -1, -1, -1, -1, 1):
        wheel(view, notches)
    assert asked == [1, 2, 3, 4, 3]
    assert view.frame == 3


def test_small_wheel_steps_add_up(view):
    for _ in range(4):
        wheel(view, -0.25)
    assert view.frame == 1
    wheel(view, 0, pixels=-15)
    assert view.frame == 1
    wheel(view, 0, pixels=-15)
    assert view.frame == 2


def test_control_wheel_keeps_the_point_under_the_mouse(view):
    where = QPoint(90, 210)
    before = view.viewport.to_image(where.x(), where.y())
    scale = view.viewport.scale
    wheel(view, 3, Qt.KeyboardModifier.ControlModifier, where)
    assert view.viewport.scale == pytest.approx(scale * 1.25**3)
    assert view.viewport.to_image(where.x(), where.y()) == pytest.approx(before)
    assert view.frame == 0


def test_wheel_zooms_where_there_is_one_frame(view):
    view.set_image(stack(frames=1))
    scale = view.viewport.scale
    wheel(view, 1)
    assert view.viewport.scale == pytest.approx(scale * 1.25)


def test_middle_drag_moves_and_right_drag_zooms_whatever_the_tool(view):
    view.zoom_by(4)
    start, stop = QPoint(150, 150), QPoint(180, 130)
    held = view.viewport.to_image(start.x(), start.y())
    drag(view, start, stop, Qt.MouseButton.MiddleButton)
    assert view.viewport.to_image(stop.x(), stop.y()) == pytest.approx(held)
    scale = view.viewport.scale
    drag(view, start, QPoint(150, 75), Qt.MouseButton.RightButton)
    assert view.viewport.scale > scale * 1.5


def test_space_holds_the_image(view):
    view.zoom_by(4)
    held = view.viewport.to_image(150, 150)
    window = view.grey_window
    QTest.keyPress(view.surface, Qt.Key.Key_Space)
    drag(view, QPoint(150, 150), QPoint(170, 160))
    QTest.keyRelease(view.surface, Qt.Key.Key_Space)
    assert view.viewport.to_image(170, 160) == pytest.approx(held)
    assert view.grey_window == window


def test_left_drag_windows_right_wider_down_darker(view):
    before = view.grey_window
    drag(view, QPoint(150, 150), QPoint(200, 170))
    after = view.grey_window
    assert after.width - before.width == pytest.approx(view.value_span * 50 / 500)
    assert after.centre - before.centre == pytest.approx(view.value_span * 20 / 500)
    QTest.keyClick(view.surface, Qt.Key.Key_R)
    assert view.grey_window == before


def test_escape_gives_a_window_drag_up(view):
    before = view.grey_window
    QTest.mousePress(view.surface, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    QTest.mouseMove(view.surface, QPoint(150, 150))
    assert view.grey_window != before
    QTest.keyClick(view.surface, Qt.Key.Key_Escape)
    assert view.grey_window == before
    QTest.mouseMove(view.surface, QPoint(190, 190))
    QTest.mouseRelease(view.surface, Qt.MouseButton.LeftButton, pos=QPoint(190, 190))
    assert view.grey_window == before


def test_window_drag_never_reaches_a_width_of_zero(view):
    drag(view, QPoint(390, 150), QPoint(2, 150))
    drag(view, QPoint(390, 150), QPoint(2, 150))
    assert view.grey_window.width > 0


def test_keys(view):
    for key, frame in (
        (Qt.Key.Key_Down, 1),
        (Qt.Key.Key_Down, 2),
        (Qt.Key.Key_Up, 1),
        (Qt.Key.Key_End, 4),
        (Qt.Key.Key_Home, 0),
        (Qt.Key.Key_PageUp, 0),
    ):
        QTest.keyClick(view.surface, key)
        assert view.frame == frame
    QTest.keyClick(view.surface, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert view.viewport.scale * view.surface.devicePixelRatioF() == pytest.approx(1)
    assert not view.is_fitted
    QTest.keyClick(view.surface, Qt.Key.Key_Plus)
    assert view.viewport.scale * view.surface.devicePixelRatioF() == pytest.approx(1.25)
    QTest.keyClick(view.surface, Qt.Key.Key_F)
    assert view.is_fitted
    QTest.keyClick(view.surface, Qt.Key.Key_I)
    assert view.inverted


def test_page_keys_turn_ten_slices(view):
    view.set_image(stack(frames=35))
    for key, frame in (
        (Qt.Key.Key_PageDown, 10),
        (Qt.Key.Key_PageDown, 20),
        (Qt.Key.Key_PageDown, 30),
        (Qt.Key.Key_PageDown, 34),
        (Qt.Key.Key_PageUp, 24),
    ):
        QTest.keyClick(view.surface, key)
        assert view.frame == frame


def test_space_alone_is_a_tap_but_not_after_moving_the_image(view, qtbot):
    with qtbot.waitSignal(view.tapped, timeout=1000):
        QTest.keyClick(view.surface, Qt.Key.Key_Space)
    with qtbot.assertNotEmitted(view.tapped):
        QTest.keyPress(view.surface, Qt.Key.Key_Space)
        drag(view, QPoint(100, 100), QPoint(140, 120))
        QTest.keyRelease(view.surface, Qt.Key.Key_Space)


def test_value_under_the_cursor_is_right_in_every_corner_pixel(view):
    view.resize(302, 255)  # within the offscreen screen at any scale, or the mouse would leave
    QApplication.processEvents()
    pixels = view.image.frame(0)
    readings = []
    view.cursorMoved.connect(readings.append)
    for row, col in ((0, 0), (0, 79), (59, 0), (59, 79)):
        QTest.mouseMove(view.surface, at(view, row, col))
        assert readings[-1].pixel == (row, col)
        assert readings[-1].value == pixels[row, col]
    view.zoom_by(0.5)
    edge = view.viewport.to_widget_rect(0, 0, 60, 80)
    QTest.mouseMove(view.surface, (edge.topLeft() + QPointF(-2, -2)).toPoint())
    assert not readings[-1].inside and readings[-1].value is None


def test_cursor_knows_where_it_is_in_the_patient(view):
    affine = np.eye(4)
    affine[:3, 0] = (0, 2.0, 0)  # rows run towards posterior
    affine[:3, 1] = (0.5, 0, 0)  # columns run towards left
    affine[:3, 3] = (-10, -20, 30)
    image = Image(np.zeros((1, 60, 80), np.uint8), Geometry((2.0, 0.5), affine[None]))
    view.set_image(image)
    readings = []
    view.cursorMoved.connect(readings.append)
    point = at(view, 10, 20)
    QTest.mouseMove(view.surface, point)
    row, col = view.viewport.to_image(point.x(), point.y())
    assert readings[-1].position_mm == pytest.approx((-10 + 0.5 * col, -20 + 2 * row, 30))


def test_image_cannot_be_dragged_out_of_sight(view):
    for _ in range(5):
        drag(view, QPoint(20, 20), QPoint(390, 280), Qt.MouseButton.MiddleButton)
    assert view.view_rect().intersects(QRectF(0, 0, 80, 60))


def test_one_to_one_survives_a_resize_and_keeps_the_middle(view):
    view.one_to_one()
    view.set_viewport(view.viewport.centred(20, 30))
    view.resize(500, 400)
    QApplication.processEvents()
    assert (view.viewport.row, view.viewport.col) == (20, 30)
    assert view.viewport.scale * view.surface.devicePixelRatioF() == pytest.approx(1)


def test_the_cursor_stays_with_the_mouse_when_the_image_moves_under_it(view):
    readings = []
    view.cursorMoved.connect(readings.append)
    QTest.mouseMove(view.surface, QPoint(120, 90))
    view.set_viewport(view.viewport.panned(40, 20))
    assert (readings[-1].row, readings[-1].col) == pytest.approx(view.viewport.to_image(120, 90))
    view.fit()
    assert (readings[-1].row, readings[-1].col) == pytest.approx(view.viewport.to_image(120, 90))


def test_a_view_without_the_mouse_says_nothing_of_the_cursor(view):
    readings = []
    view.cursorMoved.connect(readings.append)
    view.set_frame(2)
    view.zoom_by(2)
    assert readings == []
    view.pointing.follow(None)
    assert readings == []


def test_a_quick_second_drag_is_a_drag(view):
    view.zoom_by(4)
    for _ in range(2):
        held = view.viewport.to_image(150, 150)
        QTest.mouseDClick(view.surface, Qt.MouseButton.MiddleButton, pos=QPoint(150, 150))
        event = (Qt.MouseButton.MiddleButton, Qt.KeyboardModifier.NoModifier, QPoint(150, 150))
        QTest.mousePress(view.surface, *event)
        QTest.mouseMove(view.surface, QPoint(160, 155))
        QTest.mouseRelease(view.surface, Qt.MouseButton.MiddleButton, pos=QPoint(160, 155))
        assert view.viewport.to_image(160, 155) == pytest.approx(held)


def test_many_window_changes_between_two_paints_window_once(view, monkeypatch):
    windowed = []
    show = view.layers.image.show
    monkeypatch.setattr(view.layers.image, "show", lambda *a: (windowed.append(a), show(*a)))
    QApplication.processEvents()
    for i in range(30):
        drag(view, QPoint(100, 100), QPoint(101 + i, 100))
    view.surface.repaint()
    assert len(windowed) == 1
    assert windowed[0][2] == view.grey_window
