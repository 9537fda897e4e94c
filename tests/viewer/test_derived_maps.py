"""Differences of maps and of sides: chosen in the window, computed for every frame, adjustable."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QDialog

from engine.saliency.anatomy import foreground
from engine.saliency.derived import title
from engine.saliency.difference import difference
from engine.saliency.mirror import asymmetry, find_axis, mirror_difference
from viewer import derive
from viewer.state.analysis import is_slow


def test_a_difference_is_a_map_like_any_other(make_window, pictures, until, monkeypatch):
    window = make_window(pictures)
    state, panel = window.state, window.answers.overlay
    texts = [panel.map.itemText(i) for i in range(panel.map.count())]
    assert texts[-1] == "Difference of two maps…"

    def choose(dialog: derive.DifferenceDialog) -> QDialog.DialogCode:
        ok = dialog._buttons.button(dialog._buttons.StandardButton.Ok)
        assert dialog.first.currentData() == "gate" and ok.isEnabled()
        dialog.second.setCurrentIndex(dialog.second.findData("gate"))
        assert not ok.isEnabled() and "nothing" in dialog._says.text()
        dialog.second.setCurrentIndex(dialog.second.findData("local"))
        dialog.unit.setCurrentIndex(dialog.unit.findData("peak"))
        return QDialog.DialogCode.Accepted

    monkeypatch.setattr(derive.DifferenceDialog, "exec", choose)
    panel.map.setCurrentIndex(panel.map.count() - 1)
    panel.map.activated.emit(panel.map.count() - 1)
    name = "gate-minus-local-by-peak"
    until(lambda: name in state.analysis.maps)
    maps = state.analysis.maps
    expected = difference(maps["gate"], maps["local"], "peak")
    np.testing.assert_array_equal(maps[name].values, expected.values)
    assert maps[name].provenance == expected.provenance
    view = window.views.active
    until(lambda: view.visible_overlay is not None and view.visible_overlay.map is maps[name])
    assert view.visible_overlay.signed and view.header.name == "Gate − Local by peak"
    assert panel.map.currentText() == title(name)
    until(lambda: name in state.scores.all())
    assert name in window.answers.agreement.rows
    # It is nobody's weights that could be shuffled under it.
    assert not state.honesty.can_check(name)
    assert not window.answers.honesty._check.isVisibleTo(window.answers.honesty)

    mine = state.series
    cases = [case for group in state.cases.groups for case in group.cases]
    case, series = next((c, s) for c in cases for s in c.series if s is not mine)
    state.open_series(case, series)
    until(lambda: state.series is series and name in state.analysis.maps)
    assert state.analysis.maps[name].provenance.image_key == state.image.key
    assert is_slow("gate-minus-shap-local") and not is_slow(name)


def test_sides_are_compared_at_an_axis_that_can_be_moved(make_window, pictures, until):
    window = make_window(pictures)
    state, panel = window.state, window.answers.mirror
    assert panel.is_folded and panel.asymmetry is None
    panel.set_folded(False)
    until(lambda: panel.asymmetry is not None)
    body = foreground(state.image.grey(0))
    col = find_axis(body).col
    assert panel.axis.value() == col
    values = state.analysis.maps["gate"].values
    np.testing.assert_array_equal(panel.asymmetry.left, asymmetry(values, col, body).left)
    share = asymmetry(values, col, body).left_share
    assert f"Gate's relevance in the body, {share:.0%}".replace("%", " %") in panel._sides.text()
    marked = [view.layers.mirror_axis for view in window.views.shown]
    assert marked == [col] * len(marked)

    panel._map.click()
    until(lambda: "gate-mirror" in state.analysis.maps)
    before = state.analysis.maps["gate-mirror"].values
    gate = state.analysis.maps["gate"]
    np.testing.assert_array_equal(before, mirror_difference(gate, col).values)
    assert window.views.active.header.name == "Gate, left–right"

    panel.axis.setValue(col + 10)
    until(
        lambda: (
            "gate-mirror" in state.analysis.maps
            and state.analysis.maps["gate-mirror"].provenance.parameters["axis_col"] == col + 10
        )
    )
    moved = state.analysis.maps["gate-mirror"].values
    np.testing.assert_array_equal(moved, mirror_difference(gate, col + 10).values)
    panel._pixels.click()
    until(lambda: "pixels-mirror" in state.analysis.maps)
    assert "pixels' sum" in panel._sides.text()
    panel._find.click()
    until(lambda: panel.asymmetry is not None and panel.axis.value() == col)

    panel.set_folded(True)
    assert [view.layers.mirror_axis for view in window.views.shown] == [None] * len(marked)
