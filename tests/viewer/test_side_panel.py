"""What fits beside the views on a small screen: answer, evidence, verdict and masks, unscrolled."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint

import resources
from tests.viewer.conftest import settled
from viewer.panels.prediction import finding


def bottom(window, widget) -> int:
    """Return where a widget ends, in the panel's visible part."""
    return widget.mapTo(window.answers._scroll.viewport(), QPoint(0, widget.height())).y()


def test_answer_evidence_verdict_and_masks_are_seen_at_once_on_a_small_screen(make_window, until):
    window = make_window(resources.path("demo", "images", "DEMO01", "T1"))
    assert (window.width(), window.height()) == (1280, 800)
    answers = window.answers
    room = answers._scroll.viewport().height()
    until(lambda: answers.masks.rows != {} and settled(window))
    until(lambda: bottom(window, answers.masks.rows[next(iter(answers.masks.rows))]) <= room)
    assert bottom(window, answers.honesty._remark) <= room
    assert [n for n, s in answers.sections.items() if not s.is_folded] == [
        *("prediction", "agreement", "honesty", "masks")
    ]
    # With more room, what is laid over the image is there as well.
    window.resize(1600, 1000)
    until(lambda: not answers.overlay.is_folded)
    window.resize(1280, 800)
    until(lambda: answers.overlay.is_folded)
    # What the reader unfolds stays so, at any size and at the next start.
    answers.overlay.set_folded(False)
    answers.image.set_folded(False)
    window.resize(1600, 1000)
    until(lambda: window.height() == 1000)
    window.resize(1280, 800)
    until(lambda: window.height() == 800)
    assert not answers.overlay.is_folded
    window.close()
    again = make_window(ready=False)
    assert not again.answers.overlay.is_folded and not again.answers.image.is_folded
    assert again.answers.sections["measurements"].is_folded


def test_the_numbers_behind_the_verdict_are_one_click_away_and_stay(make_window, pictures, until):
    window = make_window(pictures)
    panel = window.answers.honesty
    row = panel.rows["mass"].value
    assert panel.verdict and not row.isVisibleTo(panel)
    panel._numbers.click()
    assert row.isVisibleTo(panel) and panel._numbers.text() == "Hide numbers"
    window.close()
    again = make_window(pictures)
    assert again.answers.honesty.rows["mass"].value.isVisibleTo(again.answers.honesty)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        *(("benign", False), ("Not suspicious", False), ("normal", False), ("healthy", False)),
        *(("malignant", True), ("Suspicious", True), ("dystrophy", True)),
        *(("type 2", None), ("", None)),
    ],
)
def test_what_a_class_is_called_says_whether_it_is_a_finding(name, said):
    assert finding(name) is said


def test_no_hint_of_a_tool_is_cut_off_on_a_small_screen(bare_window, until):
    window = bare_window(resources.path("demo", "images", "DEMO01", "T1"))
    options = window.options
    metrics = options._hint.fontMetrics()
    for tool in (*window.tools, *window.measuring.tools.values()):
        window.choose_tool(tool)
        until(lambda: metrics.horizontalAdvance(options.hint) <= options._hint.width())
        assert options.hint
    # Where there is room, the tool's name and all of its hint are there.
    window.choose_tool(window.toolbox["region"])
    assert options.hint == window.toolbox["region"].brief and options.title.isHidden()
    window.resize(1900, 800)
    until(lambda: options.hint == window.toolbox["region"].hint and not options.title.isHidden())
