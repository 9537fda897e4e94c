"""Strokes with the mouse over the active view, and the mask that they make."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

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
