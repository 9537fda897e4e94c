"""Keys drawn as keys, so that a list of them can be read at a glance."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from viewer import theme

_SIZE = 12
_HEIGHT = 20.0
_PAD = 6.0
_GAP = 4.0
_BETWEEN = 10.0


def width(keys: str) -> float:
    """Return how wide keys are painted, in logical pixels. Alternatives are parted by ", "."""
    metrics = QFontMetricsF(theme.font(_SIZE))
    caps = [[_cap(metrics, part) for part in parts(key)] for key in split(keys)]
    return sum(sum(row) + _GAP * (len(row) - 1) for row in caps) + _BETWEEN * max(len(caps) - 1, 0)


def split(keys: str) -> list[str]:
    """Return the alternatives of a text of keys."""
    return [key for key in keys.split(", ") if key]


def parts(key: str) -> list[str]:
    """Return the single keys of a combination; "+" itself is one."""
    if key.endswith("++"):
        return [*key[:-2].split("+"), "+"]
    return [key] if key == "+" else [part.strip() for part in key.split("+")]


def _cap(metrics: QFontMetricsF, text: str) -> float:
    return max(metrics.horizontalAdvance(text) + 2 * _PAD, _HEIGHT)


def paint(painter: QPainter, keys: str, left: float, middle: float) -> None:
    """Paint keys from ``left``, centred on ``middle``."""
    tokens = theme.current()
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setFont(theme.font(_SIZE))
    metrics = QFontMetricsF(theme.font(_SIZE))
    x = left
    for key in split(keys):
        for part in parts(key):
            cap = QRectF(x, middle - _HEIGHT / 2, _cap(metrics, part), _HEIGHT)
            painter.setPen(tokens.colour("line_strong"))
            painter.setBrush(tokens.colour("panel"))
            painter.drawRoundedRect(cap.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
            painter.setPen(tokens.colour("text"))
            painter.drawText(cap, Qt.AlignmentFlag.AlignCenter, part)
            x = cap.right() + _GAP
        x += _BETWEEN - _GAP
    painter.restore()


class Keycaps(QWidget):
    """A row of keys; its accessible name says them."""

    def __init__(self, keys: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.keys = keys
        self.setAccessibleName(keys)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Return the room that the keys need."""
        return QSize(int(width(self.keys)) + 2, int(_HEIGHT) + 2)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the keys."""
        paint(QPainter(self), self.keys, 1.0, self.height() / 2)
