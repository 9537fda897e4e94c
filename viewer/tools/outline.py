"""An outline being drawn on one frame of one document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from engine.masks.document import MaskDocument

if TYPE_CHECKING:
    from viewer.canvas.view import ImageView

HALO = QColor(0, 0, 0, 150)
PAINTS = QColor("#FFFFFF")
ERASES = QColor("#F78C6C")


@dataclass
class Outline:
    """Points (row, col) on a frame of a document.

    end: follows the mouse, and may be None. trail: where the line would run to it, where that is
    not straight. anchors: the points that were clicked, where the line has others between them.
    """

    document: MaskDocument
    frame: int
    points: list[tuple[float, float]] = field(default_factory=list)
    end: tuple[float, float] | None = None
    erase: bool = False
    trail: list[tuple[float, float]] = field(default_factory=list)
    anchors: list[tuple[float, float]] | None = None

    def belongs_to(self, view: ImageView) -> bool:
        """Whether it lies on what a view shows."""
        return view.document is self.document and view.frame == self.frame

    def paint(self, painter: QPainter, view: ImageView, handles: bool) -> None:
        """Paint the line, dashed where it is still to be closed, and its corners."""
        if not self.belongs_to(view) or not self.points:
            return
        place = view.viewport.to_widget
        line = [place(*point) for point in (*self.points, *self.trail)]
        if self.end is not None:
            line.append(place(*self.end))
        colour = ERASES if self.erase else PAINTS
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for paint, width in ((HALO, 3.5), (colour, 1.5)):
            painter.setPen(QPen(paint, width))
            painter.drawPolyline(QPolygonF(line))
            if len(line) > 2:
                painter.setPen(QPen(paint, width, Qt.PenStyle.DotLine))
                painter.drawLine(line[-1], line[0])
        if handles:
            painter.setPen(QPen(HALO, 1.5))
            painter.setBrush(colour)
            corners = self.points if self.anchors is None else self.anchors
            for i, corner in enumerate(corners):
                _square(painter, place(*corner), 4.0 if i == 0 else 2.5)
        painter.restore()


def _square(painter: QPainter, at: QPointF, half: float) -> None:
    painter.drawRect(int(at.x() - half), int(at.y() - half), int(2 * half), int(2 * half))
