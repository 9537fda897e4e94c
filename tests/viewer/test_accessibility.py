"""The real window and its dialogs: names for screen readers, sizes of text, focus that is seen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QFontInfo
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QScrollArea,
    QWidget,
)

import resources
from viewer import dialogs, theme

ROOT = Path(__file__).parents[2]
SMALLEST = 11


def name_of(widget: QWidget) -> str:
    """What a screen reader would say: the accessible name, else the text that is shown."""
    if widget.accessibleName():
        return widget.accessibleName()
    return widget.text() if isinstance(widget, QAbstractButton | QLabel) else ""


def inner(widget: QWidget) -> bool:
    """Whether a widget is a part of another that has the name (a view's port, a box's field)."""
    parent = widget.parentWidget()
    return (
        widget.objectName().startswith("qt_")
        or (isinstance(parent, QComboBox) and isinstance(widget, QLineEdit | QAbstractItemView))
        or isinstance(parent, QLineEdit)
        or type(widget).__name__ == "QComboBoxPrivateContainer"
    )


def walk(top: QWidget) -> tuple[list[str], list[str]]:
    """Return focusable widgets without a name, and shown texts that are too small."""
    nameless, small = [], []
    for widget in (top, *top.findChildren(QWidget)):
        if inner(widget):
            continue
        what = (
            f"{type(widget).__name__} {widget.objectName()!r} in {type(widget.parent()).__name__}"
        )
        focusable = widget.focusPolicy() != Qt.FocusPolicy.NoFocus and widget.isVisibleTo(top)
        named = widget is top or isinstance(widget, QScrollArea) or name_of(widget).strip()
        if focusable and not named:
            nameless.append(what)
        texts = QLabel | QAbstractButton | QLineEdit | QComboBox | QPlainTextEdit
        if isinstance(widget, texts | QAbstractItemView) and widget.isVisibleTo(top):
            widget.ensurePolished()
            if QFontInfo(widget.font()).pixelSize() < SMALLEST:
                small.append(f"{what}: {QFontInfo(widget.font()).pixelSize()} px")
    return nameless, small


def dialogs_of(window) -> list[QWidget]:
    help_ = window.assistance
    settings = help_.show_settings()
    shown: list[QWidget] = [settings, help_.show_keys(), help_.save_log(), help_.show_guide()]
    return [*shown, dialogs.show_about(window)]


@pytest.mark.parametrize("name", ["dark", "light"])
def test_every_widget_has_a_name_and_no_text_is_small(make_window, pictures, name):
    window = make_window(pictures)
    window.set_theme(name)
    found = walk(window)
    window.assistance.palette.open()
    window.state.close_case()
    QApplication.processEvents()
    again = walk(window)
    assert found == ([], []) and again == ([], [])
    for dialog in dialogs_of(window):
        assert walk(dialog) == ([], []), dialog.windowTitle()
        dialog.close()


def test_the_stylesheet_takes_no_text_below_the_smallest():
    sheet = resources.path("style", "window.qss").read_text()
    assert all(int(size) >= SMALLEST for size in re.findall(r"font-size:\s*(\d+)px", sheet))


def test_painted_text_goes_through_the_font_that_has_a_floor():
    asked = re.compile(r"theme\.font\((\d+)")
    for file in (ROOT / "viewer").rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert all(int(size) >= SMALLEST for size in asked.findall(text)), file
        if file.name != "theme.py":
            assert "setPixelSize" not in text and "setPointSize" not in text, file


def test_tab_goes_round_the_window_and_the_focus_can_be_seen(bare_window, pictures):
    """Whatever Tab reaches looks different with the focus than without."""
    window = bare_window(pictures)
    window.activateWindow()
    window.top.search.setFocus(Qt.FocusReason.TabFocusReason)
    seen: list[QWidget] = []
    invisible = []
    for _ in range(150):
        widget = QApplication.focusWidget()
        assert widget is not None
        if widget in seen:
            break
        seen.append(widget)
        where = QRect(widget.mapTo(window, widget.rect().topLeft()), widget.size())
        where = where.adjusted(-3, -3, 3, 3)
        blinking = isinstance(widget, QLineEdit)
        with_focus = window.grab(where).toImage()
        QTest.keyClick(widget, Qt.Key.Key_Tab)
        QApplication.processEvents()
        if not blinking and with_focus == window.grab(where).toImage():
            invisible.append(f"{type(widget).__name__} {name_of(widget)!r}")
    assert len(seen) > 15
    assert invisible == []


def test_every_action_can_be_reached_by_keyboard(bare_window):
    window = bare_window()
    listed = {command.name for command in window.assistance.commands()}
    assert set(window.actions_.all) <= listed
    for action in window.actions_.menus.actions():
        assert "&" in action.text()  # each menu opens with Alt and its letter


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


TEXT = ("text", "secondary", "accent", "answer", "good", "warning")
GROUND = ("panel", "window", "raised", "hover")


@pytest.mark.parametrize("tokens", theme.THEMES.values(), ids=lambda t: t.name)
def test_text_stands_out_from_every_ground_it_is_on(tokens):
    pairs = [(text, ground) for text in TEXT for ground in GROUND]
    pairs += [("text", "accent_quiet"), ("accent", "accent_quiet"), ("on_accent", "accent")]
    pairs += [("secondary", "accent_quiet"), ("over_image", "canvas")]
    weak = {
        pair: round(contrast(getattr(tokens, pair[0]), getattr(tokens, pair[1])), 2)
        for pair in pairs
        if contrast(getattr(tokens, pair[0]), getattr(tokens, pair[1])) < 4.5
    }
    assert weak == {}


@pytest.mark.parametrize("tokens", theme.THEMES.values(), ids=lambda t: t.name)
def test_focus_and_tools_stand_out(tokens):
    """WCAG 2.2, 1.4.11: parts of controls that carry meaning, 3:1."""
    for ground in GROUND:
        assert contrast(tokens.accent, getattr(tokens, ground)) >= 3
    assert tokens.canvas == "#000000"
