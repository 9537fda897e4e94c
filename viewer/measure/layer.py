"""Measurements and covers over an image, with what they amount to."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen

from viewer.canvas.annotations import MARGIN, SHADOW, font, line_height, shadowed_text
from viewer.measure import shape
from viewer.measure.desk import Desk

if TYPE_CHECKING:
    from engine.images.image import Image
    from engine.measure.measurement import Measurement, Result
    from viewer.canvas.view import ImageView
    from viewer.canvas.viewport import Viewport

COLOUR = QColor("#FFE082")
CHOSEN = QColor("#FFFFFF")
COVER = QColor(0, 0, 0, 190)
#: Under the texts, which lie on white fat as often as on black air.
PLATE = QColor(0, 0, 0, 130)
#: Below this side of a canvas, logical pixels, only the value itself is written.
ROOMY = 260.0
GAP = 8.0
HANDLE = 3.5
_KEPT = 256


class MeasureLayer:
    """Paints what the desk holds for a view."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._results: OrderedDict[Measurement, Result] = OrderedDict()
        self._taken: list[QRectF] = []  # by texts, in the paint under way
        self._shapes: list[QRectF] = []  # around the measurements, in the paint under way

    def result(self, image: Image, item: Measurement) -> Result:
        """Return what a measurement amounts to; the last few hundred are kept."""
        from engine.measure.measurement import measure

        found = self._results.get(item)
        if found is None:
            found = self._results[item] = measure(image, item)
            while len(self._results) > _KEPT:
                self._results.popitem(last=False)
        return found

    def paint(self, painter: QPainter, view: ImageView) -> None:
        """Paint a view's covers, then its measurements, the chosen one on top."""
        items = self._desk.items(view)
        if not items or view.image is None:
            return
        document = self._desk.of(view)
        chosen = document.selected if document is not None else None
        self._taken = []
        self._shapes = [shape.box(i, view.viewport) for i in items if i.kind != "cover"]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for item in sorted(items, key=lambda found: found.kind != "cover"):
            is_chosen = chosen is not None and item.id == chosen.id
            if item.kind == "cover":
                self._paint_cover(painter, view.viewport, item, is_chosen)
            else:
                self._paint(painter, view, item, is_chosen)
        painter.restore()

    def _paint(
        self, painter: QPainter, view: ImageView, item: Measurement, is_chosen: bool
    ) -> None:
        colour = CHOSEN if is_chosen else COLOUR
        line = shape.outline(item, view.viewport)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for paint, width in ((SHADOW, 3.2), (colour, 1.4)):
            painter.setPen(QPen(paint, width))
            painter.drawPolyline(line)
        self._paint_handles(painter, shape.handles(item, view.viewport), colour, is_chosen)
        assert view.image is not None
        result = self.result(view.image, item)
        lines = [result.text, *result.more]
        if result.remark and (is_chosen or result.value is None or item.kind != "angle"):
            lines.append(result.remark)
        self._write(painter, view.viewport, item, lines, colour)

    def _paint_handles(
        self, painter: QPainter, points: list[QPointF], colour: QColor, is_chosen: bool
    ) -> None:
        size = HANDLE if is_chosen else HANDLE - 1.5
        painter.setPen(QPen(SHADOW, 1))
        painter.setBrush(colour)
        for point in points:
            painter.drawRect(QRectF(point.x() - size, point.y() - size, 2 * size, 2 * size))

    def _write(
        self,
        painter: QPainter,
        viewport: Viewport,
        item: Measurement,
        lines: list[str],
        colour: QColor,
    ) -> None:
        painter.setFont(font())
        metrics, height = painter.fontMetrics(), line_height()
        width = max(metrics.horizontalAdvance(text) for text in lines) + 2
        around = shape.box(item, viewport)
        room = QRectF(0, 0, viewport.width, viewport.height).adjusted(
            MARGIN, MARGIN, -MARGIN, -MARGIN
        )
        if not room.intersects(around.adjusted(-1, -1, 1, 1)):
            return  # nothing of it is in sight: a text would point nowhere
        if min(room.width(), room.height()) < ROOMY:
            lines = lines[:1]
        size = QSizeF(width + 8, height * len(lines) + 2)
        others = [found for found in self._shapes if found != around]
        place = _free_place(around, size, room, self._taken, others)
        self._taken.append(place)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(PLATE)
        painter.drawRoundedRect(place, 3, 3)
        for index, text in enumerate(lines):
            box = QRectF(place.left() + 4, place.top() + 1 + index * height, width, height)
            shadowed_text(painter, box, Qt.AlignmentFlag.AlignLeft, text, colour)

    def _paint_cover(
        self, painter: QPainter, viewport: Viewport, item: Measurement, is_chosen: bool
    ) -> None:
        area = shape.box(item, viewport)
        painter.fillRect(area, COVER)
        painter.setPen(QPen(CHOSEN if is_chosen else COLOUR, 1, Qt.PenStyle.DashLine))
        painter.setBrush(QBrush(QColor(255, 255, 255, 40), Qt.BrushStyle.BDiagPattern))
        painter.drawRect(area)
        if is_chosen:
            self._paint_handles(painter, shape.handles(item, viewport), CHOSEN, True)
        text = "black in exports"
        painter.setFont(font())
        if area.width() > painter.fontMetrics().horizontalAdvance(text) + 12 and area.height() > 18:
            shadowed_text(painter, area, Qt.AlignmentFlag.AlignCenter, text)


def _free_place(
    around: QRectF, size: QSizeF, room: QRectF, texts: list[QRectF], shapes: list[QRectF]
) -> QRectF:
    """Return where a text stands beside a shape: within the room, on no other text, and on no
    other shape if it can.

    Tried in turn: right of it, below, left, above; then further down, step by step.
    """
    middle = around.center()
    tries = [
        QPointF(around.right() + GAP, middle.y() - size.height() / 2),
        QPointF(middle.x() - size.width() / 2, around.bottom() + GAP),
        QPointF(around.left() - GAP - size.width(), middle.y() - size.height() / 2),
        QPointF(middle.x() - size.width() / 2, around.top() - GAP - size.height()),
    ]
    first = QRectF(tries[0], size)
    while tries[-1].y() < room.bottom() and len(tries) < 24:
        tries.append(tries[-1] + QPointF(0, size.height() + 2))
    places = [QRectF(at, size) for at in tries]
    for taken in ([*texts, *shapes], texts):
        for place in places:
            if room.contains(place) and not any(place.intersects(other) for other in taken):
                return place
    first.moveLeft(min(max(first.left(), room.left()), room.right() - size.width()))
    first.moveTop(min(max(first.top(), room.top()), room.bottom() - size.height()))
    return first
