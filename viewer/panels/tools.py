"""The strip of tools between the cases and the views."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QButtonGroup, QFrame, QToolButton, QVBoxLayout, QWidget

from viewer import icons, theme
from viewer.tools.base import Tool


class ToolStrip(QFrame):
    """One button a tool, drawing tools below a line; then actions below another."""

    chosen = Signal(object)  # Tool

    def __init__(self, tools: Sequence[Tool], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("toolStrip")
        self.setFixedWidth(theme.TOOLS_WIDTH)
        self._group = QButtonGroup(self)
        self._buttons: list[tuple[QToolButton, str]] = []
        self._families: list[tuple[QToolButton, str, tuple[Tool, ...]]] = []
        self.tools = tuple(tools)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 8, 0, 8)
        self._layout.setSpacing(4)
        drawing = False
        for number, tool in enumerate(self.tools):
            if tool.draws and not drawing:
                self._line()
                drawing = True
            button = self._button(tool.icon, tool.title, tool.shortcut, tool.hint)
            button.setCheckable(True)
            self._group.addButton(button, number)
        self._layout.addStretch(1)
        self._group.idClicked.connect(lambda number: self.chosen.emit(self.tools[number]))

    def add_actions(self, actions: Sequence[QAction]) -> None:
        """Put buttons for actions under the tools (undo, redo, clear)."""
        self._layout.takeAt(self._layout.count() - 1)
        self._line()
        for action in actions:
            button = self._button("", "", "", "")
            button.setDefaultAction(action)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
            button.setAccessibleName(action.text().replace("&", ""))
        self._layout.addStretch(1)

    def add_family(self, button: QToolButton, icon: str, tools: Sequence[Tool]) -> None:
        """Put a button that offers several tools above the drawing tools' line."""
        self._families.append((button, icon, tuple(tools)))
        self._buttons.append((button, icon))
        count = sum(not tool.draws for tool in self.tools)
        self._layout.insertWidget(count, button, 0, Qt.AlignmentFlag.AlignHCenter)

    def name_actions(self) -> None:
        """Take the actions' names again after they changed ("Undo brush stroke")."""
        for button, _ in self._buttons:
            action = button.defaultAction()
            if action is not None:
                button.setAccessibleName(action.text().replace("&", ""))

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

    def _button(self, icon: str, title: str, shortcut: str, hint: str) -> QToolButton:
        button = QToolButton()
        button.setIconSize(QSize(icons.SIZE, icons.SIZE))
        if icon:
            button.setIcon(icons.tool_icon(icon))
        keys = f" ({shortcut})" if shortcut else ""
        button.setToolTip(f"{title}{keys}\n{hint}".strip())
        button.setAccessibleName(title)
        self._buttons.append((button, icon))
        self._layout.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        return button

    def _line(self) -> None:
        line = QFrame()
        line.setProperty("role", "separator")
        line.setFixedWidth(24)
        self._layout.addSpacing(4)
        self._layout.addWidget(line, 0, Qt.AlignmentFlag.AlignHCenter)
        self._layout.addSpacing(4)
