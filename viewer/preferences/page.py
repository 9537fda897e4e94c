"""What the pages of the settings share: a column of headed parts with explanations."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from viewer.widgets.section import label
from viewer.widgets.wrapped import Wrapped


class Page(QScrollArea):
    """Scrolls where there is little room. ``title`` names it in the list of pages."""

    title = ""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(self.title)
        content = QWidget()
        self.column = QVBoxLayout(content)
        self.column.setContentsMargins(24, 16, 24, 16)
        self.column.setSpacing(8)
        self.setWidget(content)

    def head(self, text: str) -> None:
        """Begin a part."""
        if self.column.count():
            self.column.addSpacing(12)
        self.column.addWidget(label(text.upper(), "heading"))

    def explain(self, text: str) -> Wrapped:
        """Say something about what stands above."""
        says = Wrapped(text, "secondary")
        self.column.addWidget(says)
        return says

    def row(self, *widgets: QWidget) -> None:
        """Put widgets side by side, from the left."""
        line = QHBoxLayout()
        line.setSpacing(8)
        for widget in widgets:
            line.addWidget(widget)
        line.addStretch(1)
        self.column.addLayout(line)

    def end(self) -> None:
        """Leave what room there is below."""
        self.column.addStretch(1)

    def refresh(self) -> None:
        """Show what holds now; called as the page comes up."""
