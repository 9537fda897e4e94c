"""The scale of the map in a view: its colours, with numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPen

from engine.saliency.scale import gate_opening, is_shut
from viewer.canvas import colours
from viewer.canvas.annotations import MARGIN, SHADOW, font, shadowed_text
from viewer.canvas.numbers import short
from viewer.canvas.overlay import Overlay
from viewer.canvas.overlay_lines import NONE, Lines, colour_of, lines_of
from viewer.canvas.viewport import Viewport

WIDTH = 9.0
RIGHT = 14.0
TALLEST = 260.0
SHORTEST = 36.0
SMALL = 220.0
#: A bar of lines is this opaque: the marks on it are what is drawn over the image.
FAINT = 0.4
_LINE = 17.0


class ColourBar:
    """A vertical bar at the right edge; hollow below the threshold, where nothing is drawn.

    Of a map drawn as lines, the bar is faint and has a mark with its value for each of them;
    ``legend`` says what the lines are, for the view's corner.
    """

    def __init__(self) -> None:
        self._overlay: Overlay | None = None
        self._lines: Lines = NONE
        self._picture = QImage()

    def show(self, overlay: Overlay | None) -> None:
        """Take the overlay whose scale is shown."""
        self._overlay = overlay
        self._lines = NONE if overlay is None else lines_of(overlay)
        if overlay is None:
            return
        name = colours.suited(overlay.style.colours, overlay.signed)
        words = colours.table(name)[::-1]
        shown = colours.opacities(len(words), overlay.signed, overlay.style.threshold)[::-1] > 0
        if overlay.style.threshold <= 0 or overlay.style.kind != "wash":
            shown[:] = True
        strip = np.zeros((len(words), 1, 4), np.uint8)
        strip[:, 0, :3] = words
        strip[:, 0, 3] = np.where(shown, 255, 0)
        self._picture = QImage(
            strip.tobytes(), 1, len(words), 4, QImage.Format.Format_RGBA8888
        ).copy()

    @property
    def inset(self) -> float:
        """Logical pixels at the right edge that the bar and the number at its foot take."""
        if self._overlay is None:
            return 0.0
        foot = QFontMetricsF(font()).horizontalAdvance(self.labels()[0][1])
        return max(RIGHT + WIDTH, foot)

    def box(self, viewport: Viewport) -> QRectF | None:
        """Return where the bar is painted, None where there is no room or nothing to show."""
        line = 17.0
        top = MARGIN + line
        below = 3 if viewport.height < SMALL else 5  # lines of text at the foot
        height = min(TALLEST, viewport.height * 0.66, viewport.height - 2 * top - below * line)
        if self._overlay is None or height < SHORTEST or viewport.width < 120:
            return None
        return QRectF(viewport.width - RIGHT - WIDTH, top, WIDTH, height)

    def labels(self) -> list[tuple[float, str]]:
        """Return (share of the height from below, number) of each label: the ends, and zero."""
        if self._overlay is None:
            return []
        low, high = self._overlay.range
        signs = {low: "", high: "+" if self._overlay.signed else ""}
        ends = [(0.0, short(low)), (1.0, signs[high] + short(high))]
        if low < 0 < high:
            ends.insert(1, ((0 - low) / (high - low), "0"))
        return ends

    def marks(self) -> list[tuple[float, str]]:
        """Return (share of the height from below, number) of each line, lowest first.

        A value beyond a scale that is not the map's own has no mark.
        """
        if self._overlay is None:
            return []
        low, high = self._overlay.range
        values = sorted({line.value for line in self._lines.lines if low <= line.value <= high})
        return [((value - low) / (high - low), short(value)) for value in values]

    @property
    def legend(self) -> tuple[str, ...]:
        """What the lines are, a phrase a line; none for a wash, whose bar says it.

        Of a shut gate it says first why so little is drawn.
        """
        if self._overlay is None or not is_shut(self._overlay.map):
            return self._lines.legend
        opening = gate_opening(self._overlay.map) or 0.0
        shut = (f"gate shut: lets {percentage(opening)} through", "colours as if it were open")
        return (*shut, *self._lines.legend)

    def paint(self, painter: QPainter, viewport: Viewport, clear_of: Sequence[QRectF] = ()) -> None:
        """Paint bar and numbers, these not on texts in the corners (``numbers``)."""
        box = self.box(viewport)
        around = None if box is None else box.adjusted(-100, -24, 40, 24)
        if box is None or around is None or not painter.clipBoundingRect().intersects(around):
            return
        painter.save()
        painter.setFont(font())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QPen(SHADOW, 3))
        painter.drawRect(box)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if self._lines.legend:
            painter.setOpacity(FAINT)
        painter.drawImage(box, self._picture)
        painter.setOpacity(1.0)
        painter.setPen(QPen(QColor(230, 234, 240, 150), 1))
        painter.drawRect(box)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for where, text in self.numbers(viewport, clear_of):
            # Wider than the text, which is as wide as its letters: nothing is cut at its left.
            shadowed_text(painter, where.adjusted(-8, 0, 0, 0), right, text)
        self._paint_marks(painter, box)
        painter.restore()

    def numbers(
        self, viewport: Viewport, clear_of: Sequence[QRectF] = ()
    ) -> list[tuple[QRectF, str]]:
        """Return (box of its letters, number) of each number that is written: ends, then lines'.

        clear_of: boxes of other texts. A line's number that would lie on one of them, or on another
        line's, is left out; its mark on the bar stays.
        """
        box = self.box(viewport)
        if box is None:
            return []
        metrics = QFontMetricsF(font())
        found: list[tuple[QRectF, str]] = []
        taken: list[float] = []

        def put(right: float, top: float, text: str, around: Sequence[QRectF] = ()) -> bool:
            wide = metrics.horizontalAdvance(text)
            where = QRectF(right - wide, top, wide, _LINE)
            if any(where.intersects(other) for other in around):
                return False
            found.append((where, text))
            return True

        ends = self.labels()
        for share, text in (ends[0], ends[-1]):
            y = box.bottom() - share * box.height()
            put(viewport.width - MARGIN, y + 2 if share == 0 else y - _LINE - 2, text)
        # A line of figures is less high than a line of text.
        around = [*clear_of, *(where.adjusted(0, 4, 0, -4) for where, _ in found)]
        for share, text in self.marks():
            y = box.bottom() - share * box.height()
            free = all(abs(y - other) >= _LINE - 3 for other in taken)
            if free and put(box.left() - 6, y - _LINE / 2, text, around):
                taken.append(y)
        for share, text in ends[1:-1]:
            y = box.bottom() - share * box.height()
            if all(abs(y - other) >= _LINE - 3 for other in taken):
                put(box.left() - 6, y - _LINE / 2, text, around)
        return found

    def _paint_marks(self, painter: QPainter, box: QRectF) -> None:
        """Paint each line's value on the bar, in its colour and dash."""
        if self._overlay is None:
            return
        low, high = self._overlay.range
        for line in self._lines.lines:
            if low <= line.value <= high:
                y = box.bottom() - (line.value - low) / (high - low) * box.height()
                for colour, width in ((SHADOW, 4.0), (colour_of(self._overlay, line), 2.0)):
                    pen = QPen(colour, width)
                    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
                    if line.dashed and width < 4.0:
                        pen.setDashPattern([1.5, 1.0])
                    painter.setPen(pen)
                    painter.drawLine(QPointF(box.left() - 3, y), QPointF(box.right() + 2, y))


def percentage(share: float) -> str:
    """Return a small share in words that never round it up: "3 %", "0.4 %", "less than 0.1 %"."""
    if share < 0.001:
        return "less than 0.1 %"
    return f"{100 * share:.2g} %"
