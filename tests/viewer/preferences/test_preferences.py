"""The settings: every choice takes effect at once and is remembered."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest

from engine import folders
from tests.viewer.conftest import settled
from viewer import dialogs, scaling, theme
from viewer.canvas import bindings
from viewer.keymap.presets import ITK_SNAP, SALISCOPE, SLICER
from viewer.keymap.store import KeymapStore
from viewer.preferences.storage import empty, size_of, size_text
from viewer.settings import Settings


@pytest.fixture(autouse=True)
def _as_before(qapp):
    yield
    bindings.use(SALISCOPE)
    theme.apply(qapp, "dark")


@pytest.fixture
def page(bare_window):
    def turn(name, *paths):
        window = bare_window(*paths)
        return window, window.assistance.show_settings(name).pages[name]

    return turn


def test_pages_are_all_there_and_turn(bare_window):
    dialog = bare_window().assistance.show_settings()
    assert list(dialog.pages) == ["appearance", "keys", "privacy", "model", "storage"]
    for row, page in enumerate(dialog.pages.values()):
        dialog.list.setCurrentRow(row)
        assert dialog.stack.currentWidget() is page


def test_theme_and_panels_change_at_once(page):
    window, appearance = page("appearance")
    appearance.themes["light"].click()
    assert theme.current().name == "light" and window.actions_["light"].isChecked()
    assert Settings().text("theme") == "light"
    appearance.cases.click()
    assert window.cases.isHidden() and not window.actions_["cases"].isChecked()
    window.actions_["cases"].trigger()
    assert appearance.cases.isChecked()


def test_a_size_is_remembered_for_the_next_start_which_is_offered(page):
    _, appearance = page("appearance")
    assert appearance.restart.isHidden()
    appearance.scale.setCurrentIndex(appearance.scale.findData(150))
    assert not appearance.restart.isHidden()
    environment: dict[str, str] = {}
    assert scaling.prepare(Settings(), environment) == 150
    assert environment == {"QT_SCALE_FACTOR": "1.5"}
    scaling._in_force = 100


def test_a_key_is_given_by_pressing_it(page):
    window, keys = page("keys")
    keys.choose("fit")
    keys.edit.setFocus()
    QTest.keyClick(keys.edit, Qt.Key.Key_F7, Qt.KeyboardModifier.ControlModifier)
    assert window.actions_["fit"].shortcuts() == [QKeySequence("Ctrl+F7")]
    assert keys.keymap.name == "My own" and "Saliscope" in keys.keymap.about
    assert KeymapStore(Settings()).current == keys.keymap
    keys.own.click()
    assert window.actions_["fit"].shortcuts() == [QKeySequence("F")]
    keys.none.click()
    assert window.actions_["fit"].shortcuts() == []


def test_a_key_that_another_has_is_asked_about(page):
    window, keys = page("keys")
    keys.choose("fit")
    QTest.keyClick(keys.edit, Qt.Key.Key_N)
    assert "Next map" in keys.conflict.text and not keys.take.isHidden()
    assert window.actions_["fit"].shortcuts() == [QKeySequence("F")]
    keys.keep.click()
    assert keys.conflict.text == "" and keys.take.isHidden()
    QTest.keyClick(keys.edit, Qt.Key.Key_N)
    keys.take.click()
    assert window.actions_["fit"].shortcuts() == [QKeySequence("N")]
    assert window.actions_["next-map"].shortcuts() == []
    QTest.keyClick(keys.edit, Qt.Key.Key_Space)
    assert "kept for drawing" in keys.conflict.text
    # Keys of the views are in the same list: an arrow cannot be taken unasked either.
    QTest.keyClick(keys.edit, Qt.Key.Key_Down)
    assert "Next slice" in keys.conflict.text


def test_tab_leaves_the_field_that_takes_keys(page):
    _, keys = page("keys")
    keys.edit.setFocus()
    QTest.keyClick(keys.edit, Qt.Key.Key_Tab)
    assert not keys.edit.hasFocus() and keys.conflict.text == ""


def test_gestures_and_sets_are_chosen(page):
    window, keys = page("keys")
    keys.sets.setCurrentText("3D Slicer")
    keys.sets.activated.emit(keys.sets.currentIndex())
    assert window.actions_.keymap.current == SLICER
    box = keys.mouse.boxes["Shift+Left"]
    assert box.currentData() == "pan"
    box.setCurrentIndex(box.findData("window-level"))
    box.activated.emit(box.currentIndex())
    assert bindings.current().mouse["Shift+Left"] == "window-level"
    assert keys.keymap.name == "My own" and keys.keymap.keys == SLICER.keys
    left = keys.mouse.boxes["Left"]
    left.setCurrentIndex(left.findData("pan"))
    left.activated.emit(left.currentIndex())
    assert "nothing can be drawn" in keys._unreachable.text


def test_sets_go_out_and_come_in_and_what_is_wrong_is_said(page, tmp_path, monkeypatch):
    window, keys = page("keys")
    file = tmp_path / "keys.json"
    window.actions_.keymap.use(ITK_SNAP.with_keys("fit", ("Ctrl+9",)))
    monkeypatch.setattr(dialogs, "choose_target", lambda *_: file)
    keys.save.click()
    own = window.actions_.keymap.current
    window.actions_.keymap.use(SALISCOPE)
    monkeypatch.setattr(dialogs, "choose_file", lambda *_: file)
    keys.load.click()
    assert window.actions_.keymap.current == own
    file.write_text("[]")
    keys.load.click()
    assert "no set of keys" in keys._about.text()
    assert window.actions_.keymap.current == own


def test_the_list_is_searched_by_function_and_key(page):
    _, keys = page("keys")
    keys.field.setText("ctrl+e")
    rows = [keys.tree.topLevelItem(n) for n in range(keys.tree.topLevelItemCount())]
    shown = [row.text(0) for row in rows if not row.isHidden()]
    assert any("All masks" in text for text in shown) and len(shown) < 5


def test_files_opened_are_forgotten_and_remembered_no_more(page, pictures):
    window, privacy = page("privacy", pictures)
    settings = window.state.settings
    assert settings.recent
    privacy.recent.click()
    assert settings.recent == ()
    settings.add_recent([pictures])
    assert settings.recent == ()
    privacy.recent.click()
    settings.add_recent([pictures])
    assert settings.recent == (pictures,)
    privacy.refresh()
    privacy.forget.click()
    assert settings.recent == ()


def test_model_page_says_and_moves(make_window, pictures, until):
    window = make_window(pictures)
    model = window.assistance.show_settings("model").pages["model"]
    assert model._model.text() == "Random 0.1"
    model.precision.setCurrentIndex(model.precision.findData("float32"))
    model.precision.activated.emit(model.precision.currentIndex())
    until(lambda: window.state.analysis.precision == "float32")
    assert Settings().text("model/precision") == "float32"


def test_storage_counts_and_empties_the_cache_alone(page, until):
    (folders.cache() / "sub").mkdir()
    (folders.cache() / "sub" / "map.npy").write_bytes(b"x" * 2500)
    (folders.data() / "mask.bin").write_bytes(b"x" * 10)
    window, storage = page("storage")
    until(lambda: storage.sizes["Cache"].text() == "2.5 kB")
    storage.clear.click()
    until(lambda: settled(window) and storage.sizes["Cache"].text() == "0 bytes")
    assert (folders.data() / "mask.bin").is_file()


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (2.5e9, "2.5 GB")]
)
def test_sizes_read_well(size, text):
    assert size_text(int(size)) == text


def test_emptying_follows_no_link(tmp_path):
    outside, cache = tmp_path / "outside", tmp_path / "cache"
    outside.mkdir()
    cache.mkdir()
    (outside / "keep").write_text("x")
    (cache / "link").symlink_to(outside)
    empty(cache)
    assert size_of(cache) == 0 and (outside / "keep").is_file()
