"""The export dialog and the single exports, driven in a real window with a model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from PySide6.QtCore import Qt

from engine.measure.measurement import Measurement
from viewer.export.dialog import BatchDialog


def series_of(window) -> list:
    return [s for g in window.state.cases.groups for c in g.cases for s in c.series]


@pytest.fixture
def window(make_window, pictures: Path):
    return make_window(pictures)


@pytest.fixture
def dialog(window) -> BatchDialog:
    window.actions_["export-cases"].trigger()
    found = window.batch.dialog
    for box in (*found.choice.masks.values(), found.choice.report, found.choice.scores):
        box.setChecked(False)
    return found


def test_the_series_on_screen_is_ticked_and_the_buttons_tick_the_rest(window, dialog):
    assert dialog.isVisible()
    assert [series for _, series in dialog.chosen()] == [window.state.series]
    dialog._tick(lambda _: True)
    assert len(dialog.chosen()) == len(series_of(window)) == 2
    assert dialog.export.text() == "&Export 2 series"
    dialog._tick(lambda _: False)
    assert not dialog.export.isEnabled() and "No case is ticked" in dialog.remark.text
    dialog.present()
    assert [series for _, series in dialog.chosen()] == [window.state.series]


def test_what_cannot_be_done_is_said_before(window, dialog):
    assert not dialog.export.isEnabled() and "Nothing was chosen" in dialog.remark.text
    dialog.choice.masks["png"].setChecked(True)
    assert dialog.export.isEnabled() and not dialog.remark.text
    dialog.folder.setText("  ")
    assert not dialog.export.isEnabled() and "folder" in dialog.remark.text
    dialog.choice.deidentify.setChecked(True)
    assert not dialog.choice.patient.isEnabled()
    assert not dialog.choice.wanted.include_patient


def test_cases_go_out_with_what_is_drawn_now(qtbot, window, dialog, tmp_path: Path):
    state = window.state
    document = state.masks.document
    drawn = np.zeros(state.image.shape, bool)
    drawn[20:60, 30:70] = True
    from engine.masks.mask import ImageReference, Mask

    document.import_mask(Mask(ImageReference.of(state.image), "Drawn now", frames={0: drawn}))
    for box in (dialog.choice.masks["png"], dialog.choice.report, dialog.choice.scores):
        box.setChecked(True)
    dialog._tick(lambda _: True)
    dialog.folder.setText(str(tmp_path / "away"))
    with qtbot.waitSignal(window.batch.finished, timeout=120_000):
        qtbot.mouseClick(dialog.export, Qt.MouseButton.LeftButton)
        assert dialog.pages.currentIndex() == 1 and window.batch.running
    qtbot.waitUntil(lambda: dialog.pages.currentIndex() == 2)
    assert "2 cases" in dialog.outcome.text()
    out = tmp_path / "away"
    written = np.asarray(Pillow.open(out / "case_001" / "Drawn_now.png")) > 0
    np.testing.assert_array_equal(written, drawn)
    assert (out / "case_001" / "Reference.png").is_file()
    for case in ("case_001", "case_002"):
        assert (out / case / "report.pdf").read_bytes().startswith(b"%PDF")
    assert "Drawn now" in (out / "scores.csv").read_text("utf-8")
    record = json.loads((out / "export.json").read_text("utf-8"))
    assert [c["model"]["name"] for c in record["cases"]] == ["Random"] * 2
    assert not record["failed"]
    assert not window.batch.running
    # The choice is there again next time, but not a patient's name.
    dialog.present()
    assert dialog.pages.currentIndex() == 0
    assert state.settings.flag("export/report", False)
    dialog.choice.patient.setChecked(True)
    assert not state.settings.flag("export/patient", False)


def test_stopping_tells_what_was_written(qtbot, window, dialog, tmp_path: Path):
    for box in (*dialog.choice.figures.values(), dialog.choice.overlays, dialog.choice.images):
        box.setChecked(True)
    dialog._tick(lambda _: True)
    dialog.folder.setText(str(tmp_path / "away"))
    with qtbot.waitSignal(window.batch.finished, timeout=120_000) as told:
        dialog.export.click()
        dialog.stop.click()
        assert not dialog.stop.isEnabled()
    (summary,) = told.args
    assert summary.stopped.startswith("Cancelled")
    assert "Cancelled" in dialog.outcome.text()
    assert not list((tmp_path / "away").rglob("*partial*"))


def test_a_folder_that_cannot_be_is_said_in_the_dialog_or_the_strip(
    qtbot, window, dialog, tmp_path: Path
):
    (tmp_path / "file").write_text("x")
    dialog.choice.masks["png"].setChecked(True)
    dialog.folder.setText(str(tmp_path / "file"))
    with qtbot.waitSignal(window.batch.failed, timeout=60_000):
        dialog.export.click()
    assert "cannot be made" in dialog.outcome.text() and not window.notice.text
    dialog.present()
    with qtbot.waitSignal(window.batch.failed, timeout=60_000):
        dialog.export.click()
        dialog.accept()
    assert "cannot be made" in window.notice.text


def test_a_figure_and_a_report_of_what_is_on_screen(qtbot, window, tmp_path: Path):
    state = window.state
    state.overlays.show(state.active_view, "gate")
    from viewer.export.single import SingleExport

    single = window.findChild(SingleExport)
    single.write_figure(tmp_path / "f.png", 600)
    qtbot.waitUntil(lambda: (tmp_path / "f.png").is_file(), timeout=60_000)
    with Pillow.open(tmp_path / "f.png") as made:
        assert made.info["dpi"] == pytest.approx((600, 600), rel=1e-3)
        about = json.loads(made.info["Description"])
    assert list(about["maps"]) == ["gate"] and about["model"]["name"] == "Random"
    score = state.scores.all()["gate"]
    assert about["maps"]["gate"]["agreement"]["rma"] == pytest.approx(score.rma, rel=1e-6)
    single.write_report(tmp_path / "r.pdf")
    qtbot.waitUntil(lambda: (tmp_path / "r.pdf").is_file(), timeout=60_000)
    assert "r.pdf written" in window.notice.text


def test_covers_are_black_in_every_picture(qtbot, window, tmp_path: Path):
    state = window.state
    image = state.image
    cover = Measurement("cover", 0, ((10.0, 20.0), (29.0, 59.0)))
    state.measurements.add(cover)
    (box,) = state.covers(image)
    exporting = window.exporting
    exporting.write_picture(tmp_path / "view.png")
    qtbot.waitUntil(lambda: (tmp_path / "view.png").is_file(), timeout=60_000)
    shown = np.asarray(Pillow.open(tmp_path / "view.png").convert("L"))
    ratio = shown.shape[0] / image.shape[0]
    middle = shown[
        round((box.top + 12) * ratio) : round((box.bottom - 2) * ratio),
        round((box.left + 2) * ratio) : round((box.right - 2) * ratio),
    ]
    assert np.median(middle) < 30 < np.median(shown)
    window.actions_["export-cases"].trigger()
    dialog = window.batch.dialog
    for one in dialog.choice.masks.values():
        one.setChecked(False)
    dialog.choice.images.setChecked(True)
    dialog.folder.setText(str(tmp_path / "away"))
    with qtbot.waitSignal(window.batch.finished, timeout=60_000):
        dialog.export.click()
    pixels = np.asarray(Pillow.open(tmp_path / "away" / "case_001" / "images" / "image.png"))
    inside = np.zeros(pixels.shape, bool)
    inside[box.slices] = True
    assert (pixels[inside] == image.pixels.min()).all()
    np.testing.assert_array_equal(pixels[~inside], image.pixels[0][~inside])


def test_without_a_model_what_needs_one_is_off(qtbot, make_window, pictures: Path):
    window = make_window(ready=False)
    window.state.jobs.cancel_all()
    window.state.analysis.session = None
    window.state.open_paths([pictures])
    qtbot.waitUntil(lambda: window.state.image is not None, timeout=60_000)
    window.state.analysis.session = None
    window.actions_["export-cases"].trigger()
    choice = window.batch.dialog.choice
    assert not choice.scores.isEnabled() and not choice.arrays.isEnabled()
    assert choice.report.isEnabled() and "No model" in choice._remark.text


def test_a_figure_shows_the_view_as_it_is_seen(qtbot, window, tmp_path: Path):
    from viewer.export.single import SingleExport

    state, single = window.state, window.findChild(SingleExport)
    state.set_views(2)
    state.set_active_view(0)
    state.overlays.show(0, "gate")
    state.overlays.show(1, "local")
    state.overlays.restyle(
        kind="contours", levels=(0.3, 0.6), scale="locked", threshold=0.1, colours="viridis"
    )

    def described(name: str) -> dict:
        single.write_figure(tmp_path / name)
        qtbot.waitUntil(lambda: (tmp_path / name).is_file() and state.jobs.idle, timeout=60_000)
        with Pillow.open(tmp_path / name) as made:
            return json.loads(made.info["Description"])

    qtbot.waitUntil(lambda: window.views.reading.visible_overlay is not None, timeout=60_000)
    about = described("contours.png")
    drawn = about["drawn"]
    assert list(about["maps"]) == ["gate"]
    assert (drawn["kind"], drawn["colours"], drawn["levels"]) == ("contours", "viridis", [0.3, 0.6])
    assert drawn["shared"] and drawn["scale"] == list(window.views.reading.visible_overlay.range)
    # Hidden is hidden: no map, no outline.
    window.views.reading.set_overlay_shown(False)
    window.views.set_masks_shown(False)
    about = described("hidden.png")
    assert "drawn" not in about
    # A difference of two maps is a map like any other.
    window.views.reading.set_overlay_shown(True)
    window.views.set_masks_shown(True)
    state.overlays.restyle(kind="hot-spots", top=0.05)
    state.analysis.derive("gate-minus-local")
    window.actions_.show_map("gate-minus-local")
    reading = window.views.reading
    qtbot.waitUntil(
        lambda: (
            reading.visible_overlay is not None
            and reading.visible_overlay.map.name == "gate-minus-local"
            and state.jobs.idle
        ),
        timeout=60_000,
    )
    single.write_report(tmp_path / "r.pdf")
    qtbot.waitUntil(lambda: (tmp_path / "r.pdf").is_file() and state.jobs.idle, timeout=60_000)
    page = (tmp_path / "r.pdf").read_bytes()
    assert b'"kind": "hot-spots"' in page and b'"kind": "wash"' not in page
    about = described("difference.png")
    assert list(about["maps"]) == ["gate-minus-local"]
    assert about["drawn"]["kind"] == "hot-spots" and about["drawn"]["top"] == 0.05


def test_a_picture_hides_the_masks_that_the_view_hides(qtbot, window, tmp_path: Path):
    for name, shown in (("with.png", True), ("without.png", False)):
        window.views.set_masks_shown(shown)
        window.exporting.write_picture(tmp_path / name)
        qtbot.waitUntil(lambda name=name: (tmp_path / name).is_file(), timeout=60_000)
    seen, bare = (
        np.asarray(Pillow.open(tmp_path / n).convert("RGB")) for n in ("with.png", "without.png")
    )
    colours = [mask.colour for mask in window.views.reading.document.masks if mask.area(0)]
    assert colours
    wanted = [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours]
    for colour in wanted:
        near = [
            (np.abs(picture.astype(int) - colour).max(axis=2) < 30).sum()
            for picture in (seen, bare)
        ]
        assert near[0] > near[1] + 100
    # The colour bar is there too, with the table's bright end at the right edge.
    assert window.views.reading.visible_overlay is not None
    edge = seen[:, -80:].astype(int)
    assert (edge.max(axis=2) - edge.min(axis=2) > 60).any()


def test_nothing_in_the_dialog_is_cut_off_or_out_of_line(window, dialog):
    from PySide6.QtCore import QPoint
    from PySide6.QtWidgets import QApplication

    choice = dialog.choice
    boxes = [*choice.masks.values(), choice.overlays, choice.arrays, choice.images]
    boxes += [choice.report, choice.scores, *choice.figures.values()]
    boxes += [choice.deidentify, choice.patient]
    for width, height in ((980, 640), (900, 460), (1600, 900)):
        dialog.resize(width, height)
        QApplication.processEvents()
        lefts = {box.mapTo(choice, QPoint(0, 0)).x() for box in boxes}
        assert len(lefts) == 3, "the parts share three columns"
        for box in boxes:
            assert box.width() >= box.sizeHint().width()
            assert box.mapTo(choice, QPoint(box.width(), 0)).x() <= choice.width()
        assert choice.width() <= choice.parentWidget().width()


def test_what_was_written_kept_and_left_out_is_said_clearly(qtbot, window, dialog, tmp_path: Path):
    for kind in ("coco", "label-studio", "png"):
        dialog.choice.masks[kind].setChecked(True)
    dialog.folder.setText(str(tmp_path / "away"))
    with qtbot.waitSignal(window.batch.finished, timeout=120_000) as told:
        dialog.export.click()
    (summary,) = told.args
    text = dialog.details.toPlainText()
    assert not any("already" in note for note in summary.notes)  # the picture both formats name
    assert "1 × COCO annotations" in text and "1 × Label Studio tasks" in text
    assert sum(int(line.split()[0]) for line in summary.kinds()) == len(summary.written)


def test_de_identifying_in_the_menu_is_where_several_cases_start(bare_window, pictures: Path):
    window = bare_window(pictures)
    window.actions_["export-cases"].trigger()
    dialog = window.batch.dialog
    assert not dialog.choice.deidentify.isChecked()
    dialog.reject()
    window.actions_["deidentify-exports"].trigger()
    window.actions_["export-cases"].trigger()
    assert dialog.choice.deidentify.isChecked() and dialog.choice.wanted.deidentify
    dialog.reject()
