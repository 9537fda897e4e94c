"""Calibrating a screen, and showing an image as large as what it shows."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QRadioButton

from viewer.screen import CARD, CalibrationDialog, calibrate, pixel_size
from viewer.settings import Settings


@pytest.fixture
def settings():
    return Settings(passing=True)


def test_a_screen_is_believed_until_it_is_measured(qtbot, settings):
    screen = QApplication.primaryScreen()
    before = pixel_size(settings, screen)
    assert not before.calibrated and 0.04 < before.mm < 0.6
    calibrate(settings, screen, 0.2)
    assert pixel_size(settings, screen) == (type(before))(0.2, True)
    calibrate(settings, screen, 0.0)  # a damaged setting
    assert pixel_size(settings, screen) == before


def test_dragging_the_card_to_match(qtbot, settings):
    screen = QApplication.primaryScreen()
    dialog = CalibrationDialog(settings, screen)
    qtbot.addWidget(dialog)
    dialog.show()
    gauge = dialog.gauge
    start = gauge.pixels
    right = QPoint(int(gauge.width() / 2 + start / 2), gauge.height() // 2)
    QTest.mousePress(gauge, Qt.MouseButton.LeftButton, pos=right)
    QTest.mouseMove(gauge, right + QPoint(30, 0))
    QTest.mouseRelease(gauge, Qt.MouseButton.LeftButton, pos=right + QPoint(30, 0))
    assert gauge.pixels == pytest.approx(start + 60)  # both ends move
    QTest.keyClick(gauge, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(gauge, Qt.Key.Key_Left)
    assert gauge.pixels == pytest.approx(start + 69)
    size = gauge.mm_per_pixel
    assert size == pytest.approx(CARD[0] / (start + 69))
    ruler = next(b for b in dialog.findChildren(QRadioButton) if "Ruler" in b.text())
    ruler.click()
    assert gauge.mm_per_pixel == pytest.approx(size) and gauge.pixels == pytest.approx(100 / size)
    dialog.accept()
    assert pixel_size(settings, screen).mm == pytest.approx(size)


def test_cancelling_changes_nothing(qtbot, settings):
    screen = QApplication.primaryScreen()
    before = pixel_size(settings, screen)
    dialog = CalibrationDialog(settings, screen)
    qtbot.addWidget(dialog)
    dialog.gauge.set_pixels(500)
    dialog.reject()
    assert pixel_size(settings, screen) == before
