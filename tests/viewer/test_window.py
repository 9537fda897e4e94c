"""What a user does with the window, on real files and a real (untrained) model."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QFontMetrics, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QSlider

import resources
from engine.evaluation.coherence import coherence
from engine.evaluation.honesty import beats_centre
from engine.masks.shapes import disc
from tests.viewer.conftest import settled
from viewer.state.analysis import MapStatus
from viewer.state.storage import REFERENCE


def own_mask(window):
    return next(m for m in window.state.masks.all if m.id != REFERENCE)


def stroke(window, start=(0.4, 0.3), stop=(0.6, 0.5)):
    """Drag the brush over the active view; positions are shares of the image."""
    window.choose_tool(window.toolbox["brush"])
    view = window.views.active
    rows, cols = view.image.shape

    def point(share):
        return view.viewport.to_widget(share[0] * rows, share[1] * cols).toPoint()

    QTest.mousePress(view.surface, Qt.MouseButton.LeftButton, pos=point(start))
    for step in np.linspace(0, 1, 9):
        share = tuple(np.array(start) * (1 - step) + np.array(stop) * step)
        QTest.mouseMove(view.surface, point(share))
    QTest.mouseRelease(view.surface, Qt.MouseButton.LeftButton, pos=point(stop))


def test_opening_shows_answer_map_and_scores(make_window, pictures):
    window = make_window(pictures)
    state = window.state
    assert [case.title for case in state.cases.opened.cases] == ["a (1)", "a (2)"]
    prediction = state.analysis.prediction
    said = prediction.classes[prediction.predicted]
    assert window.answers.prediction.answer.lower().startswith(said)
    assert window.views.views[0].visible_overlay is None
    overlay = window.views.views[1].visible_overlay
    assert overlay is not None and overlay.map.name == state.analysis.fusion == "gate"
    # The reference mask that lies beside the picture is compared until something is drawn.
    assert state.masks.compared.id == REFERENCE
    rows = window.answers.agreement.rows
    for name in ("global", "local", "gate", "attention"):
        expected = coherence(state.analysis.maps[name].values, state.masks.compared_pixels(0))
        assert rows[name].score.rma == expected.rma and rows[name].score.rra == expected.rra
        assert rows[name].greyed is not beats_centre(expected)


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


def test_weak_maps_are_said_to_be_weak(make_window, pictures, until):
    window = make_window(pictures)
    document = window.state.masks.document
    document.set_active(own_mask(window).id)
    document.paint(0, disc((48, 64), 12, document.shape))  # where the centred blob is strongest
    agreement = window.answers.agreement
    until(lambda: agreement.rows["gate"].score.area == own_mask(window).area(0))
    until(lambda: any(row.greyed for row in agreement.rows.values()))
    weak = [row for row in agreement.rows.values() if row.greyed]
    assert "no better than a centred blob" in agreement.remark
    assert all("no better than a centred blob" in row.accessibleName() for row in weak)


def test_only_the_latest_case_is_shown(make_window, pictures, until):
    window = make_window(pictures)
    state = window.state
    first, second = state.cases.opened.cases
    state.open_series(second, second.series[0])
    state.open_series(first, first.series[0])
    state.open_series(second, second.series[0])
    until(lambda: state.image.title == second.series[0].title and settled(window))
    assert state.case is second
    assert state.analysis.maps["gate"].provenance.image_key == state.image.key


def test_what_cannot_be_read_is_listed_and_the_rest_opens(make_window, pictures, until):
    (pictures / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnot a picture")
    window = make_window(pictures)
    assert len(window.state.cases.opened.cases) == 2
    (problem,) = window.state.cases.opened.problems
    assert "broken.png" in problem.sentence
    rows = [item for item in window.cases.model.items if item.kind == "problems"]
    assert rows[0].text == "1 file could not be read"
    window.cases.model.toggle_problems()
    assert any(item.detail == problem.sentence for item in window.cases.model.items)
    said = window.notice.accessibleName()  # stays when the notice has had its time
    assert "broken.png" in said and "Traceback" not in said
    window.notice.say("This belongs to what was opened before.", "warning")
    window.state.open_paths([pictures / "a (2).png"])
    until(lambda: settled(window))
    assert window.notice.text == ""


def test_rows_of_the_list_are_never_cut_off(make_window, until):
    from viewer import theme
    from viewer.panels.thumbnails import THUMBNAIL

    window = make_window(ready=False)
    window.opening.demo()
    until(lambda: bool(window.state.cases.demo.cases))
    metrics = QFontMetrics(theme.font(12))
    room = theme.CASES_WIDTH - 2 * 14 - THUMBNAIL.width() - 8 - 18  # 18: the sign for notes
    items = [item for item in window.cases.model.items if item.series is not None]
    assert any("slices" in item.detail for item in items)
    for item in items:
        assert metrics.horizontalAdvance(item.detail) <= room, item.detail
        assert item.series.summary in item.tip  # what the row leaves out
    studies = [item for item in window.cases.model.items if item.fold is not None]
    assert studies
    for item in studies:
        assert metrics.horizontalAdvance(item.detail) <= theme.CASES_WIDTH - 70, item.detail
        assert " series · " in item.tip


def test_titles_keep_what_tells_series_apart(qapp):
    from viewer import theme
    from viewer.panels.case_delegate import fitted

    metrics = QFontMetrics(theme.font(13))
    short = fitted("Multi_TE-17 with a long protocol name · TE 10.9 ms", metrics, 150)
    assert short.endswith("… · TE 10.9 ms")
    assert metrics.horizontalAdvance(short) <= 150
    assert fitted("T1 axial", metrics, 150) == "T1 axial"
    study = fitted("Phantom of the calf · 2000-01-01 · 8 images", metrics, 200)
    assert study.endswith("… · 2000-01-01 · 8 images"), "half a date says nothing"
    assert fitted("x · " + "long " * 20, metrics, 150).endswith("…")


def test_a_long_answer_keeps_its_number(make_window, pictures, until):
    from dataclasses import replace

    window = make_window(pictures)
    window.resize(1280, 800)
    until(lambda: window.state.analysis.prediction is not None)
    panel, analysis = window.answers.prediction, window.state.analysis
    panel._answer.setStyleSheet("font-size: 22px")
    for classes, beside in ((("no", "yes"), True), (("not suspicious",) * 2, False)):
        analysis.prediction = replace(analysis.prediction, classes=classes)
        panel.refresh()
        assert panel._what.isVisible() is beside
        until(lambda: panel._answer.width() >= panel._answer.sizeHint().width())
        assert panel._answer.toolTip().endswith("fusion, calibrated")


def test_a_long_label_does_not_widen_the_answers(make_window, pictures, until):
    window = make_window(pictures)
    document = window.state.masks.document
    mask = document.add_mask("A label that is far longer than the panel of answers is wide, twice")
    document.add_mask("Second")
    window.state.masks.compare_with(mask.id)
    panel = window.answers.agreement
    until(lambda: panel._mask.isVisible() and panel._mask.currentText() == mask.label)
    assert panel.minimumSizeHint().width() <= window.answers.width() - 20


def test_no_menu_is_taller_than_a_small_screen(make_window):
    for action in make_window(ready=False).actions_.menus.actions():
        assert action.menu().sizeHint().height() <= 760, action.text()


def test_opening_the_same_files_again_adds_no_case(make_window, pictures, until):
    window = make_window(pictures)
    window.state.open_paths([pictures])
    until(lambda: settled(window))
    assert len(window.state.cases.opened.cases) == 2


def test_shap_waits_to_be_asked_and_can_be_cancelled(make_window, pictures, until):
    window = make_window(pictures)
    analysis = window.state.analysis
    assert {e.status for n, e in analysis.entries.items() if n.startswith("shap")} == {
        MapStatus.ABSENT
    }
    row = window.answers.agreement.rows["shap-gate"]
    assert not row.isVisible()
    window.answers.agreement._slow.click()
    assert row._button.isVisible() and row._button.text() == "Compute"
    said: list[str] = []

    def cancel(name: str) -> None:  # at its first report: a fast machine is soon done
        if name == "shap-gate" and analysis.entries[name].fraction > 0 and not said:
            assert window.status.cancel.isVisible()
            said.append(window.status.work.text())
            window.status.cancel.click()

    analysis.mapChanged.connect(cancel)
    row._button.click()
    until(lambda: bool(said))
    assert "SHAP gate" in said[0]
    assert analysis.entries["shap-gate"].status is MapStatus.ABSENT
    assert not window.status.cancel.isVisible()
    until(lambda: settled(window))
    assert "shap-gate" not in analysis.maps


def test_a_prediction_that_was_cancelled_is_not_waited_for(make_window, pictures, until):
    window = make_window(pictures)
    state, analysis = window.state, window.state.analysis
    until(lambda: settled(window))
    second = state.cases.opened.cases[1]

    free = threading.Event()
    state.jobs.start("Other work", lambda _: free.wait(60), lambda _: None, lane="model")
    state.open_series(second, second.series[0])
    until(lambda: state.case is second and state.jobs.has("predict"))
    state.jobs.cancel("predict")
    free.set()
    until(lambda: settled(window))
    assert analysis.prediction is None and not analysis.busy
    assert "no prediction" in window.answers.prediction._remark.text
    first = state.cases.opened.cases[0]
    state.open_series(first, first.series[0])
    until(lambda: state.case is first and settled(window))
    assert analysis.prediction is not None and "gate" in analysis.maps


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


def test_export_of_everything_and_import(make_window, pictures, tmp_path, until):
    window = make_window(pictures / "a (2).png")
    state = window.state
    stroke(window)
    mask = own_mask(window)
    until(lambda: bool(state.scores.all()))
    target = tmp_path / "out"
    window.exporting.write_everything(target)
    until(lambda: settled(window))
    names = {path.name for path in target.iterdir()}
    assert {"Lesion.png", "Lesion.nii.gz", "Lesion_overlay.png", "Lesion.json"} <= names
    assert {"map_gate.png", "map_global.png", "map_local.png", "map_attention.png"} <= names
    pixels = np.asarray(Pillow.open(target / "Lesion.png")) > 0
    assert np.array_equal(pixels, mask.frame(0))
    note = json.loads((target / "Lesion.json").read_text())
    session = state.analysis.session
    made = note["provenance"]
    assert made["model"]["sha256"] == session.checkpoint.sha256
    score = state.scores.all()["gate"]
    assert made["maps"]["gate"]["agreement"]["rma"] == pytest.approx(score.rma)
    assert "files written to out" in window.notice.text
    picture = Pillow.open(target / "map_gate.png")
    assert max(picture.size) >= 1200
    assert np.asarray(picture.convert("RGB")).std(axis=2).max() > 10  # the map is in colour

    window.exporting.read_masks([target / "Lesion.png"])
    until(lambda: len(state.masks.all) == 2)
    assert np.array_equal(state.masks.all[1].frame(0), mask.frame(0))
    window.exporting.read_masks([Path(pictures / "a (1).png"), target / "none.png"])
    until(lambda: settled(window) and "none.png" in window.notice.text)


@pytest.mark.parametrize(
    ("kind", "name"), [("nrrd", "m.seg.nrrd"), ("coco", "m.coco.json"), ("label-studio", "m.json")]
)
def test_one_mask_goes_out_and_comes_back(make_window, pictures, tmp_path, until, kind, name):
    window = make_window(pictures / "a (2).png")
    state = window.state
    stroke(window)
    mask = own_mask(window)
    window.exporting.write_mask(mask, tmp_path / name, kind)
    until(lambda: settled(window) and (tmp_path / name).exists())
    window.exporting.read_masks([tmp_path / name])
    until(lambda: len(state.masks.all) == 2)
    assert np.array_equal(state.masks.all[1].frame(0), mask.frame(0))


def test_export_of_an_empty_mask_says_so(make_window, pictures):
    window = make_window(pictures)
    window.exporting.mask_png()
    assert "is empty" in window.notice.text


def test_dropped_files_open(make_window, pictures, until):
    window = make_window(ready=False)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(pictures / "a (2).png"))])
    event = QDropEvent(
        QPointF(300, 300),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    window.dropEvent(event)
    until(lambda: window.state.image is not None)
    assert window.state.settings.recent == (pictures / "a (2).png",)


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


def test_closing_a_case_leaves_an_empty_window(make_window, pictures, until):
    window = make_window(pictures)
    window.actions_["close-case"].trigger()
    state = window.state
    assert state.image is None and state.masks.document is None
    assert [case.title for case in state.cases.opened.cases] == ["a (2)"]
    assert not window.actions_["export-all"].isEnabled()
    assert "Open an image" in window.answers.agreement.remark


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


def test_model_that_cannot_be_loaded_is_said(make_window, tmp_path, until):
    window = make_window(ready=False)
    until(lambda: window.state.analysis.session is not None)
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"nothing")
    before = window.state.analysis.session
    window.models.load(bad)
    until(lambda: "bad.safetensors" in window.notice.text)
    assert window.state.analysis.session is before


def test_after_a_crash_the_last_image_is_offered_with_its_masks(make_window, pictures, until):
    window = make_window(pictures / "a (2).png")
    stroke(window)
    drawn = own_mask(window).frame(0).copy()
    # A process that is killed neither closes its window nor says goodbye to its autosave; its
    # lock goes with it, which here only closing the storage can stand for.
    window.state._storage._autosave.flush()
    window.state._close_masks()
    again = make_window(ready=False)
    again.opening.offer_last()
    assert "a (2).png" in again.notice._action.text()
    kept = r"did not close in order\. Your drawing has been kept: 1 mask, saved today at \d\d:\d\d"
    assert re.search(kept, again.notice.text)
    again.notice._action.click()
    until(lambda: again.state.masks.document is not None)
    assert np.array_equal(own_mask(again).frame(0), drawn)
    again.close()
    window.state.settings.set_open_paths([])
    third = make_window(ready=False)
    third.opening.offer_last()
    assert third.notice.text == ""


@pytest.mark.parametrize("familiar", [True, False])
def test_it_warns_where_an_image_is_unlike_the_training_images(
    make_window, pictures, checkpoint_path, tmp_path, until, familiar
):
    from dataclasses import replace

    from engine.evaluation.familiarity import Limit, describe
    from engine.model.checkpoint import load

    window = make_window(pictures)
    analysis = window.state.analysis
    # This checkpoint does not describe its training images.
    assert window.answers.prediction.likeness == ""
    own = analysis.session.forward(window.state.image, 0).features
    around = own + 0.1 * np.random.default_rng(0).normal(size=(20, len(own)))
    reference = describe(around if familiar else around + 1)
    about = load(checkpoint_path)
    path = tmp_path / "describes.safetensors"
    replace(
        about,
        metadata=replace(about.metadata, familiarity=Limit(2.0, 95.0, 20, "made up")),
        familiarity=reference,
    ).save(path)
    before = analysis.session
    analysis.load(path)
    until(lambda: analysis.session is not before and analysis.prediction is not None)
    ratio = float(reference.distance(own[None])[0]) / 2
    said = window.answers.prediction.likeness
    assert f"(distance {ratio:.2f} of limit)" in said
    assert said.startswith("Looks like" if familiar else "Unlike")
    assert (ratio <= 1) is familiar


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
