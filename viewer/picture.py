"""A picture of a view for taking away: image, map with its colour bar, masks, scale bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QImage, QPainter

from engine.images.image import Image
from engine.masks.shapes import Box
from viewer.canvas.overlay import Overlay
from viewer.canvas.view import ImageView

_SCALE = 2  # device pixels a logical one: text and lines come out fine
_SMALLEST, _LARGEST = 1200, 3200  # px of the longer side


def draw(source: ImageView, overlay: Overlay | None, covers: Sequence[Box] = ()) -> QImage:
    """Draw a view's frame as a whole, in its window, with its masks and the given overlay.

    covers: boxes of the image that are blackened. Raises ``ValueError`` for a view without an
    image.
    """
    image = source.image
    if image is None:
        raise ValueError("the view shows no image")
    view = ImageView()
    try:
        view.set_image(_covered(image, covers), source.frame)
        if source.grey_window is not None:
            view.set_window(source.grey_window)
        view.set_inverted(source.inverted)
        view.set_document(source.document)
        view.show_masks_of(source)
        view.set_overlay(overlay)
        rows, cols = image.shape
        height = rows * view.viewport.aspect
        longer = min(max(_SMALLEST, cols, height), _LARGEST) / _SCALE
        ratio = longer / max(cols, height)
        area = QRect(0, 0, max(round(cols * ratio), 1), max(round(height * ratio), 1))
        picture = QImage(area.size() * _SCALE, QImage.Format.Format_RGB32)
        picture.setDevicePixelRatio(_SCALE)
        picture.fill(Qt.GlobalColor.black)
        view.surface_resized(area.width(), area.height())
        view.fit()
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(area)  # by which outlines and the colour bar tell that they are seen
        view.layers.paint(painter)
        for box in covers:  # over maps and outlines too
            painter.fillRect(view.viewport.to_widget_rect(*box), Qt.GlobalColor.black)
        painter.end()
        return picture
    finally:
        view.set_document(None)
        view.deleteLater()


def _covered(image: Image, covers: Sequence[Box]) -> Image:
    """Blacken the pixels as well: drawn smoothly, they would show beyond the boxes' edges."""
    if not covers:
        return image
    from engine.measure.covers import black_out

    pixels = image.pixels
    dark = 0 if image.is_colour else pixels.max() if image.display.inverted else pixels.min()
    return replace(image, pixels=black_out(pixels, covers, dark))
