"""Palette, key sheet, settings, guide and restart, on the real window."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QCursor, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from viewer.canvas import bindings
from viewer.canvas.bindings import VIEW_KEYS
from viewer.keymap.keymap import conflicts
from viewer.keymap.presets import PRESETS, READING, SALISCOPE, SLICER
from viewer.keysheet import groups
from viewer.widgets.elided import Elided
from viewer.widgets.keycaps import Keycaps

Key = Qt.Key


@pytest.fixture(autouse=True)
def _own_bindings():
    yield
    bindings.use(SALISCOPE)


def titles(window):
    return [command.title for command in window.assistance.palette.found]


def test_the_palette_has_every_action_submenus_and_cases(make_window, pictures, qtbot):
    window = make_window(pictures)
    palette = window.assistance.palette
    QTest.keyClick(window, Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(palette.isVisible)
    assert window.focusWidget() is palette.field
    named = {command.name for command in palette.found}
    assert named >= set(window.actions_.all)
    found = titles(window)
    assert "View › Overlay › Gate" in found and "View › Overlay › None" in found
    assert "Case › a (1)" in found and "Case › a (2)" in found
    assert any(title.startswith("File › Open recent › ") for title in found)
    assert any(title.startswith("Device › ") for title in found)
    assert len(found) == len(set(found))


def test_typing_finds_return_does_it_and_it_is_on_top_next_time(bare_window, pictures, qtbot):
    window = bare_window(pictures)
    palette = window.assistance.palette
    palette.open()
    QTest.keyClicks(palette.field, "two vi")
    assert palette.found[0].name == "two-views"
    QTest.keyClicks(palette.field, "x" * 5)
    assert palette.found == [] and not palette.list.isVisible()
    palette.field.setText("invert")
    QTest.keyClick(palette.field, Key.Key_Return)
    assert not palette.isVisible() and window.views.active.inverted
    assert window.focusWidget() is window.views.active.surface
    palette.open()
    assert palette.found[0].name == "invert"
    QTest.keyClick(palette.field, Key.Key_Down)
    assert palette.list.currentIndex().row() == 1
    QTest.keyClick(palette.field, Key.Key_Up)
    QTest.keyClick(palette.field, Key.Key_Up)
    assert palette.list.currentIndex().row() == len(palette.found) - 1
    QTest.keyClick(palette.field, Key.Key_Escape)
    assert not palette.isVisible()


@pytest.fixture
def mouse_put_back():
    """Leave the mouse where it was: views of later tests would take the keys below it."""
    before = QCursor.pos()
    yield
    QCursor.setPos(before)


def test_the_keys_keep_the_mark_while_the_list_scrolls_below_a_mouse_at_rest(
    bare_window, qtbot, mouse_put_back
):
    window = bare_window()
    palette = window.assistance.palette
    palette.open()
    viewport = palette.list.viewport()
    marked = palette.list.currentIndex
    third = palette.list.visualRect(marked().siblingAtRow(3)).center()
    QCursor.setPos(viewport.mapToGlobal(third))
    qtbot.mouseMove(viewport, third)
    assert marked().row() == 3
    QTest.keyClick(palette.field, Key.Key_Up)
    assert marked().row() == 2
    for _ in range(3):
        QTest.keyClick(palette.field, Key.Key_Up)
        QApplication.processEvents()
    assert marked().row() == len(palette.found) - 1


def test_cases_open_from_the_palette_and_their_names_are_not_noted(bare_window, pictures, until):
    window = bare_window(pictures)
    palette = window.assistance.palette
    palette.open()
    palette.field.setText("case a (2)")
    palette.run()
    until(lambda: window.state.series is not None and window.state.series.title == "a (2)")
    assert "a (2)" not in window.state.settings.text("palette/latest")


def test_what_cannot_be_done_is_shown_with_the_reason_and_not_done(bare_window):
    window = bare_window()
    palette = window.assistance.palette
    palette.open()
    why = {command.name: command.why for command in palette.found if command.name}
    assert why["fit"] == "Open an image first."
    assert why["undo"] == "There is nothing to undo."
    assert why["open"] == ""
    disabled = [n for n, action in window.actions_.all.items() if not action.isEnabled()]
    assert disabled and all(why[name].endswith(".") for name in disabled)
    palette.field.setText("fit")
    assert palette.found[0].name == "fit"
    palette.run()
    assert palette.isVisible()


def test_the_sheet_shows_what_is_bound_now(bare_window, pictures, qtbot):
    window = bare_window(pictures)
    QTest.keyClick(window.views.active.surface, "?")
    sheet = QApplication.activeModalWidget()
    assert sheet is not None and sheet.windowTitle() == "Keys and mouse"

    def row(title, what):
        group = next(g for g in sheet.shown if g.title == title)
        return next(keys for keys, text in group.rows if text == what)

    assert [g.title for g in sheet.shown][:2] == ["Mouse", "On a view"]
    assert row("View", "Fit") == "F" and row("Tool", "Brush") == "B"
    assert row("Mouse", "Zoom") == "Right drag"
    window.actions_.keymap.use(SLICER)
    assert row("View", "Fit") == "R" and row("On a view", "Next slice").startswith("Right, F")
    assert ("Shift + left drag", "Move the image") in sheet.shown[0].rows
    with pytest.raises(StopIteration):
        row("Tool", "Brush")  # B turns slices in this set
    sheet.field.setText("shift + left")
    assert [g.title for g in sheet.shown] == ["Mouse"]
    sheet.close()


@pytest.mark.parametrize("keymap", PRESETS, ids=lambda k: k.name)
def test_nothing_on_the_sheet_is_cut_off_at_1280_by_800(bare_window, qtbot, keymap):
    window = bare_window()
    assert (window.width(), window.height()) == (1280, 800)
    window.actions_.keymap.use(keymap)
    sheet = window.assistance.show_keys()
    rows = [text for group in sheet.shown for _, text in group.rows]
    assert "This case and similar training cases" in rows
    texts = sheet.findChildren(Elided)
    assert sorted(text.text() for text in texts) == sorted(rows)
    qtbot.waitUntil(lambda: all(text.width() > 0 and text.isVisible() for text in texts))
    for text in texts:
        shown = text.fontMetrics().elidedText(
            text.text(), Qt.TextElideMode.ElideRight, text.contentsRect().width()
        )
        assert shown == text.text()
    inside = sheet._scroll.widget().width()
    for caps in sheet.findChildren(Keycaps):
        at = caps.mapTo(sheet._scroll.widget(), caps.rect().topRight())
        assert at.x() < inside and caps.width() >= caps.sizeHint().width()
    sheet.close()


def test_every_key_of_an_action_is_on_the_sheet(bare_window):
    window = bare_window()
    listed = {
        text
        for group in groups(window.assistance._in_menus(), window.actions_)
        for _, text in group.rows
    }
    for action in window.actions_.all.values():
        if action.shortcuts():
            assert action.text().replace("&", "").rstrip("…") in listed


@pytest.mark.parametrize("keymap", PRESETS, ids=lambda k: k.name)
def test_no_key_means_two_things_in_any_set(bare_window, keymap):
    window = bare_window()
    actions = window.actions_
    actions.keymap.use(keymap)
    names = {*actions.all, *VIEW_KEYS}
    assert conflicts({name: actions.keys_of(name) for name in names}) == {}
    # And what a set names exists here, so that none of it is dead.
    assert set(keymap.keys) <= names


def test_another_set_takes_effect_at_once_in_menus_tips_and_views(bare_window, pictures, qtbot):
    window = bare_window(pictures)
    actions, view = window.actions_, window.views.active
    actions.keymap.use(READING)
    assert actions["fit"].shortcuts() == [QKeySequence("=")]
    assert actions["fit"].toolTip().endswith("(=)")
    view.zoom_by(3)
    QTest.keyClick(view.surface, Key.Key_F)
    assert not view.is_fitted
    QTest.keyClick(view.surface, Key.Key_Equal)
    assert view.is_fitted
    actions.keymap.use(SLICER)
    button = window.strip.findChildren(type(window.strip._group.button(4)))[4]
    assert button.accessibleName() == "Brush" and "(" not in button.toolTip().split("\n")[0]
    actions.keymap.use(SALISCOPE)
    assert "(B)" in button.toolTip()


def test_the_guide_shows_and_comes_once(bare_window):
    window = bare_window()
    QTest.keyClick(window, Key.Key_F1)
    guide = window.assistance.show_guide()
    assert "User guide" in guide.page.toPlainText()
    assert window.assistance.show_guide() is guide
    guide.close()


def test_the_guide_comes_with_the_package():
    import resources

    assert resources.path("guide.md").read_text().startswith("# User guide")


def test_about_says_version_licence_and_what_it_is_not(bare_window):
    from PySide6.QtWidgets import QLabel

    from viewer import dialogs, log

    dialog = dialogs.show_about(bare_window())
    text = "\n".join(part.text() for part in dialog.findChildren(QLabel))
    assert log.version() and log.version() in text
    for words in ("Research use only", "not a medical device", "Apache License 2.0", "LGPL"):
        assert words in text
    dialog.close()


def test_restarting_keeps_what_is_open(bare_window, pictures, monkeypatch):
    from PySide6.QtCore import QProcess

    window = bare_window(pictures)
    started = []
    monkeypatch.setattr(QProcess, "startDetached", lambda *given: started.append(given))
    paths = window.state.settings.open_paths
    assert paths
    window.assistance.restart()
    assert not window.isVisible()
    assert started[0][1] == ["-m", "viewer", "--resume"]
    assert window.state.settings.open_paths == paths


def test_the_guide_shrinks_pictures_and_turns_to_pages_beside_it(bare_window, tmp_path):
    from PySide6.QtCore import QUrl
    from PySide6.QtGui import QImage, QTextDocument

    from viewer import guide as module

    picture = QImage(1280, 800, QImage.Format.Format_RGB888)
    picture.fill(0)
    picture.save(str(tmp_path / "wide.png"))
    page = tmp_path / "guide.md"
    page.write_text("# One\n\n![wide](wide.png) [two](two.md) [three](three.md)\n")
    (tmp_path / "two.md").write_text("# Two\n")
    assert "[two](two.md) three" in module.text(page)  # what is not there is no link
    window = bare_window().assistance.show_guide()
    window._turn_to(page)
    kind = QTextDocument.ResourceType.ImageResource.value
    shown = window.page.loadResource(kind, QUrl("wide.png"))
    assert shown.width() / shown.devicePixelRatio() < window.page.width()
    window.page.anchorClicked.emit(QUrl("two.md"))
    assert window.page.toPlainText().strip() == "Two"
    window.close()


def test_a_click_in_the_bar_leaves_the_keys_to_the_views(bare_window, pictures, qtbot):
    window = bare_window(pictures / "a (1).png")
    window.activateWindow()
    window.views.active.setFocus()
    for button in (window.top.export, window.top.search, window.top.model):
        assert button.focusPolicy() == Qt.FocusPolicy.TabFocus
    two = window.top._buttons[1]
    qtbot.mouseClick(two, Qt.MouseButton.LeftButton)
    assert not two.hasFocus()


def test_an_offer_comes_back_after_information_has_covered_it(bare_window):
    notice = bare_window().notice
    taken = []
    notice.say("Your drawing has been kept.", "info", "Open it again", lambda: taken.append(1))
    notice.say("Restored one mask.", "info")
    assert "Restored" in notice.text
    notice._timer.timeout.emit()
    assert "kept" in notice.text
    notice._action.click()
    assert taken == [1] and notice.text == ""
    notice.say("Something else.", "info")
    notice._timer.timeout.emit()
    assert notice.text == ""  # taken, the offer does not come again
