"""Which part of an image is on screen: the one mapping between pixels and the widget."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QTransform

from viewer.canvas.turn import PLAIN, Turn

#: Logical pixels that one image column may span; beyond, positions lose meaning in 32-bit paint.
SMALLEST_SCALE = 0.005
LARGEST_SCALE = 256.0


@dataclass(frozen=True)
class Viewport:
    """An image seen through a widget.

    row, col: the image position (0 at the centre of the first pixel) in the widget's middle.
    scale: logical widget pixels that one column spans.
    aspect: distance between rows over distance between columns, so that shapes stay true.
    width, height: the widget, logical pixels.
    turn: how the image is turned and mirrored on the screen.
    """

    row: float = 0.0
    col: float = 0.0
    scale: float = 1.0
    aspect: float = 1.0
    width: float = 1.0
    height: float = 1.0
    turn: Turn = PLAIN

    @property
    def row_scale(self) -> float:
        """Logical widget pixels that one row spans."""
        return self.scale * self.aspect

    def to_widget(self, row: float, col: float) -> QPointF:
        """Return where an image position is drawn."""
        x, y = self.turn.apply((col - self.col) * self.scale, (row - self.row) * self.row_scale)
        return QPointF(x + self.width / 2, y + self.height / 2)

    def to_image(self, x: float, y: float) -> tuple[float, float]:
        """Return the image position (row, col) that is drawn at a widget position."""
        across, down = self.turn.invert(x - self.width / 2, y - self.height / 2)
        return down / self.row_scale + self.row, across / self.scale + self.col

    def transform(self) -> QTransform:
        """Return what takes pixel-edge coordinates (x = col + 0.5, y = row + 0.5) to the widget.

        A QImage of the frame painted at (0, 0) under it lies where the frame lies.
        """
        corner = self.to_widget(-0.5, -0.5)
        a, b, c, d = self.turn.matrix
        return QTransform(
            a * self.scale,
            c * self.scale,
            b * self.row_scale,
            d * self.row_scale,
            corner.x(),
            corner.y(),
        )

    def to_widget_rect(self, top: float, left: float, bottom: float, right: float) -> QRectF:
        """Return the drawn rectangle of pixel edges; (0, 0, rows, cols) is the whole frame."""
        return QRectF(
            self.to_widget(top - 0.5, left - 0.5), self.to_widget(bottom - 0.5, right - 0.5)
        ).normalized()

    def to_image_rect(self, area: QRectF) -> QRectF:
        """Return the pixel-edge rectangle (x = columns, y = rows) drawn at a widget rectangle."""
        (row0, col0), (row1, col1) = (
            self.to_image(area.left(), area.top()),
            self.to_image(area.right(), area.bottom()),
        )
        return QRectF(QPointF(col0 + 0.5, row0 + 0.5), QPointF(col1 + 0.5, row1 + 0.5)).normalized()

    def visible(self) -> QRectF:
        """Return what is visible in pixel-edge coordinates, beyond the image too."""
        return self.to_image_rect(QRectF(0, 0, self.width, self.height))

    def zoomed(self, factor: float, x: float | None = None, y: float | None = None) -> Viewport:
        """Return the view magnified about a widget position that stays in place."""
        x = self.width / 2 if x is None else x
        y = self.height / 2 if y is None else y
        row, col = self.to_image(x, y)
        nearer = self.at_scale(self.scale * factor)
        across, down = self.turn.invert(x - self.width / 2, y - self.height / 2)
        return replace(nearer, row=row - down / nearer.row_scale, col=col - across / nearer.scale)

    def at_scale(self, scale: float) -> Viewport:
        """Return the view with another scale, the middle staying where it is."""
        if not isfinite(scale):
            return self
        return replace(self, scale=min(max(scale, SMALLEST_SCALE), LARGEST_SCALE))

    def panned(self, dx: float, dy: float) -> Viewport:
        """Return the view after dragging the image by widget pixels."""
        across, down = self.turn.invert(dx, dy)
        return replace(
            self, row=self.row - down / self.row_scale, col=self.col - across / self.scale
        )

    def turned(self, turn: Turn) -> Viewport:
        """Return the view with the image turned another way, its middle staying where it is."""
        return replace(self, turn=turn)

    def centred(self, row: float, col: float) -> Viewport:
        """Return the view with another image position in the middle."""
        return replace(self, row=row, col=col)

    def sized(self, width: float, height: float) -> Viewport:
        """Return the view in a widget of another size."""
        return replace(self, width=max(width, 1.0), height=max(height, 1.0))

    def fit_scale(self, shape: tuple[float, float], margin: float = 0.0) -> float:
        """Return the scale at which all of ``shape`` (rows, cols) is just visible."""
        rows, cols = shape
        width = max(self.width - 2 * margin, 1.0)
        height = max(self.height - 2 * margin, 1.0)
        if self.turn.sideways:
            width, height = height, width
        return min(width / cols, height / (rows * self.aspect))

    def fitted(self, shape: tuple[int, int], margin: float = 0.0) -> Viewport:
        """Return the view that shows all of ``shape`` (rows, cols) as large as it goes."""
        rows, cols = shape
        return self.centred((rows - 1) / 2, (cols - 1) / 2).at_scale(self.fit_scale(shape, margin))

    def kept_in_sight(self, shape: tuple[int, int]) -> Viewport:
        """Return the view moved so that its middle lies on the image: it cannot get lost."""
        rows, cols = shape
        return self.centred(
            min(max(self.row, -0.5), rows - 0.5), min(max(self.col, -0.5), cols - 0.5)
        )
