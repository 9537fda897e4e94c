"""A view does what the set of keys in use says, at once."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from engine.images.image import Geometry, Image
from viewer.canvas import bindings
from viewer.keymap.keymap import MOUSE, Keymap
from viewer.keymap.presets import READING, SALISCOPE, SLICER
from viewer.tools.brush import BrushSize, BrushTool

Mod = Qt.KeyboardModifier
Button = Qt.MouseButton


@pytest.fixture
def view(make_view):
    pixels = np.arange(12 * 60 * 80, dtype=np.float32).reshape(12, 60, 80)
    yield make_view(Image(pixels, Geometry()), (400, 300))
    bindings.use(SALISCOPE)


def drag(view, by, button=Button.LeftButton, modifiers=Mod.NoModifier):
    start = QPointF(150, 120)
    for kind, at, held in (
        (QEvent.Type.MouseButtonPress, start, button),
        (QEvent.Type.MouseMove, start + QPointF(*by), button),
        (QEvent.Type.MouseMove, start + QPointF(*by), button),
        (QEvent.Type.MouseButtonRelease, start + QPointF(*by), Button.NoButton),
    ):
        event = QMouseEvent(kind, at, view.surface.mapToGlobal(at), button, held, modifiers)
        QApplication.sendEvent(view.surface, event)


def wheel(view, notches, modifiers=Mod.NoModifier):
    at = QPointF(150, 120)
    event = QWheelEvent(
        at,
        view.surface.mapToGlobal(at),
        QPoint(),
        QPoint(0, int(notches * 120)),
        Button.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view.surface, event)


def changes(view, act):
    """Return which of window, zoom, place and frame an act changed."""

    def seen():
        port = view.viewport
        return view.grey_window, port.scale, port.to_image(0, 0), view.frame

    before = seen()
    act()
    names = ("window", "zoom", "place", "frame")
    return {n for n, a, b in zip(names, before, seen(), strict=True) if a != b}


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        ("window-level", {"window"}),
        ("zoom", {"zoom", "place"}),
        ("pan", {"place"}),
        ("slices", {"frame"}),
    ],
)
@pytest.mark.parametrize("button", ["Left", "Middle", "Right"])
def test_any_button_can_do_any_of_it(view, what, changed, button):
    view.zoom_by(4)
    bindings.use(Keymap("x", mouse={**MOUSE, button: what}))
    held = getattr(Button, f"{button}Button")
    assert changes(view, lambda: drag(view, (20, 24), held)) == changed


def test_a_drag_through_the_slices_goes_on_past_the_first_and_is_given_up_by_escape(view):
    bindings.use(Keymap("x", mouse={**MOUSE, "Left": "slices"}))
    drag(view, (0, 8 * 5))
    assert view.frame == 5
    QTest.mousePress(view.surface, Button.LeftButton, pos=QPoint(100, 100))
    QTest.mouseMove(view.surface, QPoint(100, 116))
    QTest.mouseMove(view.surface, QPoint(100, 124))
    assert view.frame == 8
    QTest.keyClick(view.surface, Qt.Key.Key_Escape)
    assert view.frame == 5
    QTest.mouseRelease(view.surface, Button.LeftButton, pos=QPoint(100, 124))


def test_slicers_shift_drag_moves_and_other_modifiers_are_left_to_the_tool(view):
    view.zoom_by(4)
    bindings.use(SLICER)
    assert changes(view, lambda: drag(view, (20, 5), modifiers=Mod.ShiftModifier)) == {"place"}
    assert changes(view, lambda: drag(view, (20, 5), modifiers=Mod.AltModifier)) == {"window"}


def test_a_button_that_is_bound_to_nothing_does_nothing(view):
    mouse = {g: what for g, what in MOUSE.items() if g != "Right"}
    bindings.use(Keymap("x", mouse=mouse))
    assert changes(view, lambda: drag(view, (20, 24), Button.RightButton)) == set()


def test_the_wheel_does_what_it_is_bound_to(view):
    bindings.use(Keymap("x", mouse={**MOUSE, "Wheel": "zoom", "Ctrl+Wheel": "slices"}))
    assert "zoom" in changes(view, lambda: wheel(view, 1))
    assert changes(view, lambda: wheel(view, -1, Mod.ControlModifier)) == {"frame"}
    # A tool without a size leaves the wheel to what it does on its own.
    assert "zoom" in changes(view, lambda: wheel(view, 1, Mod.ShiftModifier))
    size = BrushSize()
    view.set_tool(BrushTool(size))
    before = size.radius
    assert changes(view, lambda: wheel(view, 1, Mod.ShiftModifier)) == set()
    assert size.radius > before


def test_keys_of_the_views_follow_the_set(view):
    bindings.use(SLICER)
    for key, frame in (
        (Qt.Key.Key_F, 1),
        (Qt.Key.Key_Right, 2),
        (Qt.Key.Key_B, 1),
        (Qt.Key.Key_Left, 0),
    ):
        QTest.keyClick(view.surface, key)
        assert view.frame == frame
    view.zoom_by(3)
    QTest.keyClick(view.surface, Qt.Key.Key_R)
    assert view.is_fitted
    bindings.use(READING)
    QTest.keyClick(view.surface, Qt.Key.Key_F)
    QTest.keyClick(view.surface, Qt.Key.Key_Right)
    assert view.frame == 0
    QTest.keyClick(view.surface, Qt.Key.Key_Down)
    assert view.frame == 1


def test_shift_matters_only_where_it_is_bound(view):
    bindings.use(Keymap("x", keys={"slice-next": ("Shift+K",), "slice-last": ("K",)}))
    QTest.keyClick(view.surface, Qt.Key.Key_K, Mod.ShiftModifier)
    assert view.frame == 1
    QTest.keyClick(view.surface, Qt.Key.Key_Plus, Mod.ShiftModifier)
    assert not view.is_fitted
    QTest.keyClick(view.surface, Qt.Key.Key_K)
    assert view.frame == 11
    QTest.keyClick(view.surface, Qt.Key.Key_K, Mod.ControlModifier)
    assert view.frame == 11
