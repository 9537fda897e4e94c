"""The line that an image is mirrored at."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from viewer.canvas.viewport import Viewport

LINE = QColor("#E6EAF0")
SHADOW = QColor(0, 0, 0, 140)


def paint(painter: QPainter, viewport: Viewport, col: float, rows: int) -> None:
    """Paint a dashed line down the frame at an image column (0 at the first one's centre)."""
    top: QPointF = viewport.to_widget(-0.5, col)
    bottom: QPointF = viewport.to_widget(rows - 0.5, col)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for colour, width, style in (
        (SHADOW, 3.0, Qt.PenStyle.SolidLine),
        (LINE, 1.0, Qt.PenStyle.DashLine),
    ):
        painter.setPen(QPen(colour, width, style))
        painter.drawLine(top, bottom)
    painter.restore()
