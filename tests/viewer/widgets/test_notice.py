"""The strip under the bar: which notice covers which, and which come back."""

from __future__ import annotations

import pytest

from viewer.widgets.notice import NoticeStrip


@pytest.fixture
def strip(qtbot) -> NoticeStrip:
    made = NoticeStrip()
    qtbot.addWidget(made)
    return made


def test_information_is_seen_for_its_time_over_a_warning_which_comes_back(strip, qtbot):
    strip.say("A file cannot be read.", "warning", "Save the log…", lambda: None)
    strip.say("There is no further slice to copy to.", "info")
    assert strip.text == "There is no further slice to copy to."
    assert strip.property("tone") == "info" and strip._action.isHidden()
    strip.say("Nothing is drawn on this slice.", "info")
    assert strip.text == "Nothing is drawn on this slice."
    strip._timer.start(0)  # its time is over
    qtbot.waitUntil(lambda: strip.text == "A file cannot be read.")
    assert strip.property("tone") == "warning" and not strip._action.isHidden()
    assert not strip._timer.isActive()


def test_what_came_of_an_action_is_seen_over_a_warning_which_comes_back(strip):
    strip.say("A file cannot be read.", "warning")
    strip.say("2 files written.", "good", "What was removed", lambda: None)
    assert strip.text == "2 files written." and not strip._action.isHidden()
    strip.say("3 files written.", "good")
    assert strip.text == "3 files written." and strip._timer.isActive()
    strip._close.click()
    assert strip.text == "A file cannot be read." and strip._action.isHidden()


def test_the_way_that_a_result_offers_leaves_the_warning_beneath(strip):
    done = []
    strip.say("A file cannot be read.", "warning")
    strip.say("2 files written.", "good", "What was removed", lambda: done.append(1))
    strip._action.click()
    assert done == [1] and strip.text == "A file cannot be read."
    strip._close.click()
    assert strip.text == ""


def test_a_new_warning_takes_the_place_of_the_one_beneath(strip):
    strip.say("A file cannot be read.", "warning", "Save the log…", lambda: None)
    strip.say("2 files written.", "good")
    strip.say("The disk is full.", "warning")
    assert strip.text == "The disk is full."
    strip.clear()
    assert strip.text == ""
