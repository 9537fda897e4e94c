"""The strip of tools between the cases and the views."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from viewer import icons, theme
from viewer.tools.base import Tool

#: Between two buttons, px; the space of a line.
_GAP = 4
_LINE = 9


class ToolStrip(QFrame):
    """One button a tool, drawing tools below a line; then actions below another.

    Where the window is too low for one column, the strip grows a second one.
    """

    chosen = Signal(object)  # Tool

    def __init__(self, tools: Sequence[Tool], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("toolStrip")
        self._group = QButtonGroup(self)
        self._buttons: list[tuple[QToolButton, str]] = []
        self._families: list[tuple[QToolButton, str, tuple[Tool, ...]]] = []
        self._groups: list[list[QToolButton]] = [[]]
        self._lines: list[QFrame] = []
        self.tools = tuple(tools)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 8, 0, 8)
        self._layout.setSpacing(_GAP)
        self._columns = 0
        drawing = False
        for number, tool in enumerate(self.tools):
            if tool.draws and not drawing:
                self._groups.append([])
                drawing = True
            button = self._button(tool.icon, tool.title)
            button.setCheckable(True)
            self._group.addButton(button, number)
        self._group.idClicked.connect(lambda number: self.chosen.emit(self.tools[number]))
        self._arrange(1)

    def add_actions(self, actions: Sequence[QAction]) -> None:
        """Put buttons for actions under the tools (undo, redo, clear)."""
        self._groups.append([])
        for action in actions:
            button = self._button("", "")
            button.setDefaultAction(action)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
            button.setAccessibleName(action.text().replace("&", ""))
        self._arrange(self._columns)

    def add_family(self, button: QToolButton, icon: str, tools: Sequence[Tool]) -> None:
        """Put a button that offers several tools above the drawing tools' line."""
        self._families.append((button, icon, tuple(tools)))
        self._buttons.append((button, icon))
        button.setParent(self)
        self._groups[0].append(button)
        self._arrange(self._columns)

    def name_actions(self) -> None:
        """Take the actions' names again after they changed ("Undo brush stroke")."""
        for button, _ in self._buttons:
            action = button.defaultAction()
            if action is not None:
                button.setAccessibleName(action.text().replace("&", ""))

    def show_keys(self, keys_of: Callable[[str], str]) -> None:
        """Name each tool's key, as it is bound now, in its tooltip."""
        for number, tool in enumerate(self.tools):
            keys = keys_of(f"tool-{tool.name}")
            title = f"{tool.title} ({keys})" if keys else tool.title
            self._group.button(number).setToolTip(f"{title}\n{tool.hint}")

    def mark(self, tool: Tool) -> None:
        """Show a tool as the chosen one."""
        if tool in self.tools:
            self._group.button(self.tools.index(tool)).setChecked(True)
        elif (last := self._group.checkedButton()) is not None:  # one of a family's is in hand
            self._group.setExclusive(False)
            last.setChecked(False)
            self._group.setExclusive(True)
        for button, icon, family in self._families:
            button.setChecked(tool in family)
            button.setIcon(icons.tool_icon(tool.icon if tool in family else icon))

    def retheme(self) -> None:
        """Take the icons of the current theme."""
        for button, name in self._buttons:
            if name:
                button.setIcon(icons.tool_icon(name))

    def minimumSizeHint(self) -> QSize:
        """Ask for no height: columns follow the window, not the other way round."""
        return QSize(self.width(), 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Take a second column where one does not hold all buttons, and give it back."""
        super().resizeEvent(event)
        self._fit()

    def showEvent(self, event: QShowEvent) -> None:
        """Fit once the style has given the buttons their size."""
        super().showEvent(event)
        self._fit()

    def _fit(self) -> None:
        columns = next((n for n in (1, 2) if self._needs(n) <= self.height()), 3)
        if columns != self._columns:
            self._arrange(columns)

    def _needs(self, columns: int) -> int:
        """Return the height that the buttons take in so many columns."""
        side = self._buttons[0][0].sizeHint().height() + _GAP
        rows = sum(-(-len(group) // columns) for group in self._groups)
        return 16 + rows * side + (len(self._groups) - 1) * (_LINE + _GAP)

    def _arrange(self, columns: int) -> None:
        self._columns = columns
        self.setFixedWidth(theme.TOOLS_WIDTH + (columns - 1) * (theme.TOOLS_WIDTH - 10))
        while (item := self._layout.takeAt(0)) is not None:
            row = item.layout()
            if row is not None:
                while row.takeAt(0) is not None:
                    pass
                row.deleteLater()
        for line in self._lines:
            line.deleteLater()
        self._lines = []
        for number, group in enumerate(self._groups):
            if number:
                self._line()
            for at in range(0, len(group), columns):
                row = QHBoxLayout()
                row.setSpacing(_GAP)
                row.addStretch(1)
                for button in group[at : at + columns]:
                    row.addWidget(button)
                row.addStretch(1)
                self._layout.addLayout(row)
        self._layout.addStretch(1)

    def _button(self, icon: str, title: str) -> QToolButton:
        button = QToolButton(self)
        button.setIconSize(QSize(icons.SIZE, icons.SIZE))
        if icon:
            button.setIcon(icons.tool_icon(icon))
        button.setAccessibleName(title)
        self._buttons.append((button, icon))
        self._groups[-1].append(button)
        return button

    def _line(self) -> None:
        line = QFrame(self)
        line.setProperty("role", "separator")
        line.setFixedWidth(24)
        line.setFixedHeight(1)
        line.show()
        row = QHBoxLayout()
        row.setContentsMargins(0, _LINE // 2, 0, _LINE // 2)
        row.addWidget(line, 0, Qt.AlignmentFlag.AlignHCenter)
        self._lines.append(line)
        self._layout.addLayout(row)
