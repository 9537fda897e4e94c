"""Texts and lines over an image: corners, edges and scale bar, out of its middle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from viewer import theme
from viewer.canvas.numbers import nice_length
from viewer.canvas.viewport import Viewport

MARGIN = 10.0
TEXT = QColor("#E6EAF0")
SHADOW = QColor(0, 0, 0, 170)
#: Below this height or width of canvas, logical pixels, only the first line of a corner is kept.
ROOMY = 220.0
#: Below this, the letters of the patient's directions are left out as well.
LETTERED = 110.0
#: In narrower views the lower letter stands above the two lines of the lower right corner: position
#: and value, map, which reach to the middle there.
NARROW = 280.0


#: Logical pixels that letters and numbers keep between them.
_APART = 4.0


@cache
def font(bold: bool = False) -> QFont:
    """Return the face of all texts over images: 12 px, figures of equal width."""
    return theme.font(12, QFont.Weight.DemiBold if bold else QFont.Weight.Normal)


@cache
def line_height() -> float:
    """Return the height of a line of text, logical pixels."""
    return QFontMetricsF(font()).height() + 1


def shadowed_text(
    painter: QPainter, box: QRectF, align: Qt.AlignmentFlag, text: str, colour: QColor = TEXT
) -> None:
    """Draw a line of text that stays readable on white and on black."""
    if not painter.clipBoundingRect().intersects(box.adjusted(-2, -2, 2, 2)):
        return
    painter.setPen(SHADOW)
    for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1), (1, 1), (-1, 1)):
        painter.drawText(box.translated(dx, dy), align, text)
    painter.setPen(colour)
    painter.drawText(box, align, text)


def shadowed_lines(
    painter: QPainter, points: Sequence[QPointF], colour: QColor = TEXT, width: float = 1.4
) -> None:
    """Draw a polyline with the texts' shadow."""
    for paint, thickness in ((SHADOW, width + 2.0), (colour, width)):
        pen = QPen(paint, thickness)
        pen.setCapStyle(Qt.PenCapStyle.SquareCap)
        pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
        painter.setPen(pen)
        painter.drawPolyline(list(points))


