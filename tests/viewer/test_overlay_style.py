"""Wash, contours, hot spots: by panel and by key, on screen, remembered; and blinking."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from viewer.overlay_style import levels_text, parse_levels
from viewer.settings import Settings
from viewer.window import Window


def pixels(view) -> np.ndarray:
    picture = view.surface.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    data = np.frombuffer(picture.constBits(), np.uint8)
    return data.reshape(picture.height(), picture.width(), 4)[..., :3].astype(int)


def test_levels_are_read_as_they_are_written():
    assert parse_levels("75, 25 %, 50") == (0.25, 0.5, 0.75)
    assert levels_text(parse_levels("12.5,50")) == "12.5, 50"
    for text in ("", "0, 50", "100", "half", "10,20,30,40,50,60,70,80,90,95"):
        assert parse_levels(text) == ()


def test_styles_by_key_and_by_panel(make_window, pictures):
    window = make_window(pictures)
    state, view = window.state, window.views.active
    panel = window.answers.overlay
    panel.set_folded(False)
    wash = pixels(view)
    assert panel.threshold.isVisibleTo(panel) and not panel.style_row.top.isVisibleTo(panel)
    seen = {}
    for kind in ("contours", "hot-spots", "wash"):
        QTest.keyClick(view.surface, Qt.Key.Key_C)
        assert state.overlays.style.kind == kind and panel.style_row.kind.currentData() == kind
        assert window.actions_[f"style-{kind}"].isChecked()
        seen[kind] = pixels(view)
    np.testing.assert_array_equal(seen["wash"], wash)
    assert (seen["contours"] != wash).any() and (seen["hot-spots"] != seen["contours"]).any()

    panel.style_row.kind.setCurrentIndex(1)
    panel.style_row.kind.activated.emit(1)
    panel.style_row.levels.setText("")
    QTest.keyClicks(panel.style_row.levels, "10, 9")
    assert state.overlays.style.levels == (0.09, 0.1)
    QTest.keyClicks(panel.style_row.levels, "0")
    assert view.overlay.style.levels == (0.1, 0.9)
    QTest.keyClicks(panel.style_row.levels, ", x")
    assert panel.style_row.levels.property("wrong") and state.overlays.style.levels == (0.1, 0.9)
    assert view.layers.colour_bar.legend == ("lines at 10, 90 % of scale",)

    pixels(view)  # the corner is written when it is painted
    assert view.layers.annotations.top_left[-1] == "lines at 10, 90 % of scale"
    panel.style_row.kind.activated.emit(panel.style_row.kind.setCurrentIndex(2) or 2)
    assert panel.style_row.levels.text() == "10, 90, x"
    panel.style_row.levels.editingFinished.emit()
    assert panel.style_row.levels.text() == "10, 90" and "percentages" in window.notice.text
    panel.style_row.top.setValue(5)
    assert view.overlay.style.top == 0.05 and view.layers.colour_bar.legend == (
        "top 5 % of pixels",
    )
    window.close()
    again = Window()
    style = again.state.overlays.style
    assert (style.kind, style.levels, style.top) == ("hot-spots", (0.1, 0.9), 0.05)
    again.close()


def test_what_was_remembered_and_is_wrong_is_forgotten():
    from viewer.overlay_style import restored

    settings = Settings()
    wrong = {"kind": "fog", "levels": "a, b", "top": "7", "scale": "odd", "threshold": "-3"}
    for name, value in wrong.items():
        settings.set(f"overlay/{name}", value)
    found = restored(settings)
    assert (found["kind"], found["levels"], found["top"]) == ("wash", (0.25, 0.5, 0.75), 0.1)
    assert (found["scale"], found["threshold"]) == ("map", 0.0)


def test_overlay_and_masks_are_gone_while_their_key_is_held(make_window, pictures):
    window = make_window(pictures)
    view = window.views.active
    both = pixels(view)
    QTest.keyPress(view.surface, Qt.Key.Key_X)
    assert view.visible_overlay is None
    QTest.keyRelease(view.surface, Qt.Key.Key_X)
    assert view.visible_overlay is not None
    np.testing.assert_array_equal(pixels(view), both)

    QTest.keyPress(view.surface, Qt.Key.Key_X, Qt.KeyboardModifier.ShiftModifier)
    assert view.visible_overlay is not None
    without = pixels(view)
    assert (without != both).any()
    QTest.keyRelease(view.surface, Qt.Key.Key_X, Qt.KeyboardModifier.ShiftModifier)
    np.testing.assert_array_equal(pixels(view), both)


def test_blinking_ends_when_the_window_is_left_and_stays_when_chosen_from_a_menu(
    make_window, pictures
):
    window = make_window(pictures)
    view = window.views.active
    QTest.keyPress(view.surface, Qt.Key.Key_X)
    assert view.visible_overlay is None
    QApplication.sendEvent(window, QEvent(QEvent.Type.WindowDeactivate))
    assert view.visible_overlay is not None
    window.actions_["blink-overlay"].trigger()
    assert view.visible_overlay is None
    window.actions_["blink-overlay"].trigger()
    assert view.visible_overlay is not None
