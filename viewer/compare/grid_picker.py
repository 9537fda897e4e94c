"""How many views: a table to run the mouse over, as word processors insert one."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QMenu, QVBoxLayout, QWidget, QWidgetAction

from viewer import theme
from viewer.widgets.section import label

ROWS = COLS = 3
_CELL = QSize(40, 30)
_GAP = 4

_Size = tuple[int, int]


class GridTable(QWidget):
    """Three by three cells; those up to the mouse, or up to the arrow keys' place, are lit."""

    chosen = Signal(int, int)  # rows, cols
    pointed = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedSize(
            COLS * _CELL.width() + (COLS + 1) * _GAP, ROWS * _CELL.height() + (ROWS + 1) * _GAP
        )
        self._now: _Size = (1, 2)
        self._lit: _Size = (1, 2)
        self._say()

    def set_now(self, rows: int, cols: int) -> None:
        """Mark the grid in use."""
        self._now = self._lit = (rows, cols)
        self._say()

    @property
    def lit(self) -> tuple[int, int]:
        """The grid that a click would choose."""
        return self._lit

    def cell(self, row: int, col: int) -> QRectF:
        """Return where a cell is drawn."""
        x = _GAP + col * (_CELL.width() + _GAP)
        y = _GAP + row * (_CELL.height() + _GAP)
        return QRectF(x, y, _CELL.width(), _CELL.height())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Light the cells up to the mouse."""
        self._light(self._size_at(event))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Choose."""
        self._light(self._size_at(event))
        self.chosen.emit(*self._lit)

    def leaveEvent(self, event: QEvent) -> None:
        """Show the grid in use again."""
        self._light(self._now)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose by arrow keys and Return, or by 1 to 3 for columns of one row."""
        rows, cols = self._lit
        steps = {
            Qt.Key.Key_Left: (0, -1),
            Qt.Key.Key_Right: (0, 1),
            Qt.Key.Key_Up: (-1, 0),
            Qt.Key.Key_Down: (1, 0),
        }
        key = Qt.Key(event.key())
        down, across = steps.get(key, (0, 0))
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.chosen.emit(rows, cols)
        elif key in steps and 1 <= rows + down <= ROWS and 1 <= cols + across <= COLS:
            self._light((rows + down, cols + across))
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the cells."""
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rows, cols = self._lit
        for row in range(ROWS):
            for col in range(COLS):
                lit = row < rows and col < cols
                used = row < self._now[0] and col < self._now[1]
                painter.setBrush(tokens.colour("accent_quiet" if lit else "panel"))
                painter.setPen(tokens.colour("accent" if lit or used else "line_strong"))
                painter.drawRoundedRect(self.cell(row, col).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)

    def _size_at(self, event: QMouseEvent) -> _Size:
        at = event.position()
        col = int((at.x() - _GAP / 2) // (_CELL.width() + _GAP))
        row = int((at.y() - _GAP / 2) // (_CELL.height() + _GAP))
        return min(max(row, 0), ROWS - 1) + 1, min(max(col, 0), COLS - 1) + 1

    def _light(self, size: _Size) -> None:
        if size != self._lit:
            self._lit = size
            self._say()
            self.pointed.emit(*size)

    def _say(self) -> None:
        self.setAccessibleName(f"Grid of views: {words(*self._lit)}")
        self.update()


def words(rows: int, cols: int) -> str:
    """Return a grid's size in words."""
    if rows * cols == 1:
        return "one view"
    return f"{rows} × {cols} views"


def add_table(
    menu: QMenu, choose: Callable[[int, int], object], now: Callable[[], _Size]
) -> GridTable:
    """Put a table into a menu; ``choose(rows, cols)`` is called, ``now()`` gives the grid."""
    room = QWidget()
    layout = QVBoxLayout(room)
    layout.setContentsMargins(8, 4, 8, 4)
    layout.setSpacing(2)
    table = GridTable()
    says = label(words(1, 2), "secondary")
    says.setAlignment(Qt.AlignmentFlag.AlignCenter)
    layout.addWidget(table, 0, Qt.AlignmentFlag.AlignHCenter)
    layout.addWidget(says)
    action = QWidgetAction(menu)
    action.setDefaultWidget(room)
    menu.addAction(action)

    def chosen(rows: int, cols: int) -> None:
        menu.close()
        choose(rows, cols)

    def refresh() -> None:
        table.set_now(*now())
        says.setText(words(*table.lit))
        table.setFocus()

    table.chosen.connect(chosen)
    table.pointed.connect(lambda rows, cols: says.setText(words(rows, cols)))
    menu.aboutToShow.connect(refresh)
    return table
