"""A sentence with a coloured edge inside a panel: what to make of the numbers above it."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QWidget

from viewer import theme
from viewer.widgets.wrapped import Wrapped

Tone = Literal["info", "good", "warning"]


class Remark(QFrame):
    """Hidden while it has nothing to say."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("remark")
        self._text = Wrapped("", "small")
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 6, 8, 6)
        layout.addWidget(self._text)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.hide()

    @property
    def text(self) -> str:
        """The sentence shown."""
        return self._text.text()

    def say(self, text: str, tone: Tone = "info") -> None:
        """Show a sentence, or hide for an empty one."""
        self._text.setText(text)
        if self.property("tone") != tone:
            self.setProperty("tone", tone)
            theme.repolish(self)
        self.setVisible(bool(text))
