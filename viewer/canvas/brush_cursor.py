"""The circle that shows what the brush would touch, and the cross of a linked view's cursor."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QPen

from viewer.canvas.viewport import Viewport

HALO = QColor(0, 0, 0, 150)
LINE = QColor(255, 255, 255, 230)
ARM, GAP = 11.0, 4.0


def circle_box(
    viewport: Viewport, row: float, col: float, radius: float, aspect: float = 1.0
) -> QRectF:
    """Return what a brush of ``radius`` image columns covers on the canvas.

    aspect: see ``shapes.capsule``; with 1 it is an ellipse where pixels are not square.
    """
    centre = viewport.to_widget(row, col)
    width, height = radius * viewport.scale, radius / aspect * viewport.row_scale
    if viewport.turn.sideways:
        width, height = height, width
    return QRectF(centre.x() - width, centre.y() - height, 2 * width, 2 * height)


def paint_circle(painter: QPainter, box: QRectF, colour: QColor) -> None:
    """Paint the brush's true size (``circle_box``); a cross around it where it is too small."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for paint, width in ((HALO, 3.0), (colour, 1.2)):
        painter.setPen(QPen(paint, width))
        painter.drawEllipse(box)
        if box.width() < 8:
            paint_cross(painter, box.center(), arm=8, gap=5)
    painter.restore()


def paint_cross(
    painter: QPainter, at: QPointF, colour: QColor = LINE, arm: float = ARM, gap: float = GAP
) -> None:
    """Paint a small cross, open in its middle so that the pixel itself stays visible."""
    arms = [
        QLineF(at.x() - arm, at.y(), at.x() - gap, at.y()),
        QLineF(at.x() + gap, at.y(), at.x() + arm, at.y()),
        QLineF(at.x(), at.y() - arm, at.x(), at.y() - gap),
        QLineF(at.x(), at.y() + gap, at.x(), at.y() + arm),
    ]
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for paint, width in ((HALO, 3.2), (colour, 1.4)):
        painter.setPen(QPen(paint, width))
        painter.drawLines(arms)
    painter.restore()
