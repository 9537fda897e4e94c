"""Where a measurement lies on the canvas: outline, handles, what a press takes hold of."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF

if TYPE_CHECKING:
    from engine.measure.geometry import Point
    from engine.measure.measurement import Measurement
    from viewer.canvas.viewport import Viewport

#: Logical pixels from a handle or a line at which a press still takes hold of it.
REACH = 7.0
#: Straight pieces that an ellipse is drawn and touched as.
PIECES = 72


def outline(item: Measurement, viewport: Viewport) -> list[QPointF]:
    """Return the line to draw, logical pixels; closed shapes come back to their first point."""
    if item.kind == "ellipse":
        (r0, c0), (r1, c1) = item.points
        points: list[Point] = [
            (
                (r0 + r1) / 2 + (r1 - r0) / 2 * math.sin(2 * math.pi * i / PIECES),
                (c0 + c1) / 2 + (c1 - c0) / 2 * math.cos(2 * math.pi * i / PIECES),
            )
            for i in range(PIECES + 1)
        ]
    elif item.kind == "cover":
        (r0, c0), (r1, c1) = item.points
        points = [(r0, c0), (r0, c1), (r1, c1), (r1, c0), (r0, c0)]
    elif item.kind == "polygon":
        points = [*item.points, item.points[0]]
    else:
        points = list(item.points)
    return [viewport.to_widget(*point) for point in points]


def handles(item: Measurement, viewport: Viewport) -> list[QPointF]:
    """Return the points that can be dragged one by one, in the order of ``item.points``."""
    return [viewport.to_widget(*point) for point in item.points]


def box(item: Measurement, viewport: Viewport) -> QRectF:
    """Return the smallest rectangle around the outline."""
    line = outline(item, viewport)
    xs, ys = [p.x() for p in line], [p.y() for p in line]
    return QRectF(QPointF(min(xs), min(ys)), QPointF(max(xs), max(ys)))


def handle_at(item: Measurement, viewport: Viewport, at: QPointF) -> int | None:
    """Return the handle within reach, the nearest first."""
    near = [(_distance(at, p), i) for i, p in enumerate(handles(item, viewport))]
    distance, index = min(near)
    return index if distance <= REACH else None


def touches(item: Measurement, viewport: Viewport, at: QPointF) -> bool:
    """Whether a canvas position is within reach of the outline, or inside a cover."""
    if item.kind == "cover" and box(item, viewport).contains(at):
        return True
    line = outline(item, viewport)
    return any(_to_piece(at, a, b) <= REACH for a, b in pairwise(line))


def _distance(a: QPointF, b: QPointF) -> float:
    return math.hypot(a.x() - b.x(), a.y() - b.y())


def _to_piece(at: QPointF, a: QPointF, b: QPointF) -> float:
    along = b - a
    square = along.x() ** 2 + along.y() ** 2
    share = 0.0 if square == 0 else QPointF.dotProduct(at - a, along) / square
    return _distance(at, a + along * min(max(share, 0.0), 1.0))
