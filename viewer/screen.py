"""How large a pixel of the screen is: measured by the reader, screen by screen."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QScreen
from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from viewer import theme
from viewer.dialogs import accept_or_cancel
from viewer.settings import Settings
from viewer.widgets.section import label

#: ISO/IEC 7810 ID-1: bank cards, driving licences, identity cards, mm.
CARD = (85.60, 53.98)
RULER = 100.0
#: What a screen may claim, pixels an inch, before its claim is not believed.
BELIEVABLE_DPI = (50.0, 600.0)
INCH = 25.4


@dataclass(frozen=True)
class PixelSize:
    """mm: the side of a logical pixel. calibrated: by the reader, not by the screen's word."""

    mm: float
    calibrated: bool


def _key(screen: QScreen) -> str:
    """Name a screen in the settings: by make, number and resolution, not where it is plugged in."""
    parts = (
        screen.manufacturer(),
        screen.model(),
        screen.serialNumber(),
        screen.name() if not screen.serialNumber() else "",
        f"{screen.size().width()}x{screen.size().height()}@{screen.devicePixelRatio():g}",
    )
    return "screen/" + blake2b("|".join(parts).encode(), digest_size=8).hexdigest()


def pixel_size(settings: Settings, screen: QScreen) -> PixelSize:
    """Return a screen's pixel size: calibrated, else what the screen says of itself.

    A screen that says nothing to be believed is taken to have 96 pixels an inch.
    """
    mm = settings.number(_key(screen), 0.0)
    if 0.01 < mm < 2.0:
        return PixelSize(mm, True)
    dpi = screen.physicalDotsPerInch()
    low, high = BELIEVABLE_DPI
    return PixelSize(INCH / (dpi if low <= dpi <= high else 96.0), False)


def calibrate(settings: Settings, screen: QScreen, mm: float) -> None:
    """Remember the side of a screen's logical pixel, mm."""
    settings.set(_key(screen), mm)


class Gauge(QWidget):
    """A card or a bar, to be dragged until it is as large as the real thing held against it."""

    changed = Signal(float)

    def __init__(self, mm_per_pixel: float, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.card = True
        self.pixels = CARD[0] / mm_per_pixel  # the width drawn, logical pixels
        self._grip: float | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.SizeHorCursor)
        self.setAccessibleName("Gauge: arrow keys make it larger and smaller")
        self.setMinimumHeight(300)

    @property
    def length(self) -> float:
        """The real thing's width, mm."""
        return CARD[0] if self.card else RULER

    @property
    def mm_per_pixel(self) -> float:
        """What the width drawn amounts to."""
        return self.length / self.pixels

    def show_card(self, card: bool) -> None:
        """Draw a card, or a bar of 100 mm; the pixel size found so far stays."""
        if card != self.card:
            size = self.mm_per_pixel
            self.card = card
            self.set_pixels(self.length / size)

    def set_pixels(self, pixels: float) -> None:
        """Draw it so wide."""
        self.pixels = min(max(pixels, 80.0), 4000.0)
        self.updateGeometry()
        self.update()
        self.changed.emit(self.mm_per_pixel)

    def sizeHint(self) -> QSize:
        """Ask for room for a card on most screens."""
        return QSize(640, 300)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold."""
        self._grip = self.pixels - 2 * abs(event.position().x() - self.width() / 2)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Both ends follow the mouse."""
        if self._grip is not None:
            self.set_pixels(2 * abs(event.position().x() - self.width() / 2) + self._grip)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._grip = None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Make it a pixel larger or smaller, ten with Shift."""
        step = 10.0 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1.0
        if event.key() in (Qt.Key.Key_Right, Qt.Key.Key_Up):
            self.set_pixels(self.pixels + step)
        elif event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Down):
            self.set_pixels(self.pixels - step)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the outline, with handles at its ends."""
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        height = self.pixels * CARD[1] / CARD[0] if self.card else 40.0
        area = QRectF(0, 0, self.pixels, height)
        area.moveCenter(QPointF(self.width() / 2, self.height() / 2))
        painter.setPen(QPen(tokens.colour("accent"), 1.4))
        painter.setBrush(tokens.colour("raised"))
        radius = self.pixels * 3.18 / CARD[0] if self.card else 0.0  # ID-1's corner
        painter.drawRoundedRect(area, radius, radius)
        painter.setBrush(QColor(tokens.accent))
        for x in (area.left(), area.right()):
            painter.drawEllipse(QPointF(x, area.center().y()), 5, 5)
        painter.setPen(tokens.colour("text"))
        painter.setFont(theme.font(13))
        text = "bank card, 85.6 mm wide" if self.card else "100 mm"
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, text)


class CalibrationDialog(QDialog):
    """Hold a card or a ruler against the screen and drag the drawing to match it."""

    def __init__(self, settings: Settings, screen: QScreen, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Calibrate this screen")
        self._settings, self._screen = settings, screen
        now = pixel_size(settings, screen)
        says = label(
            "Hold a bank card (any card of that size will do) or a ruler flat against the screen. "
            "Drag either end, or use the arrow keys, until the drawing is exactly as wide. "
            "This is remembered for this screen."
        )
        says.setWordWrap(True)
        self.gauge = Gauge(now.mm)
        card, ruler = QRadioButton("Bank card"), QRadioButton("Ruler, 100 mm")
        card.setChecked(True)
        group = QButtonGroup(self)
        group.addButton(card)
        group.addButton(ruler)
        card.toggled.connect(self.gauge.show_card)
        self._says = label("", "secondary")
        self.gauge.changed.connect(self._follow)
        ways = QHBoxLayout()
        ways.addWidget(card)
        ways.addWidget(ruler)
        ways.addStretch(1)
        ways.addWidget(self._says)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 12)
        layout.setSpacing(12)
        layout.addWidget(says)
        layout.addWidget(self.gauge, 1)
        layout.addLayout(ways)
        layout.addWidget(accept_or_cancel(self, QDialogButtonBox.StandardButton.Save))
        self.resize(720, 500)
        self._follow(self.gauge.mm_per_pixel)
        self.gauge.setFocus()

    def accept(self) -> None:
        """Remember it."""
        calibrate(self._settings, self._screen, self.gauge.mm_per_pixel)
        super().accept()

    def _follow(self, mm: float) -> None:
        ratio = self._screen.devicePixelRatio()
        self._says.setText(f"{INCH / mm * ratio:.1f} pixels an inch")
