"""The Mask menu, the panel and the options line, in a real window on a real stack."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

import resources
from engine.masks import operations, volume
from engine.masks.interpolation import interpolate
from engine.masks.labels import DEFAULTS, Label
from engine.masks.measure import statistics
from engine.masks.shapes import disc
from tests.viewer.conftest import settled
from viewer.masking.labels import LabelsDialog
from viewer.masking.masking import follow_labels
from viewer.masking.reshape import Reshape, ReshapeDialog
from viewer.masking.work import KEY
from viewer.settings import Settings
from viewer.state import AppState
from viewer.state.storage import REFERENCE


@pytest.fixture
def window(qtbot, new_window):
    """A window on a demo stack of several slices, without a model."""
    window = new_window(AppState(Settings(passing=True)))
    window.state.open_paths([resources.path("demo", "images", "DEMO01")])
    state = window.state
    qtbot.waitUntil(lambda: state.masks.document is not None and settled(window))
    return window


def own(window):
    document = window.state.masks.document
    mask = next((m for m in document.masks if m.id != REFERENCE), None) or document.add_mask()
    document.set_active(mask.id)
    return mask


def dab(window, frame, at=(150, 160), radius=20.0):
    own(window)
    document = window.state.masks.document
    document.paint(frame, disc(at, radius, document.shape))


def idle(qtbot, window):
    qtbot.waitUntil(lambda: settled(window))


def trigger(qtbot, window, name):
    qtbot.waitUntil(window.actions_[name].isEnabled)
    window.actions_[name].trigger()
    idle(qtbot, window)


def test_interpolating_fills_the_slices_between_as_one_step(window, qtbot):
    dab(window, 0)
    dab(window, 3, (160, 170), 30.0)
    mask, document = own(window), window.state.masks.document
    expected = interpolate(mask.copy(id=mask.id), document.geometry)
    trigger(qtbot, window, "mask-interpolate")
    assert expected.keys() == {1, 2}
    for index, found in expected.items():
        np.testing.assert_array_equal(mask.frame(index), found)
    assert document.undo_text == "Interpolate on 2 slices"
    document.undo()
    assert not mask.frame(1).any()
    dab(window, 1)
    dab(window, 2)
    trigger(qtbot, window, "mask-interpolate")
    assert "Nothing lies between drawn slices" in window.notice.text


def test_copying_goes_to_the_slice_and_says_what_undo_does(window, qtbot):
    window.state.set_frame(1)
    dab(window, 1)
    trigger(qtbot, window, "mask-to-next")
    mask = own(window)
    assert window.state.frame == 2
    np.testing.assert_array_equal(mask.frame(2), mask.frame(1))
    qtbot.waitUntil(
        lambda: window.actions_["undo"].text() == "Undo copy slice 2 to 3", timeout=5000
    )
    window.state.set_frame(0)
    trigger(qtbot, window, "mask-to-previous")
    assert "no further slice" in window.notice.text


@pytest.mark.parametrize("where", ["slice", "each", "through"])
@pytest.mark.parametrize("unit", ["px", "mm"])
def test_growing_by_an_amount(window, qtbot, where, unit):
    dab(window, 0)
    dab(window, 1, radius=12.0)
    mask, document = own(window), window.state.masks.document
    before, geometry = mask.copy(id=mask.id), document.geometry
    amount = 3.0 if unit == "px" else geometry.slice_spacing + 0.5
    window.masking.reshape(Reshape("grow", amount, unit, where))
    idle(qtbot, window)
    flat = geometry.spacing if unit == "mm" else (1.0, 1.0)
    if where == "slice":
        expected = {0: operations.grow(before.frame(0), amount, flat)}
    elif where == "each":
        expected = {i: operations.grow(before.frame(i), amount, flat) for i in (0, 1)}
    else:
        step = geometry.slice_spacing if unit == "mm" else 1.0
        expected = volume.grow(before, amount, (step, *flat))
        assert expected[2].any()
    for index in range(document.reference.frames):
        np.testing.assert_array_equal(
            mask.frame(index), expected.get(index, before.frame(index)), err_msg=str(index)
        )
    document.undo()
    assert mask.same_pixels(before)


def test_the_dialog_offers_what_the_image_allows_and_remembers(window, qtbot):
    document, settings = window.state.masks.document, window.state.settings
    dialog = ReshapeDialog(window, settings, document.geometry, document.reference.frames)
    assert dialog.unit.findData("mm") >= 0
    dialog.what.setCurrentIndex(dialog.what.findData("shrink"))
    dialog.unit.setCurrentIndex(dialog.unit.findData("mm"))
    dialog.where.setCurrentIndex(dialog.where.findData("through"))
    dialog.amount.setValue(3.5)
    dialog.accept()
    from engine.images.image import Geometry

    again = ReshapeDialog(window, settings, document.geometry, 5)
    assert again.asked == Reshape("shrink", 3.5, "mm", "through")
    flat = ReshapeDialog(window, settings, Geometry(), 1)
    assert flat.asked == Reshape("shrink", 3.5, "px", "slice")
    assert flat.unit.count() == flat.where.count() == 1


def test_a_region_through_the_slices_is_one_step_and_live(window, qtbot):
    own(window)
    window.choose_tool(window.toolbox["region"])
    window.toolbox.region.choice.set_through(True)
    view = window.views.active
    place = view.viewport.to_widget(196, 190).toPoint()
    QTest.mouseClick(view.surface, Qt.MouseButton.LeftButton, pos=place)
    idle(qtbot, window)
    mask = own(window)
    assert len(mask.frames) > 1
    assert "Region growing on" in window.state.masks.document.undo_text
    window.state.masks.document.undo()
    assert mask.is_empty


def test_another_operation_waits_and_another_image_stops_it(window, qtbot, monkeypatch):
    import threading

    dab(window, 0)
    dab(window, 3)
    go = threading.Event()

    def slow(mask, progress):
        while not go.wait(0.01):
            progress.check()
        return {}

    window.masking.work.run("Slow", "Slow", slow, "Nothing.")
    window.masking.interpolate()
    assert "still at work" in window.notice.text
    state = window.state
    case = state.cases.opened.cases[0]
    state.open_series(case, case.series[1])
    qtbot.waitUntil(lambda: state.image is not None and state.series is case.series[1])
    assert not state.jobs.has(KEY)
    assert "was stopped" in window.notice.text
    go.set()
    idle(qtbot, window)


def test_a_result_waits_for_the_hand_to_come_up(window, qtbot):
    dab(window, 0)
    mask, document = own(window), window.state.masks.document
    drawn = mask.frame(0).copy()
    window.masking.work.run("Work", "Copy", lambda m, _: {1: m.frame(0)}, "Nothing.")
    document.begin_stroke(0, (20, 20), 3)
    idle(qtbot, window)
    assert window.masking.work.busy
    document.extend_stroke((20, 60))
    document.end_stroke()
    qtbot.waitUntil(lambda: not window.masking.work.busy)
    assert mask.frame(0)[20, 20:61].all()
    np.testing.assert_array_equal(mask.frame(1), drawn)
    assert document.undo_text == "Copy on slice 2"


def test_lock_and_solo_from_the_menu_are_steps(window, qtbot):
    dab(window, 0)
    mask, document = own(window), window.state.masks.document
    trigger(qtbot, window, "mask-lock")
    assert mask.locked
    qtbot.waitUntil(window.actions_["mask-lock"].isChecked)
    names = document.history.names
    before = mask.copy(id=mask.id)
    window.masking.interpolate()
    assert "locked" in window.notice.text
    window.masking.reshape(Reshape("grow", 3, "px", "slice"))
    window.masking.clear_all()
    window.masking._on_active("remove_mask")()
    assert document.history.names == names
    assert mask.same_pixels(before)
    trigger(qtbot, window, "mask-lock")
    trigger(qtbot, window, "mask-solo")
    assert [m.visible for m in document.masks] == [m is mask for m in document.masks]
    trigger(qtbot, window, "mask-solo")
    assert all(m.visible for m in document.masks)
    assert document.history.names[len(names) :] == [
        "Unlock mask “Lesion”",
        "Show only “Lesion”",
        "Show all masks",
    ]


def test_labels_come_from_the_list_and_follow_it(window, qtbot):
    document = window.state.masks.document
    mask = own(window)
    window.masking.give_label("", Label("Fat", "#F0E442"))
    assert (mask.label, mask.colour) == ("Fat", "#F0E442")
    assert document.undo_text == "Label “Lesion” as “Fat”"
    dialog = LabelsDialog(window, window.state.masks.labels)
    row = next(i for i in range(dialog.list.count()) if dialog.list.item(i).text() == "Fat")
    dialog.list.item(row).setText("Subcutaneous fat")
    dialog.list.takeItem(0)
    dialog.add()
    dialog.accept()
    follow_labels(document, dialog.renamed)
    assert mask.label == "Subcutaneous fat"
    assert document.undo_text == "Change labels"
    document.undo()
    assert mask.label == "Fat"
    names = [entry.name for entry in window.state.masks.labels.all]
    assert "Subcutaneous fat" in names
    assert "Lesion" not in names
    assert names[-1] == "Label 1"
    # Remembered by the next start, and used by the document.
    from viewer.state.labels import LabelList

    assert LabelList(window.state.settings).all == window.state.masks.labels.all
    assert document.labels == window.state.masks.labels.all
    bad = LabelsDialog(window, window.state.masks.labels)
    bad.list.item(0).setText(bad.list.item(1).text())
    bad.accept()
    assert bad.result() == 0
    assert [entry.name for entry in window.state.masks.labels.all] == names
    assert "Lesion" in [entry.name for entry in DEFAULTS]


def test_labels_left_as_they_are_leave_the_masks_alone(window):
    own(window)
    document = window.state.masks.document
    document.add_mask("Lesion")
    colours = [mask.colour for mask in document.masks]
    assert len(set(colours)) == len(colours)
    dialog = LabelsDialog(window, window.state.masks.labels)
    dialog.accept()
    follow_labels(document, dialog.renamed)
    assert [mask.colour for mask in document.masks] == colours
    assert document.undo_text == "Add mask “Lesion 2”"


def test_the_panel_says_how_large_and_what_is_under(window, qtbot):
    dab(window, 0)
    dab(window, 1, radius=10.0)
    mask, image = own(window), window.state.image
    table = window.answers.masks.statistics

    def text(name, part):
        return table.cells[name, part].text()

    whole = statistics(mask, image)
    here = statistics(mask, image, 0)
    qtbot.waitUntil(lambda: text("Size", "whole") == f"{whole.ml:.2f} ml")
    assert text("Mean", "here").split()[0] == f"{here.mean:.4g}"
    assert text("SD", "whole").split()[0] == f"{whole.sd:.4g}"
    # What was counted before is counted anew where it changed.
    dab(window, 1, (170, 180), 25.0)
    whole = statistics(mask, image)
    qtbot.waitUntil(lambda: text("Mean", "whole").split()[0] == f"{whole.mean:.4g}")
    window.state.set_frame(1)
    here = statistics(mask, image, 1)
    qtbot.waitUntil(lambda: text("Range", "here") == f"{here.low:.4g} to {here.high:.4g}")


def test_rows_lock_show_alone_and_remove(window, qtbot):
    dab(window, 0)
    mask, document = own(window), window.state.masks.document
    qtbot.waitUntil(lambda: mask.id in window.answers.masks.rows)
    row = window.answers.masks.rows[mask.id]
    row.lock.click()
    assert mask.locked
    row.lock.click()
    assert not mask.locked
    actions = {a.text(): a for a in row.menu().actions()}
    actions["Show only this mask"].trigger()
    assert [m.visible for m in document.masks] == [m is mask for m in document.masks]
    actions["Duplicate"].trigger()
    assert document.masks[-1].label == "Lesion 2"
    actions["Remove"].trigger()
    assert mask not in document.masks
    while document.undo():
        pass
    assert mask.is_empty


def test_a_name_being_typed_is_taken_when_the_rows_change(window, qtbot):
    dab(window, 0)
    mask, document, panel = own(window), window.state.masks.document, window.answers.masks
    qtbot.waitUntil(lambda: mask.id in panel.rows)
    window.activateWindow()
    row = panel.rows[mask.id]
    row.name.edit()
    QTest.keyClicks(row.name, "Tumour")
    document.import_mask(mask)
    qtbot.waitUntil(lambda: len(panel.rows) == len(document.masks))
    assert mask.label == "Tumour"
    assert panel._list.count() == len(document.masks)
    assert panel.rows[mask.id].name.text() == "Tumour"


def test_delete_on_a_row_is_for_the_mask(window, qtbot):
    from engine.measure.measurement import Measurement

    dab(window, 0)
    mask, document, panel = own(window), window.state.masks.document, window.answers.masks
    window.state.measurements.add(Measurement("distance", 0, ((1.0, 1.0), (20.0, 20.0)), "one"))
    qtbot.waitUntil(lambda: mask.id in panel.rows)
    qtbot.waitUntil(window.actions_["delete-measurement"].isEnabled)
    window.activateWindow()
    panel.rows[mask.id].setFocus()
    QTest.keyClick(panel.rows[mask.id], Qt.Key.Key_Delete)
    assert mask not in document.masks
    assert [item.id for item in window.state.measurements.items] == ["one"]


def test_the_line_over_the_views_sets_and_says(window, qtbot):
    options, size = window.options, window.toolbox.brush_size
    window.choose_tool(window.toolbox["brush"])
    assert options.diameter.isVisible() and not options.tolerance.isVisible()
    assert options.hint == window.toolbox["brush"].hint
    options.diameter.setValue(30)
    assert size.radius == 15
    options.unit.setCurrentIndex(1)
    options.unit.activated.emit(1)
    assert size.unit == "mm" and options.diameter.value() == 2 * size.mm
    window.choose_tool(window.toolbox["region"])
    assert options.tolerance.isVisible() and not options.diameter.isVisible()
    window.choose_tool(window.toolbox["threshold-brush"])
    assert options.low.isVisible() and not options.low.isEnabled()
    view = window.views.active
    at = view.viewport.to_widget(196, 190).toPoint()
    QTest.mouseClick(
        view.surface, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier, at
    )
    assert options.low.isEnabled()
    assert options.low.value() < window.state.image.grey(0)[196, 190] < options.high.value()
    window.choose_tool(window.toolbox["window-level"])
    assert not options.diameter.isVisible()


def test_a_low_window_gives_the_tools_a_second_column(window, qtbot):
    strip = window.strip
    buttons = [b for b, _ in strip._buttons]

    def laid_out() -> bool:
        shown = [b.geometry() for b in buttons]
        return (
            strip._needs(strip._columns) <= strip.height()
            and all(strip.rect().contains(g) for g in shown)
            and not any(a.intersects(b) for i, a in enumerate(shown) for b in shown[:i])
        )

    for height in (600, 900, 620):
        window.resize(1100, height)
        qtbot.waitUntil(lambda height=height: window.height() == height and laid_out())
    assert strip._columns == 2


def test_large_frames_are_worked_on_beside_the_window(window, qtbot, monkeypatch):
    from viewer.masking import work

    dab(window, 0)
    mask, document = own(window), window.state.masks.document
    before = mask.frame(0).copy()
    trigger(qtbot, window, "mask-grow")
    grown = mask.frame(0).copy()
    np.testing.assert_array_equal(grown, operations.grow(before, 1.0))
    assert document.undo_text == "Grow on slice 1"
    document.undo()
    monkeypatch.setattr(work, "LARGE", 1000)
    qtbot.waitUntil(window.actions_["mask-grow"].isEnabled)
    window.actions_["mask-grow"].trigger()
    assert window.state.jobs.has(KEY)
    idle(qtbot, window)
    np.testing.assert_array_equal(mask.frame(0), grown)
    assert document.undo_text == "Grow on slice 1"
    for name in ("mask-fill-holes", "mask-largest"):
        trigger(qtbot, window, name)
    assert "one piece on this slice only" in window.notice.text


def test_edges_of_a_large_image_are_found_beside_the_window(window, qtbot, monkeypatch):
    import threading

    from viewer.tools import livewire

    free, find = threading.Event(), livewire._edges

    def slowly(*frame):
        assert free.wait(60)
        return find(*frame)

    monkeypatch.setattr(livewire, "AT_ONCE", 1000)
    monkeypatch.setattr(livewire, "_edges", slowly)
    tool = window.toolbox["livewire"]
    window.choose_tool(tool)
    view = window.views.active
    QTest.mouseMove(view.surface, view.viewport.to_widget(150, 160).toPoint())
    assert window.state.jobs.has("tool-edges") and "Finding the edges" in tool.now
    assert window.options._hint.text() == tool.now
    free.set()
    idle(qtbot, window)
    assert tool._wire is not None and tool._wire[2].cost.shape == view.image.shape
    assert window.options._hint.text() == tool.hint
