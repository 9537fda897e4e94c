"""Mouse events on a view become exactly the pixels that the shapes of engine.masks give."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QKeySequence, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from engine.images.image import Geometry, Image
from engine.masks import shapes
from engine.masks.document import MaskDocument
from viewer.tools.toolbox import Toolbox

SHAPE = (90, 120)


@pytest.fixture
def toolbox():
    return Toolbox()


@pytest.fixture
def view(make_view):
    image = Image(np.zeros((3, *SHAPE), np.uint8), Geometry(spacing=(1.0, 1.0)))
    view = make_view(image, (500, 400))
    view.set_document(MaskDocument(image))
    return view


def pixels(view, frame=None):
    mask = view.document.active
    if mask is None:
        return np.zeros(SHAPE, np.bool_)
    return mask.frame(view.frame if frame is None else frame)


def painted(stamps):
    out = np.zeros(SHAPE, np.bool_)
    for box, cover in stamps:
        out[box.slices] |= cover
    return out


def send(view, kind, where, button=Qt.MouseButton.LeftButton, modifiers=None):
    """Send a mouse event with fractions of a pixel, which QTest cannot."""
    where = QPointF(where)
    event = QMouseEvent(
        kind,
        where,
        view.surface.mapToGlobal(where),
        button if kind != QEvent.Type.MouseMove else Qt.MouseButton.NoButton,
        Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else button,
        modifiers or Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(view.surface, event)


def stroke(view, points, modifiers=None):
    """Draw through image positions (row, col); return what the view made of the widget's."""
    places = [view.viewport.to_widget(*point) for point in points]
    send(view, QEvent.Type.MouseButtonPress, places[0], modifiers=modifiers)
    for place in places[1:]:
        send(view, QEvent.Type.MouseMove, place, modifiers=modifiers)
    send(view, QEvent.Type.MouseButtonRelease, places[-1], modifiers=modifiers)
    return [view.viewport.to_image(place.x(), place.y()) for place in places]


def click(view, row, col, modifiers=Qt.KeyboardModifier.NoModifier):
    place = view.viewport.to_widget(row, col).toPoint()
    QTest.mouseClick(view.surface, Qt.MouseButton.LeftButton, modifiers, place)
    return view.viewport.to_image(place.x(), place.y())


@pytest.mark.parametrize("zoom", [0.3, 1.0, 2.7, 9.0])
@pytest.mark.parametrize("pan", [(0, 0), (13.4, -7.9)])
def test_a_stroke_is_the_capsules_between_all_mouse_positions(view, toolbox, zoom, pan):
    view.zoom_by(zoom)
    view.set_viewport(view.viewport.panned(*pan))
    view.set_tool(toolbox["brush"])
    toolbox.brush_size.set_radius(3.25)
    points = [(20.3, 30.1), (25.7, 41.9), (70.2, 44.4), (60.6, 110.5)]
    at = stroke(view, points)
    expected = painted(shapes.capsule(a, b, 3.25, SHAPE) for a, b in pairwise(at))
    assert expected.sum() > 300
    np.testing.assert_array_equal(pixels(view), expected)
    assert view.document.undo()
    assert not pixels(view).any()
    assert view.document.redo()
    np.testing.assert_array_equal(pixels(view), expected)


def test_strokes_are_exact_on_non_square_pixels(view, toolbox):
    image = Image(np.zeros((1, *SHAPE), np.uint8), Geometry(spacing=(2.0, 0.7)))
    view.set_image(image)
    view.set_document(MaskDocument(image))
    view.set_tool(toolbox["brush"])
    at = stroke(view, [(10.2, 10.4), (50.1, 70.3)])
    expected = painted([shapes.capsule(*at, toolbox.brush_size.radius, SHAPE)])
    np.testing.assert_array_equal(pixels(view), expected)


def test_a_dab_of_half_a_pixel_marks_the_pixel_under_the_mouse(view, toolbox):
    view.set_tool(toolbox["brush"])
    toolbox.brush_size.set_radius(0.5)
    view.zoom_by(8)
    for row, col in ((44, 60), (45, 63), (40, 55)):
        click(view, row, col)
        assert pixels(view)[row, col]
    assert pixels(view).sum() == 3


