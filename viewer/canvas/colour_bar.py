"""The scale of the map in a view: its colours, with numbers."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from viewer.canvas import colours
from viewer.canvas.annotations import MARGIN, SHADOW, font, shadowed_text
from viewer.canvas.numbers import short
from viewer.canvas.overlay import Overlay
from viewer.canvas.viewport import Viewport

WIDTH = 9.0
RIGHT = 14.0
TALLEST = 260.0
SHORTEST = 60.0


class ColourBar:
    """A vertical bar at the right edge; hollow below the threshold, where nothing is drawn."""

    def __init__(self) -> None:
        self._overlay: Overlay | None = None
        self._picture = QImage()

    def show(self, overlay: Overlay | None) -> None:
        """Take the overlay whose scale is shown."""
        self._overlay = overlay
        if overlay is None:
            return
        name = colours.suited(overlay.style.colours, overlay.signed)
        words = colours.table(name)[::-1]
        shown = colours.opacities(len(words), overlay.signed, overlay.style.threshold)[::-1] > 0
        if overlay.style.threshold <= 0:
            shown[:] = True
        strip = np.zeros((len(words), 1, 4), np.uint8)
        strip[:, 0, :3] = words
        strip[:, 0, 3] = np.where(shown, 255, 0)
        self._picture = QImage(
            strip.tobytes(), 1, len(words), 4, QImage.Format.Format_RGBA8888
        ).copy()

    @property
    def inset(self) -> float:
        """Logical pixels at the right edge that the bar takes."""
        return 0.0 if self._overlay is None else RIGHT + WIDTH

    def box(self, viewport: Viewport) -> QRectF | None:
        """Return where the bar is painted, None where there is no room or nothing to show."""
        line = 17.0
        top = MARGIN + line
        height = min(TALLEST, viewport.height * 0.66, viewport.height - 2 * top - 3 * line)
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

    def paint(self, painter: QPainter, viewport: Viewport) -> None:
        """Paint bar and numbers."""
        box = self.box(viewport)
        around = None if box is None else box.adjusted(-90, -24, 40, 24)
        if box is None or around is None or not painter.clipBoundingRect().intersects(around):
            return
        painter.save()
        painter.setFont(font())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QPen(SHADOW, 3))
        painter.drawRect(box)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(box, self._picture)
        painter.setPen(QPen(QColor(230, 234, 240, 150), 1))
        painter.drawRect(box)
        line = 17.0
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for share, text in self.labels():
            y = box.bottom() - share * box.height()
            if share == 0:
                where = QRectF(viewport.width - 90, y + 2, 90 - MARGIN, line)
            elif share == 1:
                where = QRectF(viewport.width - 90, y - line - 2, 90 - MARGIN, line)
            else:
                where = QRectF(box.left() - 46, y - line / 2, 40, line)
            shadowed_text(painter, where, right, text)
        painter.restore()
