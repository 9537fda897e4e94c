"""Horizontal bars for numbers between 0 and 1, with ticks for what they are compared with."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from viewer import theme

HEIGHT = 6.0


def paint_bar(
    painter: QPainter,
    area: QRectF,
    value: float | None,
    colour: QColor,
    *,
    solid_tick: float | None = None,
    dotted_tick: float | None = None,
) -> None:
    """Paint a bar centred in ``area``; ticks stand out above and below it.

    ``value`` None leaves the track empty.
    """
    tokens = theme.current()
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    track = QRectF(area.left(), area.center().y() - HEIGHT / 2, area.width(), HEIGHT)
    painter.setBrush(tokens.colour("track"))
    painter.drawRoundedRect(track, 2, 2)
    if value is not None and value > 0:
        filled = QRectF(track)
        filled.setWidth(max(2.0, track.width() * min(value, 1.0)))
        painter.setBrush(colour)
        painter.drawRoundedRect(filled, 2, 2)
    for at, style in (
        (solid_tick, Qt.PenStyle.SolidLine),
        (dotted_tick, Qt.PenStyle.CustomDashLine),
    ):
        if at is None:
            continue
        pen = QPen(tokens.colour("text"), 1.5)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        if style == Qt.PenStyle.CustomDashLine:
            pen.setDashPattern([1.4, 1.4])
        x = track.left() + track.width() * min(max(at, 0.0), 1.0)
        painter.setPen(pen)
        painter.drawLine(QPointF(x, track.top() - 4), QPointF(x, track.bottom() + 4))
    painter.restore()
