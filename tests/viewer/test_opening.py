"""Opening files: what is shown, what cannot be read, what was open before a crash."""

from __future__ import annotations

import re

import numpy as np
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent

from engine.evaluation.coherence import coherence
from engine.evaluation.honesty import beats_centre
from tests.viewer.conftest import settled
from tests.viewer.strokes import own_mask, stroke
from viewer.state.storage import REFERENCE


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


def test_opening_the_same_files_again_adds_no_case(make_window, pictures, until):
    window = make_window(pictures)
    window.state.open_paths([pictures])
    until(lambda: settled(window))
    assert len(window.state.cases.opened.cases) == 2


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


def test_closing_a_case_leaves_an_empty_window(make_window, pictures, until):
    window = make_window(pictures)
    window.actions_["close-case"].trigger()
    state = window.state
    assert state.image is None and state.masks.document is None
    assert [case.title for case in state.cases.opened.cases] == ["a (2)"]
    assert not window.actions_["export-all"].isEnabled()
    assert "Open an image" in window.answers.agreement.remark


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
