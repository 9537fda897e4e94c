"""What every layer of a view has in common: it paints itself under a viewport."""

from __future__ import annotations

from math import sqrt
from typing import Protocol

from PySide6.QtGui import QPainter

from viewer.canvas.viewport import Viewport


class Layer(Protocol):
    """Something painted over what lies beneath; painters come clipped to what must be redrawn."""

    def paint(self, painter: QPainter, viewport: Viewport) -> None:
        """Paint in logical widget coordinates."""


def device_ratio(painter: QPainter) -> float:
    """Return the device pixels to a logical one, also where a widget is rendered elsewhere."""
    # By areas: under a quarter turn, m11 is zero.
    device, world = painter.deviceTransform(), painter.worldTransform()
    return sqrt(abs(device.determinant() / world.determinant()))


def is_crisp(viewport: Viewport, device_pixel_ratio: float) -> bool:
    """Whether single pixels are shown as they are, rather than interpolated.

    At 1:1 every image pixel has its own screen pixel, and interpolation could only blur; from
    ``CRISP_SCALE`` on, the reader is looking at pixels.
    """
    exact = abs(viewport.scale * device_pixel_ratio - 1) < 1e-6 and abs(viewport.aspect - 1) < 1e-6
    return exact or min(viewport.scale, viewport.row_scale) >= CRISP_SCALE


#: Logical pixels an image pixel spans when it is first shown as a square of its own.
CRISP_SCALE = 12.0
