"""What a user does with the window, on real files and a real (untrained) model."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QSlider

import resources
from engine.evaluation.coherence import coherence
from tests.viewer.conftest import settled
from tests.viewer.strokes import own_mask, stroke
from viewer.state.storage import REFERENCE


def test_scores_follow_the_brush_and_undo_names_it(make_window, pictures, until):
    window = make_window(pictures)
    state = window.state
    stroke(window)
    mask = own_mask(window)
    until(lambda: state.masks.compared is mask)
    until(lambda: window.actions_["undo"].text() == "Undo brush stroke")
    before = state.scores.all()["gate"]
    stroke(window, (0.2, 0.2), (0.3, 0.8))
    row = window.answers.agreement.rows["gate"]
    until(lambda: row.score != before and row.score.area == mask.area(0))  # of the whole stroke
    score = row.score
    assert score == coherence(state.analysis.maps["gate"].values, mask.frame(0))
    window.actions_["undo"].trigger()
    assert state.scores.all()["gate"] == before
    until(window.actions_["redo"].isEnabled)
    window.actions_["redo"].trigger()
    assert state.scores.all()["gate"] == score


def test_no_menu_is_taller_than_a_small_screen(make_window):
    for action in make_window(ready=False).actions_.menus.actions():
        assert action.menu().sizeHint().height() <= 760, action.text()


def test_masks_come_back_when_the_image_is_opened_again(make_window, pictures, until):
    window = make_window(pictures / "a (2).png")
    stroke(window)
    drawn = own_mask(window).frame(0).copy()
    assert drawn.any()
    window.close()
    again = make_window(pictures / "a (2).png")
    assert np.array_equal(own_mask(again).frame(0), drawn)
    said = again.notice.text
    assert said.startswith("What you drew on this image has been restored: 1 mask, saved today at ")


def test_switching_case_keeps_the_drawing(make_window, pictures, until):
    window = make_window(pictures)
    state = window.state
    stroke(window)
    drawn = own_mask(window).frame(0).copy()
    first, second = state.cases.opened.cases
    state.open_series(second, second.series[0])
    until(lambda: state.case is second and settled(window))
    assert state.masks.document.reference.key == state.image.key
    assert state.mask_count(first.series[0]) == 2
    state.open_series(first, first.series[0])
    until(lambda: state.case is first and settled(window))
    assert np.array_equal(own_mask(window).frame(0), drawn)


def test_reference_is_locked_and_says_so(make_window, pictures):
    window = make_window(pictures)
    document = window.state.masks.document
    document.set_active(REFERENCE)
    before = document.mask(REFERENCE).frame(0).copy()
    stroke(window)
    assert np.array_equal(document.mask(REFERENCE).frame(0), before)
    assert "locked" in window.notice.text


def test_overlay_choices_reach_the_views_and_are_remembered(make_window, pictures):
    window = make_window(pictures)
    panel = window.answers.overlay
    panel.opacity.setValue(35)
    panel.threshold.setValue(50)
    panel.colours.setCurrentIndex(panel.colours.findData("viridis"))
    panel.colours.activated.emit(panel.colours.currentIndex())
    style = window.views.views[1].visible_overlay.style
    assert (style.opacity, style.threshold, style.colours) == (0.35, 0.5, "viridis")
    window.state.overlays.show(0, "global")
    panel.locked.setChecked(True)
    ranges = {view.visible_overlay.range for view in window.views.views}
    assert len(ranges) == 1
    high = max(float(window.state.analysis.maps[n].values.max()) for n in ("global", "gate"))
    assert ranges.pop()[1] == pytest.approx(high)
    window.close()
    again = make_window(ready=False)
    assert again.state.overlays.style.opacity == 0.35
    assert again.state.overlays.style.colours == "viridis"
    assert again.state.overlays.style.scale == "locked"


def test_one_view_shows_the_map_of_the_active_one(make_window, pictures):
    window = make_window(pictures)
    window.actions_["one-view"].trigger()
    assert not window.views.views[1].isVisible()
    assert window.views.views[0].visible_overlay.map.name == "gate"
    window.actions_["two-views"].trigger()
    assert window.views.views[1].isVisible()


def test_masks_are_renamed_hidden_and_removed_from_the_panel(make_window, pictures, until):
    window = make_window(pictures)
    state, panel = window.state, window.answers.masks
    own = own_mask(window)
    row = panel.rows[own.id]
    row.setFocus()
    QTest.keyClick(row, Qt.Key.Key_F2)
    QTest.keyClicks(row.name, "Tumour")
    QTest.keyClick(row.name, Qt.Key.Key_Return)
    assert state.masks.document.mask(own.id).label == "Tumour"
    row.eye.click()
    assert not state.masks.document.mask(own.id).visible
    panel.add.click()
    until(lambda: len(panel.rows) == 3)
    panel.remove.click()
    until(lambda: len(panel.rows) == 2)
    window.actions_["undo"].trigger()
    until(lambda: len(panel.rows) == 3)


def test_no_two_actions_share_a_key(make_window):
    window = make_window(ready=False)
    seen: dict[str, str] = {}
    for name, action in window.actions_.all.items():
        for key in action.shortcuts():
            text = key.toString(QKeySequence.SequenceFormat.PortableText)
            assert text not in seen, f"{name} and {seen[text]} share {text}"
            seen[text] = name


@pytest.mark.parametrize("theme_name", ["dark", "light"])
def test_every_control_has_a_name_for_screen_readers(make_window, pictures, theme_name):
    window = make_window(pictures)
    window.set_theme(theme_name)
    for kind in (QAbstractButton, QComboBox, QSlider, QLineEdit):
        for control in window.findChildren(kind):
            if control.isVisible():
                named = control.accessibleName() or getattr(control, "text", str)()
                assert named, f"{control} in {control.parentWidget()} has no name"


def test_windows_and_axes_are_in_the_view_menu(make_window, until):
    window = make_window(resources.path("demo", "images", "DEMO03"))
    state, views = window.state, window.views
    assert state.acquired is state.image
    menu = window.actions_.window_menu(lambda w: views.active.set_window(w))
    menu.aboutToShow.emit()
    named = {a.text().split("\t")[0].split("  ")[-1]: a for a in menu.actions()}
    before = views.active.grey_window
    named["High contrast"].trigger()
    assert views.active.grey_window.name == "High contrast" != before.name
    acquired = state.image
    menu = window.actions_.axis_menu()
    menu.aboutToShow.emit()
    texts = [a.text() for a in menu.actions()]
    assert texts[0] == "Axial, as acquired" and sorted(texts[1:]) == ["Coronal", "Sagittal"]
    menu.actions()[texts.index("Coronal")].trigger()
    until(lambda: state.axis == 1 and state.image.frames == acquired.shape[0])
    assert state.image.shape == (acquired.frames, acquired.shape[1])
    until(lambda: state.analysis.prediction is not None)
    state.set_axis(0)
    until(lambda: state.axis == 0 and state.image.shape == acquired.shape)
    assert state.image.key == acquired.key
