"""What a view says while it cannot show what it should: wait, why not, what to do."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from viewer import theme
from viewer.widgets.bar import paint_bar

_GROUND = QColor(0, 0, 0, 190)
_INK = "#E6EAF0"  # over an image, whatever the theme


class _Bar(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(16)
        self.setMinimumWidth(80)
        self.setMaximumWidth(160)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.fraction = 0.0

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        area = QRectF(self.rect())
        paint_bar(painter, area, self.fraction, theme.current().colour("accent"))


class Veil(QWidget):
    """In the middle of an empty view, at the foot of one that shows an image already."""

    def __init__(self, surface: QWidget) -> None:
        super().__init__(surface)
        self._act: Callable[[], object] = lambda: None
        self._low = False
        self._text = QLabel()
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setWordWrap(True)
        self._text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._text.setFont(theme.font(12))
        self._text.setStyleSheet(f"color: {_INK}")
        self._text.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._bar = _Bar()
        self._button = QPushButton()
        self._button.setObjectName("viewVeilButton")
        self._button.clicked.connect(lambda: self._act())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 6, 12, 8)
        layout.setSpacing(4)
        layout.addWidget(self._text)
        for part in (self._bar, self._button):
            row = QHBoxLayout()
            row.addStretch(1)
            row.addWidget(part)
            row.addStretch(1)
            layout.addLayout(row)
        self._said: tuple[object, ...] = ()
        surface.installEventFilter(self)
        self.hide()

    @property
    def text(self) -> str:
        """What is said, "" while nothing is."""
        return "" if self.isHidden() else self._text.text()

    @property
    def button(self) -> QPushButton:
        """What can be done about it; hidden where nothing can."""
        return self._button

    def say(
        self,
        text: str,
        *,
        low: bool,
        fraction: float | None = None,
        button: str = "",
        act: Callable[[], object] = lambda: None,
    ) -> None:
        """Say something, with a bar and a button where given; ``low``: leave the middle free."""
        self._act = act
        said = (text, low, fraction, button)
        if said == self._said and not self.isHidden():
            return
        self._said, self._low = said, low
        self._text.setText(text)
        self._text.setVisible(bool(text))
        self._bar.setVisible(fraction is not None)
        self._bar.fraction = fraction or 0.0
        self._bar.update()
        self._button.setText(button)
        self._button.setVisible(bool(button))
        self._place()
        self.show()

    def clear(self) -> None:
        """Say nothing."""
        if not self.isHidden():
            self._said = ()
            self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay in place when the view changes its size."""
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint a ground that the image shines through a little."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_GROUND)
        painter.drawRoundedRect(QRectF(self.rect()), 6, 6)

    def _place(self) -> None:
        surface = self.parentWidget()
        if surface is None:
            return
        width = min(max(surface.width() - 24, 60), 320)
        self.setFixedWidth(width)
        layout = self.layout()
        assert layout is not None
        layout.invalidate()
        height = layout.heightForWidth(width) if layout.hasHeightForWidth() else -1
        height = max(height, layout.minimumSize().height(), 24)
        self.setFixedHeight(min(height, surface.height()))
        left = (surface.width() - width) // 2
        middle = (surface.height() - self.height()) // 2
        # The scale bar and the values under the cursor are at the foot.
        foot = surface.height() - self.height() - 44
        self.move(left, max(foot, 0) if self._low else max(middle, 0))