@dataclass
class Annotations:
    """What is written over one view. Changing a field takes effect at the next paint.

    top_left, bottom_right: lines of text. edges: orientation letters (left, right, top, bottom),
    "" where unknown. spacing: mm between columns, None where the file does not say.
    right_inset: logical pixels at the right taken by the colour bar. numbers: the boxes of its
    numbers; the letter at the right keeps away from them.
    """

    top_left: list[str] = field(default_factory=list)
    bottom_right: list[str] = field(default_factory=list)
    edges: tuple[str, str, str, str] = ("", "", "", "")
    spacing: float | None = None
    right_inset: float = 0.0
    numbers: list[QRectF] = field(default_factory=list)
    shown: bool = True

    def paint(self, painter: QPainter, viewport: Viewport) -> None:
        """Paint what there is room for."""
        if not self.shown:
            return
        painter.save()
        painter.setFont(font())
        line = line_height()
        width, height = viewport.width, viewport.height
        for box, text in zip(self._top_left_rows(viewport), self.top_left, strict=False):
            shadowed_text(painter, box, Qt.AlignmentFlag.AlignLeft, text)
        self._paint_scale_bar(painter, viewport)
        for i, text in enumerate(reversed(self.bottom_right)):
            shadowed_text(
                painter,
                self.bottom_right_box(viewport, i),
                Qt.AlignmentFlag.AlignRight,
                text,
            )
        if min(width, height) >= LETTERED:
            self._paint_edges(painter, viewport, line)
        painter.restore()

    def _top_left_rows(self, viewport: Viewport) -> list[QRectF]:
        """Return the rows, as wide as the view, of the lines that there is room for."""
        line = line_height()
        roomy = min(viewport.width, viewport.height) >= ROOMY
        count = len(self.top_left) if roomy else min(1, len(self.top_left))
        wide = viewport.width - 2 * MARGIN
        return [QRectF(MARGIN, MARGIN - 2 + row * line, wide, line) for row in range(count)]

    def top_boxes(self, viewport: Viewport) -> list[QRectF]:
        """Return the boxes of the letters of what is written at the top: corner and side."""
        if not self.shown:
            return []
        metrics = QFontMetricsF(font())
        boxes = []
        for box, text in zip(self._top_left_rows(viewport), self.top_left, strict=False):
            box.setWidth(metrics.horizontalAdvance(text) + _APART)
            boxes.append(box)
        return boxes

    def right_letter_box(self, viewport: Viewport) -> QRectF:
        """Return the box of the letters of the side at the right.

        At half the height, or as near to it as no number of the colour bar lies; where there is no
        such place, left of the numbers.
        """
        line = line_height()
        wide = QFontMetricsF(font(bold=True)).horizontalAdvance(self.edges[1])
        left = viewport.width - MARGIN - self.right_inset - wide
        middle = (viewport.height - line) / 2
        around = [box.adjusted(-_APART, -1, _APART, 1) for box in self.numbers]
        # Two lines at the foot are what lies under the cursor.
        lowest = viewport.height - MARGIN + 2 - 3 * line
        places = [middle, *(b.top() - line for b in around), *(b.bottom() for b in around)]
        for top in sorted(places, key=lambda top: abs(top - middle)):
            box = QRectF(left, top, wide, line)
            free = not any(box.intersects(other) for other in around)
            if free and (top == middle or MARGIN + line <= top <= lowest):
                return box
        return QRectF(min(b.left() for b in around) - wide, middle, wide, line)

    def bottom_right_box(self, viewport: Viewport, line_from_below: int = 0) -> QRectF:
        """Return where a line of the lower right corner is written."""
        line = line_height()
        return QRectF(
            viewport.width / 2 - MARGIN,
            viewport.height - MARGIN + 2 - (line_from_below + 1) * line,
            viewport.width / 2,
            line,
        )

    def foot(self, width: float, height: float, line: float) -> float:
        """Return the top of the lower letter; the same whether there is a text beside it or not."""
        lines = 3 if width < NARROW else 1
        return height - MARGIN + 2 - lines * line

    def scale_bar(self, viewport: Viewport) -> tuple[float, str] | None:
        """Return the bar's length in logical pixels and its label, None without spacing.

        The longest nice length within 110 logical pixels that leaves the bottom's middle, where
        the patient's side is written, free.
        """
        if not self.spacing:
            return None
        pixels_per_mm = viewport.scale / self.spacing
        longest = min(110.0, max(viewport.width / 2 - MARGIN - 90, 24.0))
        length = nice_length(longest / pixels_per_mm)
        label = f"{length / 10:g} cm" if length >= 100 else f"{length:g} mm"
        if length < 0.1:
            label = f"{length * 1000:g} µm"
        return length * pixels_per_mm, label

    def _paint_scale_bar(self, painter: QPainter, viewport: Viewport) -> None:
        bar = self.scale_bar(viewport)
        if bar is None:
            return
        length, label = bar
        x, y = MARGIN, viewport.height - MARGIN - 4
        if not painter.clipBoundingRect().intersects(QRectF(x - 3, y - 14, length + 130, 24)):
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shadowed_lines(
            painter,
            [QPointF(x, y - 4), QPointF(x, y), QPointF(x + length, y), QPointF(x + length, y - 4)],
        )
        line = line_height()
        box = QRectF(x + length + 8, y - line + 5, 120, line)
        shadowed_text(painter, box, Qt.AlignmentFlag.AlignLeft, label)

    def _paint_edges(self, painter: QPainter, viewport: Viewport, line: float) -> None:
        width, height = viewport.width, viewport.height
        left, right, top, bottom = self.edges
        painter.setFont(font(bold=True))
        middle = Qt.AlignmentFlag.AlignCenter
        wide = 40.0
        for text, x, y, align in (
            (left, MARGIN, (height - line) / 2, Qt.AlignmentFlag.AlignLeft),
            (top, (width - wide) / 2, MARGIN - 2, middle),
            (bottom, (width - wide) / 2, self.foot(width, height, line), middle),
        ):
            if text:
                shadowed_text(painter, QRectF(x, y, wide, line), align, text)
        if right:
            box = self.right_letter_box(viewport)
            box.setLeft(box.right() - wide)
            shadowed_text(painter, box, Qt.AlignmentFlag.AlignRight, right)
