"""Choosing a grid by mouse and by keys."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from viewer.compare.grid_picker import GridTable, words


@pytest.fixture
def table(qtbot):
    table = GridTable()
    qtbot.addWidget(table)
    table.set_now(1, 2)
    table.show()
    return table


def test_the_cells_up_to_the_mouse_are_lit_and_a_click_chooses_them(table):
    chosen, pointed = [], []
    table.chosen.connect(lambda *size: chosen.append(size))
    table.pointed.connect(lambda *size: pointed.append(size))
    for rows, cols in ((1, 1), (2, 3), (3, 3)):
        QTest.mouseMove(table, table.cell(rows - 1, cols - 1).center().toPoint())
        assert table.lit == (rows, cols)
    assert pointed == [(1, 1), (2, 3), (3, 3)]
    QTest.mouseClick(
        table, Qt.MouseButton.LeftButton, pos=table.cell(1, 0).center().toPoint() + QPoint(3, 3)
    )
    assert chosen == [(2, 1)]


def test_arrow_keys_choose_too_and_the_name_says_what(table):
    chosen = []
    table.chosen.connect(lambda *size: chosen.append(size))
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right):
        QTest.keyClick(table, key)
    assert table.lit == (2, 3)
    assert words(2, 3) in table.accessibleName()
    QTest.keyClick(table, Qt.Key.Key_Return)
    assert chosen == [(2, 3)]
