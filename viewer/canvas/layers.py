"""What is painted on a view, from below upwards: image, map, masks, lines and texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QPainter

from engine.images.orientation import edge_labels
from viewer.canvas import axis_line, corner_texts
from viewer.canvas.annotations import Annotations
from viewer.canvas.colour_bar import ColourBar
from viewer.canvas.image_layer import ImageLayer
from viewer.canvas.mask_layer import MaskLayer
from viewer.canvas.overlay_layer import OverlayLayer

if TYPE_CHECKING:
    from viewer.canvas.view import ImageView


class Layers:
    """One view's layers, taken from what it shows. mirror_axis: a column that is marked."""

    def __init__(self, view: ImageView) -> None:
        self._view = view
        self.image = ImageLayer()
        self.overlay = OverlayLayer()
        self.masks = MaskLayer()
        self.annotations = Annotations()
        self.colour_bar = ColourBar()
        self.mirror_axis: float | None = None
        self._pixels_stale = False

    def show_pixels(self) -> None:
        """Take the view's frame and window."""
        # Windowed when painted: the mouse may report a drag many times a frame.
        self._pixels_stale = True
        self._view.surface.update()
        self.show_edges()

    def show_edges(self) -> None:
        """Take the letters of the patient's directions."""
        image, turn = self._view.image, self._view.turn
        if image is not None:
            self.annotations.edges = turn.edges(edge_labels(image, self._view.frame))

    def show_overlay(self) -> None:
        """Take the map that fits the frame shown."""
        overlay = self._view.visible_overlay
        self.overlay.show(overlay)
        self.colour_bar.show(overlay)
        self.masks.filled = overlay is None
        self.annotations.right_inset = self.colour_bar.inset
        self._view.surface.update()

    def paint(self, painter: QPainter) -> None:
        """Paint all layers, clipped to what must be painted again."""
        view = self._view
        if view.image is None:
            return
        if self._pixels_stale:
            self._pixels_stale = False
            self.image.show(view.image, view.frame, view.grey_window, view.inverted)
        viewport = view.viewport
        self.image.paint(painter, viewport)
        self.overlay.paint(painter, viewport)
        self.masks.paint(painter, viewport)
        if self.mirror_axis is not None:
            axis_line.paint(painter, viewport, self.mirror_axis, view.image.shape[0])
        for decoration in view.decorations:
            decoration(painter, view)
        view.tool.paint(painter, view)
        view.pointing.paint(painter)
        zoom = viewport.scale * view.surface.devicePixelRatioF()
        shown = corner_texts.shown(
            view.image, view.frame, view.grey_window, view.inverted, zoom, view.turn
        )
        self.annotations.top_left = [*shown, *self.colour_bar.legend]
        self.write_reading()
        corner = self.annotations.top_boxes(viewport)
        self.annotations.numbers = [b for b, _ in self.colour_bar.numbers(viewport, corner)]
        self.annotations.paint(painter, viewport)
        self.colour_bar.paint(painter, viewport, corner)

    def write_reading(self) -> None:
        """Write what lies under the cursor into its corner."""
        lines = corner_texts.read(self._view.pointing.reading)
        if lines != self.annotations.bottom_right:
            viewport = self._view.viewport
            box = self.annotations.bottom_right_box(viewport)
            box |= self.annotations.bottom_right_box(viewport, 1)
            self._view.surface.refresh(box)
            self.annotations.bottom_right = lines
