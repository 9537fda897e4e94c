"""Pixels that a tool would change, tinted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage, QPainter

from engine.masks.shapes import Box

if TYPE_CHECKING:
    from viewer.canvas.view import ImageView

PAINTS = np.uint32(0x78784A00)  # premultiplied ARGB: amber, about half opaque
ERASES = np.uint32(0x7878341E)


def paint(
    painter: QPainter, view: ImageView, box: Box, cover: NDArray[np.bool_], *, erases: bool
) -> None:
    """Tint the pixels of a box (``cover``: bool, of its shape) on what the view shows."""
    words = np.ascontiguousarray(cover * (ERASES if erases else PAINTS), dtype=np.uint32)
    rows, cols = words.shape
    picture = QImage(words.data, cols, rows, 4 * cols, QImage.Format.Format_ARGB32_Premultiplied)
    painter.save()
    painter.setTransform(view.viewport.transform(), True)
    painter.drawImage(box.left, box.top, picture)
    painter.restore()