def test_a_stroke_beyond_the_image_is_clipped(view, toolbox):
    view.zoom_by(0.5)
    view.set_tool(toolbox["brush"])
    at = stroke(view, [(-20, -20), (200, 300)])
    expected = painted([shapes.capsule(*at, toolbox.brush_size.radius, SHAPE)])
    np.testing.assert_array_equal(pixels(view), expected)


def test_alt_erases_with_the_brush_and_paints_with_the_eraser(view, toolbox):
    alt = Qt.KeyboardModifier.AltModifier
    view.set_tool(toolbox["brush"])
    stroke(view, [(40, 20), (40, 100)])
    before = pixels(view).copy()
    at = stroke(view, [(40, 50), (40, 60)], alt)
    gap = painted([shapes.capsule(*at, toolbox.brush_size.radius, SHAPE)])
    np.testing.assert_array_equal(pixels(view), before & ~gap)
    view.set_tool(toolbox["eraser"])
    stroke(view, [(40, 50), (40, 60)], alt)
    np.testing.assert_array_equal(pixels(view), before | gap)
    stroke(view, [(40, 0), (40, 119)])
    assert pixels(view).sum() < before.sum() / 5


def test_shift_click_draws_a_straight_line_from_the_last_dab(view, toolbox):
    view.set_tool(toolbox["brush"])
    first = click(view, 20, 20)
    second = click(view, 70, 100, Qt.KeyboardModifier.ShiftModifier)
    expected = painted([shapes.capsule(first, second, toolbox.brush_size.radius, SHAPE)])
    np.testing.assert_array_equal(pixels(view), expected)


def test_escape_takes_an_unfinished_stroke_back_and_leaves_no_step(view, toolbox):
    view.set_tool(toolbox["brush"])
    stroke(view, [(10, 10), (20, 20)])
    before, text = pixels(view).copy(), view.document.undo_text
    send(view, QEvent.Type.MouseButtonPress, view.viewport.to_widget(50, 50))
    send(view, QEvent.Type.MouseMove, view.viewport.to_widget(60, 90))
    assert pixels(view).sum() > before.sum()
    QTest.keyClick(view.surface, Qt.Key.Key_Escape)
    np.testing.assert_array_equal(pixels(view), before)
    send(view, QEvent.Type.MouseMove, view.viewport.to_widget(70, 20))
    send(view, QEvent.Type.MouseButtonRelease, view.viewport.to_widget(70, 20))
    np.testing.assert_array_equal(pixels(view), before)
    assert view.document.undo_text == text
    assert view.document.undo() and not pixels(view).any() and not view.document.can_undo


def test_one_stroke_is_one_step_however_many_moves(view, toolbox):
    view.set_tool(toolbox["brush"])
    stroke(view, [(10 + i / 3, 10 + i) for i in range(80)])
    assert view.document.undo()
    assert not pixels(view).any()
    assert not view.document.can_undo


def test_the_frame_stays_while_a_stroke_is_drawn(view, toolbox):
    view.set_tool(toolbox["brush"])
    send(view, QEvent.Type.MouseButtonPress, view.viewport.to_widget(50, 50))
    QTest.keyClick(view.surface, Qt.Key.Key_Down)
    assert view.frame == 0
    send(view, QEvent.Type.MouseButtonRelease, view.viewport.to_widget(50, 50))
    QTest.keyClick(view.surface, Qt.Key.Key_Down)
    assert view.frame == 1 and not pixels(view).any() and pixels(view, 0).any()


def test_a_stroke_ends_where_it_is_when_the_frame_is_changed_from_outside(view, toolbox):
    view.set_tool(toolbox["brush"])
    send(view, QEvent.Type.MouseButtonPress, view.viewport.to_widget(50, 50))
    view.set_frame(2)
    send(view, QEvent.Type.MouseMove, view.viewport.to_widget(50, 90))
    send(view, QEvent.Type.MouseButtonRelease, view.viewport.to_widget(50, 90))
    assert pixels(view, 0).any() and not pixels(view, 2).any()
    assert not view.document.is_drawing and view.document.can_undo


def test_brush_size_by_keys_and_wheel(view, toolbox):
    view.set_tool(toolbox["brush"])
    sizes = [toolbox.brush_size.radius]
    for _ in range(3):
        QTest.keyClick(view.surface, Qt.Key.Key_BracketRight)
        sizes.append(toolbox.brush_size.radius)
    assert sizes == sorted(set(sizes))
    for _ in range(60):
        QTest.keyClick(view.surface, Qt.Key.Key_BracketLeft)
    assert toolbox.brush_size.radius == 0.5
    for _ in range(60):
        QTest.keyClick(view.surface, Qt.Key.Key_BracketRight)
    assert toolbox.brush_size.radius == 256
    assert toolbox["eraser"].cursor_radius(view) == 256


