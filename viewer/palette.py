"""Any command by a few of its letters: Ctrl+K, type, Return."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPointF,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import (
    QCursor,
    QFont,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QTextCharFormat,
    QTextLayout,
)
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QLabel,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from viewer import icons, theme
from viewer.commands import Command
from viewer.fuzzy import Match, match
from viewer.settings import Settings
from viewer.widgets import keycaps
from viewer.widgets.section import label

Index = QModelIndex | QPersistentModelIndex

_WIDTH = 620
_ROWS = 11
_ROW = 36
_LATEST = 6
_CLOSE = 0.4  # of the best fit: what fits less was not meant
_CANNOT = 6.0  # what cannot be done now makes way for what fits nearly as well
_OWN_WORDS = 8.0
_MEMORY = "palette/latest"
_ENTRY = Qt.ItemDataRole.UserRole


def _match(query: str, command: Command) -> Match | None:
    """Fit a query to a command; its own words count for more than the menus that lead to it."""
    own = match(query, command.text)
    if own is None:
        return match(query, command.title)
    lead = len(command.title) - len(command.text)
    return Match(own.score + _OWN_WORDS, frozenset(at + lead for at in own.letters))


class _Model(QAbstractListModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.rows: list[tuple[Command, Match]] = []

    def show(self, rows: list[tuple[Command, Match]]) -> None:
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        command, _ = self.rows[index.row()]
        if role == _ENTRY:
            return self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return command.title
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(part for part in (command.title, command.keys, command.why) if part)
        return None


class _Delegate(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(0, _ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        tokens = theme.current()
        command, found = index.data(_ENTRY)
        area = QRectF(option.rect).adjusted(6, 1, -6, -1)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(tokens.colour("accent"))
            painter.setBrush(tokens.colour("accent_quiet"))
            painter.drawRoundedRect(area.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        left, right = area.left() + 30, area.right() - 10
        if command.checked:
            scale = painter.device().devicePixelRatioF()
            tick = icons.pixmap("check", tokens.text, 14, scale)
            painter.drawPixmap(int(area.left()) + 9, int(area.center().y()) - 7, tick)
        if command.why:
            room = right - left
            text = QRectF(right - room * 0.5, area.top(), room * 0.5, area.height())
            painter.setFont(theme.font(12))
            painter.setPen(tokens.colour("text"))
            metrics = painter.fontMetrics()
            why = metrics.elidedText(command.why, Qt.TextElideMode.ElideRight, int(text.width()))
            painter.drawText(text, theme.RIGHT_MIDDLE, why)
            right -= metrics.horizontalAdvance(why) + 12
        elif command.keys:
            wide = keycaps.width(command.keys)
            keycaps.paint(painter, command.keys, right - wide, area.center().y())
            right -= wide + 12
        self._title(painter, command, found, QRectF(left, area.top(), right - left, area.height()))
        painter.restore()

    def _title(self, painter: QPainter, command: Command, found: Match, area: QRectF) -> None:
        """The places in secondary, the text in full; letters that matched are bold, underlined."""
        tokens = theme.current()
        title = command.title
        lead = len(title) - len(command.text)
        spans = []
        for start, length, role in (
            (0, lead, "secondary"),
            (lead, len(title) - lead, "secondary" if command.why else "text"),
        ):
            look = QTextLayout.FormatRange()
            look.start, look.length = start, length
            look.format = QTextCharFormat()
            look.format.setForeground(tokens.colour(role))
            spans.append(look)
        for at in sorted(found.letters):
            if at >= len(title):
                continue
            look = QTextLayout.FormatRange()
            look.start, look.length = at, 1
            look.format = QTextCharFormat()
            look.format.setFontWeight(QFont.Weight.DemiBold)
            look.format.setForeground(tokens.colour("accent"))
            look.format.setFontUnderline(True)
            spans.append(look)
        layout = QTextLayout(title, theme.font(13))
        layout.setFormats(spans)
        layout.beginLayout()
        line = layout.createLine()
        line.setLineWidth(10_000)
        layout.endLayout()
        painter.setClipRect(area)
        top = area.center().y() - line.height() / 2
        layout.draw(painter, QPointF(area.left(), top))
        painter.setClipping(False)


class Palette(QFrame):
    """Lies over the window; Escape, a click elsewhere or a command sends it off."""

    def __init__(
        self,
        window: QWidget,
        settings: Settings,
        gather: Callable[[], Sequence[Command]],
    ) -> None:
        super().__init__(window)
        self.setObjectName("palette")
        self.setAccessibleName("Command palette")
        self._window = window
        self._settings = settings
        self._gather = gather
        self._commands: Sequence[Command] = ()
        self._before: QWidget | None = None
        self.field = QLineEdit()
        self.field.setPlaceholderText("Search commands, cases and maps")
        self.field.setAccessibleName("Search commands, cases and maps")
        self.field.textChanged.connect(self._search)
        self.field.installEventFilter(self)
        self.list = QListView()
        self.list.setAccessibleName("Commands found")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setItemDelegate(_Delegate(self))
        self.list.setMouseTracking(True)
        # Not by the list's ``entered``: it also fires where the list scrolls below a mouse at rest,
        # which would take the mark away from the keys.
        self.list.viewport().installEventFilter(self)
        self._mouse = QCursor.pos()
        self.list.clicked.connect(lambda _: self.run())
        self._model = _Model(self)
        self.list.setModel(self._model)
        self._nothing = label("Nothing is called that. Try fewer letters.", "secondary")
        self._nothing.setContentsMargins(14, 8, 14, 8)
        self._help: QLabel = label("↑ ↓ choose    Return does it    Esc closes", "secondary")
        self._help.setContentsMargins(14, 4, 14, 4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 6)
        layout.setSpacing(6)
        layout.addWidget(self.field)
        layout.addWidget(self._nothing)
        layout.addWidget(self.list)
        layout.addWidget(self._help)
        window.installEventFilter(self)
        self.hide()

    @property
    def found(self) -> list[Command]:
        """What is listed, best first."""
        return [command for command, _ in self._model.rows]

    def open(self) -> None:
        """Show it with all there is, the latest used first; once more closes it."""
        if self.isVisible():
            self.close_()
            return
        self._before = self.window().focusWidget()
        self._commands = self._gather()
        self.field.clear()
        self._search("")
        self._mouse = QCursor.pos()
        self.show()
        self.raise_()
        self._place()
        self.field.setFocus(Qt.FocusReason.PopupFocusReason)

    def close_(self) -> None:
        """Send it off, and give the keyboard back."""
        self.hide()
        if self._before is not None:
            self._before.setFocus(Qt.FocusReason.PopupFocusReason)
        self._before = None

    def run(self) -> None:
        """Do the command that is marked, if it can be done now."""
        row = self.list.currentIndex().row()
        if not 0 <= row < len(self._model.rows):
            return
        command = self._model.rows[row][0]
        if command.why:
            return
        self._remember(command)
        self.close_()
        command.run()

    def _search(self, query: str) -> None:
        if query.strip():
            fits = [(c, m) for c in self._commands if (m := _match(query, c)) is not None]
            best = max((m.score for _, m in fits), default=0.0)
            fits = [pair for pair in fits if pair[1].score >= _CLOSE * best]
            fits.sort(key=lambda pair: -pair[1].score + (_CANNOT if pair[0].why else 0.0))
        else:
            latest = self._settings.text(_MEMORY).split("\n")
            order = {name: place for place, name in enumerate(latest)}
            none = Match(0.0, frozenset())
            ranked = sorted(
                enumerate(self._commands),
                key=lambda pair: (order.get(pair[1].name, _LATEST), bool(pair[1].why), pair[0]),
            )
            fits = [(command, none) for _, command in ranked]
        self._model.show(fits)
        if fits:
            self.list.setCurrentIndex(self._model.index(0))
        self.list.setVisible(bool(fits))
        self._nothing.setVisible(not fits)
        self._place()

    def _remember(self, command: Command) -> None:
        if not command.name:
            return  # cases and files are not noted: their names may be patients'
        latest = [n for n in self._settings.text(_MEMORY).split("\n") if n and n != command.name]
        self._settings.set(_MEMORY, "\n".join([command.name, *latest][:_LATEST]))

    def _place(self) -> None:
        window = self._window
        rows = min(max(len(self._model.rows), 1), _ROWS, max((window.height() - 180) // _ROW, 3))
        self.list.setFixedHeight(rows * _ROW)
        width = min(_WIDTH, window.width() - 48)
        self.setFixedWidth(width)
        self.adjustSize()
        self.move((window.width() - width) // 2, min(64, window.height() // 12))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Move in the list by field and mouse; follow the window's size; close when left."""
        if watched is self._window and event.type() == QEvent.Type.Resize:
            if self.isVisible():
                self._place()
        elif watched is self.field and event.type() == QEvent.Type.FocusOut:
            if self.isVisible() and QApplication.activePopupWidget() is None:
                self._before = None  # whoever took the keyboard keeps it
                self.hide()
        elif watched is self.list.viewport() and isinstance(event, QMouseEvent):
            if event.type() == QEvent.Type.MouseMove:
                self._point(event)
        elif watched is self.field and isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.KeyPress:
                return self._key(event.key())
            if event.type() == QEvent.Type.ShortcutOverride and event.key() == Qt.Key.Key_Escape:
                event.accept()
                return True
        return super().eventFilter(watched, event)

    def _point(self, event: QMouseEvent) -> None:
        """Mark the command that the mouse was moved to."""
        at, before = event.globalPosition().toPoint(), self._mouse
        self._mouse = at
        index = self.list.indexAt(event.position().toPoint())
        if at != before and index.isValid():
            self.list.setCurrentIndex(index)

    def _key(self, key: int) -> bool:
        steps = {
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_PageDown: _ROWS,
            Qt.Key.Key_PageUp: -_ROWS,
        }
        if key in steps:
            last = len(self._model.rows) - 1
            at = self.list.currentIndex().row() + steps[Qt.Key(key)]
            if abs(steps[Qt.Key(key)]) == 1:
                at %= max(last + 1, 1)  # one past the end is the beginning
            self.list.setCurrentIndex(self._model.index(min(max(at, 0), max(last, 0))))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.run()
        elif key == Qt.Key.Key_Escape:
            self.close_()
        elif key not in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):  # these would leave it by accident
            return False
        return True
