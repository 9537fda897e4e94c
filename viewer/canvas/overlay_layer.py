"""The saliency map over the image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage, QPainter

from engine.saliency.map import SaliencyMap
from viewer.canvas import colours
from viewer.canvas.overlay import Overlay
from viewer.canvas.viewport import Viewport


class OverlayLayer:
    """A map as colours, low end transparent; the opacity is applied while painting.

    Colours are looked up again only when the map, the scale, the table or the threshold changes,
    so that the opacity slider costs a repaint and no more.
    """

    def __init__(self) -> None:
        self._overlay: Overlay | None = None
        self._map: SaliencyMap | None = None
        self._scale: tuple[float, float, int] | None = None
        self._steps = np.empty((0, 0), np.uint8)
        self._words: NDArray[np.uint32] | None = None
        self._picture = QImage()

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
            return
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
        if self._overlay is None or self._picture.isNull():
            return
        painter.save()
        painter.setOpacity(self._overlay.style.opacity)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setTransform(viewport.transform(), True)
        painter.drawImage(0, 0, self._picture)
        painter.restore()


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