def test_polygon_by_clicks_is_the_exact_polygon(view, toolbox):
    view.set_tool(toolbox["polygon"])
    corners = [click(view, *p) for p in ((10, 20), (15, 90), (70, 80), (40, 50))]
    assert not pixels(view).any()
    QTest.keyClick(view.surface, Qt.Key.Key_Return)
    np.testing.assert_array_equal(pixels(view), painted([shapes.polygon(corners, SHAPE)]))
    assert not toolbox["polygon"].busy
    assert view.document.undo() and not pixels(view).any()


def test_a_double_click_sets_the_last_corner_and_closes(view, toolbox):
    view.set_tool(toolbox["polygon"])
    corners = [click(view, *p) for p in ((10, 20), (15, 90))]
    place = view.viewport.to_widget(70, 60).toPoint()
    QTest.mouseClick(view.surface, Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseDClick(view.surface, Qt.MouseButton.LeftButton, pos=place)
    corners.append(view.viewport.to_image(place.x(), place.y()))
    np.testing.assert_array_equal(pixels(view), painted([shapes.polygon(corners, SHAPE)]))


def test_clicking_the_first_corner_closes(view, toolbox):
    view.set_tool(toolbox["polygon"])
    corners = [click(view, *p) for p in ((10, 20), (15, 90), (70, 60))]
    click(view, 10.5, 20.5)
    np.testing.assert_array_equal(pixels(view), painted([shapes.polygon(corners, SHAPE)]))


def test_backspace_and_undo_take_corners_back_before_anything_else(view, toolbox):
    """Also where a menu holds Ctrl+Z: the shortcut waits until the polygon is finished."""
    undone = []
    action = QAction("Undo", view)
    action.setShortcut(QKeySequence.StandardKey.Undo)
    action.triggered.connect(lambda: undone.append(view.document.undo()))
    view.addAction(action)
    view.activateWindow()
    view.surface.setFocus()
    QTest.qWaitForWindowActive(view)
    view.set_tool(toolbox["brush"])
    stroke(view, [(80, 10), (80, 20)])
    before = pixels(view).copy()
    view.set_tool(toolbox["polygon"])
    for point in ((10, 20), (15, 90), (70, 60)):
        click(view, *point)
    QTest.keyClick(view.surface, Qt.Key.Key_Backspace)
    assert len(toolbox["polygon"].corners) == 2
    QTest.keyClick(view.surface, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(view.surface, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not toolbox["polygon"].busy and undone == []
    np.testing.assert_array_equal(pixels(view), before)
    QTest.keyClick(view.surface, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert undone == [True]
    assert not pixels(view).any()


def test_escape_and_another_tool_give_a_polygon_up(view, toolbox):
    for leave in (
        lambda: QTest.keyClick(view.surface, Qt.Key.Key_Escape),
        lambda: view.set_tool(toolbox["pan"]),
    ):
        view.set_tool(toolbox["polygon"])
        for point in ((10, 20), (15, 90), (70, 60)):
            click(view, *point)
        leave()
        assert not toolbox["polygon"].busy
        assert view.document.active is None and not view.document.can_undo


def test_a_polygon_stays_on_its_frame(view, toolbox):
    view.set_tool(toolbox["polygon"])
    corners = [click(view, *p) for p in ((10, 20), (15, 90))]
    view.set_frame(1)
    click(view, 50, 50)
    assert len(toolbox["polygon"].corners) == 2
    view.set_frame(0)
    corners.append(click(view, 70, 60))
    QTest.keyClick(view.surface, Qt.Key.Key_Enter)
    np.testing.assert_array_equal(pixels(view, 0), painted([shapes.polygon(corners, SHAPE)]))
    assert not pixels(view, 1).any()


def test_shift_keeps_a_polygons_side_at_45_degrees(view, toolbox):
    view.set_tool(toolbox["polygon"])
    click(view, 20, 20)
    click(view, 22, 80, Qt.KeyboardModifier.ShiftModifier)
    first, second = toolbox["polygon"].corners
    assert second[0] == pytest.approx(first[0])
    assert second[1] == pytest.approx(80, abs=0.5)


def test_lasso_is_what_the_line_goes_round(view, toolbox):
    view.set_tool(toolbox["lasso"])
    angles = np.linspace(0, 2 * np.pi, 60)
    at = stroke(view, [(45 + 30 * np.sin(a), 60 + 40 * np.cos(a)) for a in angles])
    np.testing.assert_array_equal(pixels(view), painted([shapes.lasso(at, SHAPE)]))
    assert pixels(view).sum() == pytest.approx(np.pi * 30 * 40, rel=0.02)
    inner = stroke(
        view,
        [(45 + 10 * np.sin(a), 60 + 10 * np.cos(a)) for a in angles],
        Qt.KeyboardModifier.AltModifier,
    )
    assert not pixels(view)[45, 60]
    hole = painted([shapes.lasso(inner, SHAPE)])
    assert not pixels(view)[hole].any()


def test_fill_closes_a_ring_and_says_when_nothing_is_closed(view, toolbox):
    notices = []
    view.notice.connect(notices.append)
    view.set_tool(toolbox["brush"])
    toolbox.brush_size.set_radius(2)
    angles = np.linspace(0, 2 * np.pi, 60)
    stroke(view, [(45 + 30 * np.sin(a), 60 + 40 * np.cos(a)) for a in angles])
    ring = pixels(view).copy()
    view.set_tool(toolbox["fill"])
    click(view, 2, 2)
    assert len(notices) == 1 and notices[0].endswith(".")
    np.testing.assert_array_equal(pixels(view), ring)
    click(view, 45, 60)
    np.testing.assert_array_equal(pixels(view), ring | painted([shapes.holes(ring)]))
    click(view, 45, 60, Qt.KeyboardModifier.AltModifier)
    assert not pixels(view).any()
    view.document.undo()
    view.document.undo()
    np.testing.assert_array_equal(pixels(view), ring)


def test_pick_makes_the_mask_under_the_mouse_active_and_then_the_one_beneath(view, toolbox):
    document = view.document
    lower = document.add_mask("Lower")
    document.paint(0, shapes.disc((40, 40), 20, SHAPE))
    upper = document.add_mask("Upper")
    document.paint(0, shapes.disc((40, 60), 20, SHAPE))
    view.set_tool(toolbox["pick"])
    click(view, 40, 25)
    assert document.active is lower
    click(view, 40, 50)
    assert document.active is upper
    click(view, 40, 50)
    assert document.active is lower


def test_a_locked_mask_is_refused_with_a_sentence(view, toolbox):
    notices = []
    view.notice.connect(notices.append)
    document = view.document
    mask = document.add_mask()
    document.set_locked(mask.id, True)
    for name in ("brush", "lasso"):
        view.set_tool(toolbox[name])
        stroke(view, [(10, 10), (10, 40), (50, 40)])
        assert not toolbox[name].busy
    view.set_tool(toolbox["polygon"])
    for point in ((10, 20), (15, 90), (70, 60)):
        click(view, *point)
    QTest.keyClick(view.surface, Qt.Key.Key_Return)
    assert len(notices) == 5 and all("locked" in n for n in notices)
    assert mask.is_empty


def test_a_hidden_mask_is_not_drawn_on(view, toolbox):
    notices = []
    view.notice.connect(notices.append)
    mask = view.document.add_mask()
    view.document.set_visible(mask.id, False)
    for name in ("brush", "lasso", "polygon", "fill"):
        view.set_tool(toolbox[name])
        click(view, 40, 40)
        assert not toolbox[name].busy
    assert mask.is_empty and len(notices) == 4 and all("hidden" in n for n in notices)


def test_tools_do_nothing_without_a_document(view, toolbox):
    view.set_document(None)
    for tool in toolbox.tools:
        view.set_tool(tool)
        stroke(view, [(10, 10), (50, 50)])
        QTest.mouseDClick(view.surface, Qt.MouseButton.LeftButton, pos=QPoint(50, 50))
        view.interaction.cancel()
        assert not tool.busy


def test_names_and_shortcuts_of_tools_are_their_own(toolbox):
    for attribute in ("name", "title", "shortcut", "hint"):
        values = [getattr(tool, attribute) for tool in toolbox.tools]
        assert all(values) and len(set(values)) == len(values)
