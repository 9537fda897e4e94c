"""The saliency map over the image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen
from PySide6.QtWidgets import QWidget

from engine.saliency.map import SaliencyMap
from viewer.canvas import colours
from viewer.canvas.layer import device_ratio
from viewer.canvas.overlay import Overlay
from viewer.canvas.overlay_lines import NONE, Lines, colour_of, lines_of
from viewer.canvas.viewport import Viewport

#: Width of lines and of the shadow that parts them from the image, logical pixels.
LINE_WIDTH, HALO_WIDTH = 1.6, 3.4
HALO = QColor(0, 0, 0, 120)


class OverlayLayer:
    """A map as colours, low end transparent, or as lines; the opacity is applied while painting.

    Colours are looked up again only when the map, the scale, the table or the threshold changes,
    so that the opacity slider costs a repaint and no more. Lines are kept as they were last
    painted, so that a brush moving over them costs no more than over a wash.
    """

    def __init__(self) -> None:
        self._overlay: Overlay | None = None
        self._map: SaliencyMap | None = None
        self._scale: tuple[float, float, int] | None = None
        self._steps = np.empty((0, 0), np.uint8)
        self._words: NDArray[np.uint32] | None = None
        self._picture = QImage()
        self._lines: Lines = NONE
        self._drawn = QImage()
        self._drawn_for: tuple[object, ...] | None = None

    @property
    def overlay(self) -> Overlay | None:
        """What is shown."""
        return self._overlay

    def show(self, overlay: Overlay | None) -> None:
        """Take a map and its style."""
        self._overlay = overlay
        if overlay is None:
            self._map, self._scale, self._words = None, None, None
            self._picture = QImage()
            self._lines, self._drawn, self._drawn_for = NONE, QImage(), None
            return
        self._lines = lines_of(overlay)
        if overlay.style.kind != "wash":
            self._words, self._picture = None, QImage()
            return
        self._drawn, self._drawn_for = QImage(), None
        name = colours.suited(overlay.style.colours, overlay.signed)
        lookup = colours.premultiplied(name, overlay.signed, overlay.style.threshold)
        scale = (*overlay.range, len(lookup))
        if self._map is not overlay.map or self._scale != scale:
            self._steps = to_steps(overlay.map.values, *scale)
            self._map, self._scale = overlay.map, scale
        self._words = lookup[self._steps]
        rows, cols = self._words.shape
        self._picture = QImage(
            self._words.data, cols, rows, 4 * cols, QImage.Format.Format_ARGB32_Premultiplied
        )

    def paint(self, painter: QPainter, viewport: Viewport) -> None:
        """Paint the map, always smooth: its pixels are finer than what it knows."""
        if self._overlay is None:
            return
        painter.save()
        painter.setOpacity(self._overlay.style.opacity)
        if self._lines.lines:
            self._paint_lines(painter, viewport)
        elif not self._picture.isNull():
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.setTransform(viewport.transform(), True)
            painter.drawImage(0, 0, self._picture)
        painter.restore()

    def _paint_lines(self, painter: QPainter, viewport: Viewport) -> None:
        assert self._overlay is not None
        # A line is thinner than a wash: at the wash's opacity it would hardly be seen.
        painter.setOpacity(min(1.0, 0.4 + self._overlay.style.opacity))
        if not isinstance(painter.device(), QWidget):  # a picture to take away: drawn once, crisp
            self._stroke(painter, viewport)
            return
        ratio = device_ratio(painter)
        key = (self._lines, self._overlay.style.colours, self._overlay.signed, viewport, ratio)
        if key != self._drawn_for:
            size = QSize(round(viewport.width * ratio), round(viewport.height * ratio))
            if self._drawn.size() != size:
                self._drawn = QImage(size, QImage.Format.Format_ARGB32_Premultiplied)
            self._drawn.setDevicePixelRatio(ratio)
            self._drawn.fill(Qt.GlobalColor.transparent)
            inner = QPainter(self._drawn)
            self._stroke(inner, viewport)
            inner.end()
            self._drawn_for = key
        painter.drawImage(QPoint(0, 0), self._drawn)

    def _stroke(self, painter: QPainter, viewport: Viewport) -> None:
        assert self._overlay is not None
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ratio = device_ratio(painter)
        painter.setTransform(viewport.transform(), True)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for shadow in (True, False):
            for line in self._lines.lines:
                colour = HALO if shadow else colour_of(self._overlay, line)
                pen = QPen(colour, (HALO_WIDTH if shadow else LINE_WIDTH) * ratio)
                pen.setCosmetic(True)
                pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
                dashes = line.dashed and not shadow
                pen.setCapStyle(Qt.PenCapStyle.FlatCap if dashes else Qt.PenCapStyle.SquareCap)
                if dashes:
                    pen.setDashPattern([4, 3])
                painter.setPen(pen)
                if dashes and not line.path.isEmpty():
                    painter.drawPath(line.path)
                else:
                    painter.drawLines(list(line.sides))


def to_steps(values: NDArray[np.float32], low: float, high: float, steps: int) -> NDArray[np.uint8]:
    """Return the nearest step (0 to steps - 1) of each value on the scale low to high.

    Values beyond the scale take its ends; not-a-number takes the step nearest to zero.
    """
    scaled = np.subtract(values, np.float32(low))
    scaled *= np.float32((steps - 1) / (high - low))
    scaled += np.float32(0.5)
    np.clip(scaled, 0, steps - 1, out=scaled)
    if np.isnan(scaled).any():
        zero = min(max((0.0 - low) / (high - low), 0.0), 1.0) * (steps - 1)
        scaled[np.isnan(scaled)] = zero
    return scaled.astype(np.uint8)
