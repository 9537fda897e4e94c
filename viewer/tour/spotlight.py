"""The window dimmed but for one widget, and a card beside it that says what it is."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from viewer import theme
from viewer.widgets.section import label
from viewer.widgets.wrapped import Wrapped

_CARD_WIDTH = 340
_GAP = 12
_DIM = 150  # of 255


class Card(QFrame):
    """Title, text, where one is, and the ways on."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("tourCard")
        self.setFixedWidth(_CARD_WIDTH)
        self.title = Wrapped("", "title")
        self.text = Wrapped("")
        self.place = label("", "secondary")
        self.skip = QPushButton("Skip the tour")
        self.skip.setProperty("role", "link")
        self.back = QPushButton("Back")
        self.on = QPushButton("Next")
        self.on.setProperty("role", "primary")
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.place)
        foot.addStretch(1)
        for button in (self.skip, self.back, self.on):
            foot.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 16, 12)
        layout.setSpacing(8)
        layout.addWidget(self.title)
        layout.addWidget(self.text)
        layout.addSpacing(4)
        layout.addLayout(foot)


class Spotlight(QWidget):
    """Covers the window. ``stepped``: by one forward or back. ``left``: the reader has had enough.

    Return presses the card's button, Escape leaves; the mouse reaches the card alone.
    """

    stepped = Signal(int)
    left = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._target: QWidget | None = None
        self._hole = QRect()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Tour")
        self.card = Card(self)
        self.card.on.clicked.connect(lambda: self.stepped.emit(1))
        self.card.back.clicked.connect(lambda: self.stepped.emit(-1))
        self.card.skip.clicked.connect(self.left)
        window.installEventFilter(self)
        self.resize(window.size())

    def point_at(self, target: QWidget, title: str, text: str, number: int, count: int) -> None:
        """Show one stop."""
        if self._target is not None:
            self._target.removeEventFilter(self)
        self._target = target
        target.installEventFilter(self)
        card = self.card
        card.title.setText(title)
        card.text.setText(text)
        card.place.setText(f"{number} of {count}")
        card.back.setVisible(number > 1)
        card.skip.setVisible(number < count)
        card.on.setText("Next" if number < count else "Done")
        card.setAccessibleName(f"Tour, {number} of {count}: {title}")
        card.setAccessibleDescription(text)
        self._place()
        card.on.setFocus(Qt.FocusReason.OtherFocusReason)
        self.update()

    def end(self) -> None:
        """Uncover the window."""
        if self._target is not None:
            self._target.removeEventFilter(self)
        self._target = None
        self.hide()
        self.deleteLater()

    @property
    def hole(self) -> QRect:
        """What is left uncovered, in the window."""
        return self._hole

    def _place(self) -> None:
        window = self._window
        self.resize(window.size())
        target = self._target
        if target is None:
            return
        area = QRect(target.mapTo(window, QPoint(0, 0)), target.size())
        self._hole = area.adjusted(-3, -3, 3, 3) & self.rect().adjusted(3, 3, -3, -3)
        card = self.card
        card.adjustSize()
        card.move(self._beside(self._hole, card.width(), card.height()))

    def _beside(self, hole: QRect, width: int, height: int) -> QPoint:
        """Return where the card goes: beside, below, above, or inside what fills the window."""
        room = self.rect().adjusted(_GAP, _GAP, -_GAP, -_GAP)
        top = min(max(hole.top(), room.top()), room.bottom() - height)
        left = min(max(hole.left(), room.left()), room.right() - width)
        if hole.right() + _GAP + width <= room.right():
            return QPoint(hole.right() + _GAP, top)
        if hole.left() - _GAP - width >= room.left():
            return QPoint(hole.left() - _GAP - width, top)
        if hole.bottom() + _GAP + height <= room.bottom():
            return QPoint(left, hole.bottom() + _GAP)
        if hole.top() - _GAP - height >= room.top():
            return QPoint(left, hole.top() - _GAP - height)
        return QPoint(hole.right() - width - 2 * _GAP, hole.bottom() - height - 2 * _GAP)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Dim all but the hole, and outline it."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        dark = QPainterPath()
        dark.addRect(QRectF(self.rect()))
        light = QPainterPath()
        light.addRoundedRect(QRectF(self._hole), 6, 6)
        dim = QColor("#000000")
        dim.setAlpha(_DIM)
        painter.fillPath(dark - light, dim)
        painter.setPen(QPen(theme.current().colour("accent"), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(self._hole), 6, 6)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go on or leave."""
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            focused = self.focusWidget()
            (focused if isinstance(focused, QPushButton) else self.card.on).click()
        event.accept()  # nothing reaches the window behind

    def event(self, event: QEvent) -> bool:
        """Keep the window's shortcuts out of the tour."""
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Keep Tab among the card's buttons."""
        buttons = [b for b in (self.card.skip, self.card.back, self.card.on) if b.isVisible()]
        if self._target is None or not buttons:  # it is going: Qt hands the focus on
            return super().focusNextPrevChild(forward)
        focused = [number for number, button in enumerate(buttons) if button.hasFocus()]
        at = focused[0] if focused else -1
        buttons[(at + (1 if forward else -1)) % len(buttons)].setFocus(
            Qt.FocusReason.TabFocusReason
        )
        return True

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the window and the widget pointed at."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.Show):
            self._place()
            self.update()
        return super().eventFilter(watched, event)
