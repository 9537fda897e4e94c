"""A headed part of a panel that folds away."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from viewer import icons


class Section(QWidget):
    """Heading in small capitals with a chevron; ``body`` is the layout to fill."""

    folded = Signal(bool)

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.heading = QToolButton(self)
        self.heading.setProperty("role", "heading")
        self.heading.setCheckable(True)
        self.heading.setChecked(True)
        self.heading.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.heading.setIconSize(QSize(12, 12))
        self.heading.toggled.connect(self._fold)
        self.extra = QHBoxLayout()
        self.extra.setSpacing(4)
        head = QHBoxLayout()
        head.setContentsMargins(8, 0, 12, 0)
        head.setSpacing(4)
        head.addWidget(self.heading)
        head.addStretch(1)
        head.addLayout(self.extra)
        self._content = QWidget(self)
        self.body = QVBoxLayout(self._content)
        self.body.setContentsMargins(12, 4, 12, 12)
        self.body.setSpacing(4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self._content)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.set_title(title)
        self.retheme()

    def set_title(self, title: str, subject: str = "") -> None:
        """Show the heading, in capitals, and what it is about, as it is written."""
        text = title.upper() + (f" · {subject}" if subject else "")
        self.heading.setText(text.replace("&", "&&"))
        self.heading.setAccessibleName(text)
        self.heading.setToolTip("Fold or unfold this section")

    @property
    def is_folded(self) -> bool:
        """Whether only the heading is shown."""
        return not self.heading.isChecked()

    def set_folded(self, folded: bool) -> None:
        """Fold or unfold."""
        self.heading.setChecked(not folded)

    def retheme(self) -> None:
        """Take the icons of the current theme."""
        name = "chevron-down" if self.heading.isChecked() else "chevron-right"
        self.heading.setIcon(icons.icon(name, size=12))

    def _fold(self, unfolded: bool) -> None:
        self._content.setVisible(unfolded)
        self.retheme()
        self.folded.emit(not unfolded)


def label(text: str = "", role: str = "") -> QLabel:
    """Return a label in one of the stylesheet's text roles; plain text, never markup."""
    result = QLabel(text)
    result.setTextFormat(Qt.TextFormat.PlainText)
    if role:
        result.setProperty("role", role)
    return result
