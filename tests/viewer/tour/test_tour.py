"""The tour: points at the real widgets, can be left, does not come again by itself."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.viewer.conftest import settled
from viewer.settings import Settings
from viewer.tour import tour as module
from viewer.tour.tour import wanted


@pytest.fixture
def tour(bare_window, pictures):
    window = bare_window(pictures)
    window.assistance.tour.start()
    return window.assistance.tour


def test_each_stop_shows_its_widget_beside_a_card_that_is_on_the_window(tour, qtbot):
    window = tour._window
    tour.stop()
    window.show_side("cases", False)
    window.show_side("answers", False)
    window.answers.agreement.set_folded(True)
    tour.start()
    count = len(tour._steps)
    assert 4 <= count <= 6
    for number in range(1, count + 1):
        QApplication.processEvents()
        light, target = tour.light, tour.step.target()
        assert target.isVisible()
        area = QRect(target.mapTo(window, QPoint(0, 0)), target.size())
        assert light.hole.adjusted(-4, -4, 4, 4).contains(
            area & window.rect().adjusted(4, 4, -4, -4)
        )
        card = light.card.geometry()
        assert window.rect().contains(card)
        assert card.height() >= light.card.sizeHint().height()
        assert light.card.place.text() == f"{number} of {count}"
        assert light.card.accessibleName() and light.card.accessibleDescription()
        light.card.on.click()
    assert not tour.running and not wanted(Settings())


def test_the_card_leaves_what_it_speaks_of_free(tour):
    while tour.running:
        light = tour.light
        if not light.hole.width() > light.width() * 0.6:
            assert not light.card.geometry().intersects(light.hole)
        light.stepped.emit(1)


def test_keys_go_on_back_and_leave_and_reach_nothing_else(tour):
    # Of this window, whichever one the system holds active; below a mouse, a view takes the keys.
    window = tour._window
    QCursor.setPos(window.mapToGlobal(window.rect().bottomRight()))
    inverted = window.views.active.inverted
    QTest.keyClick(window.focusWidget(), Qt.Key.Key_Return)
    assert tour._at == 1
    QTest.keyClick(window.focusWidget(), Qt.Key.Key_I)
    assert window.views.active.inverted is inverted
    for _ in range(6):
        QTest.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        assert tour.light.isAncestorOf(window.focusWidget())
    tour.light.card.back.setFocus()
    QTest.keyClick(tour.light.card.back, Qt.Key.Key_Return)
    assert tour._at == 0
    QTest.keyClick(window.focusWidget(), Qt.Key.Key_Escape)
    assert not tour.running and window.focusWidget() is window.views.active.surface


def test_it_starts_once_and_never_again_when_skipped(bare_window, pictures, until, monkeypatch):
    monkeypatch.setattr(module, "_AFTER_MS", 0)
    window = bare_window()
    window.assistance.tour.start_once()
    assert not window.assistance.tour.running
    window.state.open_paths([pictures])
    until(lambda: window.assistance.tour.running)
    window.assistance.tour.light.card.skip.click()
    again = bare_window()
    again.assistance.tour.start_once()
    again.state.open_paths([pictures])
    until(lambda: again.state.image is not None and settled(again))
    assert not again.assistance.tour.running
    again.actions_["tour"].trigger()
    assert again.assistance.tour.running


def test_it_follows_the_windows_size(tour, until):
    window = tour._window
    while tour.step.target() is not window.answers.prediction:
        tour.light.stepped.emit(1)
    window.resize(1100, 700)
    until(lambda: tour.light.size() == window.size())
    panel = window.answers.prediction
    area = QRect(panel.mapTo(window, QPoint(0, 0)), panel.size())
    until(lambda: tour.light.hole.intersects(area))
    assert abs(tour.light.hole.left() - area.left()) <= 4
