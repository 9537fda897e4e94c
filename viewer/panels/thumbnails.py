"""The thumbnails of the case list: loaded off the GUI thread, and cut to one shape."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPixmap

from engine.images.case import Series
from viewer.jobs import Jobs

THUMBNAIL = QSize(52, 40)
_KEPT = 1024


class Thumbnails(QObject):
    """Loads thumbnails off the GUI thread, the ones asked for last first."""

    ready = Signal(object)  # Series

    def __init__(self, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._pictures: OrderedDict[Series, QPixmap | None] = OrderedDict()
        self._asked = 0

    def get(self, series: Series, scale: float) -> QPixmap | None:
        """Return the picture if it is there, else have it loaded."""
        if series in self._pictures:
            self._pictures.move_to_end(series)
            return self._pictures[series]
        self._pictures[series] = None
        while len(self._pictures) > _KEPT:
            self._pictures.popitem(last=False)
        self._asked += 1
        side = round(2 * THUMBNAIL.width() * max(scale, 1.0))  # wide images are cut at the sides
        self._jobs.start(
            "Thumbnail",
            lambda _: series.thumbnail(side),
            lambda pixels: self._loaded(series, pixels, scale),
            lane="thumbnails",
            failed=lambda _: None,
            shown=False,
            priority=self._asked,
        )
        return None

    def _loaded(self, series: Series, pixels: NDArray[np.uint8], scale: float) -> None:
        self._pictures[series] = _covering(pixels, scale)
        self.ready.emit(series)


def _covering(pixels: NDArray[np.uint8], scale: float) -> QPixmap:
    """Return the picture cut to the thumbnail's shape, filling it."""
    pixels = np.ascontiguousarray(pixels)
    colour = pixels.ndim == 3
    kind = QImage.Format.Format_RGB888 if colour else QImage.Format.Format_Grayscale8
    image = QImage(pixels.data, pixels.shape[1], pixels.shape[0], pixels.strides[0], kind).copy()
    size = THUMBNAIL * scale
    grown = image.scaled(
        size,
        Qt.AspectRatioMode.KeepAspectRatioByExpanding,
        Qt.TransformationMode.SmoothTransformation,
    )
    cut = grown.copy(
        (grown.width() - size.width()) // 2,
        (grown.height() - size.height()) // 2,
        size.width(),
        size.height(),
    )
    picture = QPixmap.fromImage(cut)
    picture.setDevicePixelRatio(scale)
    return picture
