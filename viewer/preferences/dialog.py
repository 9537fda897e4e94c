"""The settings: pages by name on the left, the page on the right."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSize
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from viewer.preferences.page import Page
from viewer.widgets.section import label


class SettingsDialog(QDialog):
    """Nothing to confirm: every choice takes effect at once."""

    def __init__(self, pages: Mapping[str, Page], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Settings")
        self.pages = dict(pages)
        self.list = QListWidget()
        self.list.setObjectName("pageList")
        self.list.setFixedWidth(188)
        self.list.setAccessibleName("Pages of the settings")
        self.stack = QStackedWidget()
        for page in self.pages.values():
            item = QListWidgetItem(page.title, self.list)
            item.setSizeHint(QSize(0, 34))
            self.stack.addWidget(page)
        self.list.currentRowChanged.connect(self._turn)
        close = QPushButton("Close")
        close.setAutoDefault(False)
        close.clicked.connect(self.close)
        foot = QHBoxLayout()
        foot.setContentsMargins(24, 8, 16, 12)
        foot.addWidget(label("Changes take effect at once.", "secondary"))
        foot.addStretch(1)
        foot.addWidget(close)
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addWidget(self.stack, 1)
        right.addLayout(foot)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.list)
        layout.addLayout(right, 1)
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)  # Return in a field must not press one
        self.resize(min(980, parent.width() - 40), min(700, parent.height() - 40))

    def show_page(self, name: str) -> None:
        """Turn to a page."""
        self.list.setCurrentRow(list(self.pages).index(name) if name in self.pages else 0)

    def _turn(self, row: int) -> None:
        self.stack.setCurrentIndex(row)
        list(self.pages.values())[row].refresh()
