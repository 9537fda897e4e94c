"""The image itself, windowed to grey."""

from __future__ import annotations

import weakref
from collections import deque

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QTransform

from engine.images.image import Image, Window
from engine.images.windowing import to_grey8
from viewer.canvas.layer import device_ratio, is_crisp
from viewer.canvas.viewport import Viewport

#: Logical pixels an image pixel spans when thin lines between pixels help to count them.
GRID_SCALE = 28.0
GRID_COLOUR = QColor(255, 255, 255, 28)


#: Windowed frames kept at hand; linked views ask for the same one, one after the other.
SHARED = 2


class Picture:
    """One frame of an image as 8-bit grey (or its RGB), and the same shrunk; for any views."""

    def __init__(self, image: Image, frame: int, window: Window | None, inverted: bool) -> None:
        self.made_of = (weakref.ref(image), frame, window, inverted)
        if image.is_colour:
            pixels = np.ascontiguousarray(image.frame(frame), np.uint8)
            if inverted:
                pixels = 255 - pixels
            form, stride = QImage.Format.Format_RGB888, 3 * image.shape[1]
        else:
            assert window is not None
            pixels = np.ascontiguousarray(to_grey8(image.frame(frame), window, inverted=inverted))
            form, stride = QImage.Format.Format_Grayscale8, image.shape[1]
        rows, cols = image.shape
        # Painting converts other formats each time it is asked to; once is enough.
        self.full = QImage(pixels.data, cols, rows, stride, form).convertToFormat(
            QImage.Format.Format_RGB32
        )
        self._smaller: dict[int, QImage] = {}

    def level(self, scale: float) -> QImage:
        """Return the frame shrunk by the power of two that leaves less than a halving to paint.

        Bilinear painting looks at four neighbours; from a half downwards it would skip pixels,
        and fine lines would flicker while zooming.
        """
        level = 0
        while scale < 0.5 and level < 8:
            scale, level = scale * 2, level + 1
        if level == 0:
            return self.full
        if level not in self._smaller:
            self._smaller[level] = self.full.scaled(
                max(self.full.width() >> level, 1),
                max(self.full.height() >> level, 1),
                Qt.AspectRatioMode.IgnoreAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
        return self._smaller[level]


_shared: deque[Picture] = deque(maxlen=SHARED)


def picture_of(image: Image, frame: int, window: Window | None, inverted: bool) -> Picture:
    """Return a frame as it is painted; nine linked views of one image window it once."""
    for picture in _shared:
        made_of, *how = picture.made_of
        if made_of() is image and how == [frame, window, inverted]:
            return picture
    picture = Picture(image, frame, window, inverted)
    _shared.append(picture)
    return picture


class ImageLayer:
    """One frame of an image, interpolated as the zoom asks for."""

    def __init__(self) -> None:
        self._shown: Picture | None = None

    def show(self, image: Image | None, frame: int, window: Window | None, inverted: bool) -> None:
        """Take a frame, windowed; RGB frames are shown as they are (inverted where asked)."""
        self._shown = None if image is None else picture_of(image, frame, window, inverted)

    def paint(self, painter: QPainter, viewport: Viewport) -> None:
        """Paint the frame."""
        if self._shown is None:
            return
        full = self._shown.full
        ratio = device_ratio(painter)
        painter.save()
        painter.setRenderHint(
            QPainter.RenderHint.SmoothPixmapTransform, not is_crisp(viewport, ratio)
        )
        picture = self._shown.level(min(viewport.scale, viewport.row_scale) * ratio)
        transform = viewport.transform()
        if picture is not full:
            transform = (
                QTransform.fromScale(
                    full.width() / picture.width(),
                    full.height() / picture.height(),
                )
                * transform
            )
        painter.setTransform(transform, True)
        painter.drawImage(0, 0, picture)
        painter.restore()
        if min(viewport.scale, viewport.row_scale) >= GRID_SCALE:
            self._paint_grid(painter, viewport, full)

    def _paint_grid(self, painter: QPainter, viewport: Viewport, full: QImage) -> None:
        rows, cols = full.height(), full.width()
        seen = viewport.visible()
        left, right = max(int(seen.left()), 0), min(int(seen.right()) + 1, cols)
        top, bottom = max(int(seen.top()), 0), min(int(seen.bottom()) + 1, rows)
        painter.save()
        painter.setPen(QPen(GRID_COLOUR, 0))
        ends = [(top - 0.5, col - 0.5, bottom - 0.5, col - 0.5) for col in range(left, right + 1)]
        ends += [(row - 0.5, left - 0.5, row - 0.5, right - 0.5) for row in range(top, bottom + 1)]
        for row0, col0, row1, col1 in ends:
            start, stop = viewport.to_widget(row0, col0), viewport.to_widget(row1, col1)
            painter.drawLine(int(start.x()), int(start.y()), int(stop.x()), int(stop.y()))
        painter.restore()
