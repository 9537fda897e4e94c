"""The strip over a view: what is shown, and whether the view moves with the others."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from viewer import theme

HEIGHT = 28


class ElidedLabel(QLabel):
    """A label that gives way, with an ellipsis, instead of holding the view wide."""

    def minimumSizeHint(self) -> QSize:
        """Take no width of its own."""
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint as much as fits."""
        painter = QPainter(self)
        text = QFontMetrics(self.font()).elidedText(
            self.text(), Qt.TextElideMode.ElideRight, self.width()
        )
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(
            self.rect(), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text
        )


class Header(QWidget):
    """Name in bold, subtitle faint, and the link button at the right.

    Style sheets reach its parts as ``#viewHeader``, ``#viewName``, ``#viewSubtitle`` and
    ``#viewLink``.
    """

    linkToggled = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("viewHeader")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(HEIGHT)
        self._name = QLabel(self)
        self._name.setObjectName("viewName")
        self._name.setFont(theme.font(13, QFont.Weight.DemiBold))
        self._subtitle = ElidedLabel(self)
        self._subtitle.setObjectName("viewSubtitle")
        self._subtitle.setFont(theme.font(12))
        self._subtitle.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._link = QToolButton(self)
        self._link.setObjectName("viewLink")
        self._link.setFont(theme.font(12))
        self._link.setCheckable(True)
        self._link.setAutoRaise(True)
        self._link.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._link.toggled.connect(self._show_link)
        self._link.clicked.connect(self.linkToggled)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 0, 4, 0)
        layout.setSpacing(8)
        layout.addWidget(self._name)
        layout.addWidget(self._subtitle, 1)
        layout.addWidget(self._link)
        self._link.hide()
        self._show_link(False)

    def set_title(self, name: str, subtitle: str = "") -> None:
        """Show a name and what is said of it."""
        self._name.setText(name)
        self._subtitle.setText(subtitle)
        self._subtitle.setToolTip(subtitle)

    @property
    def name(self) -> str:
        """The name shown."""
        return self._name.text()

    def set_linked(self, linked: bool | None) -> None:
        """Show whether the view is linked; None where there is nothing to link to."""
        self._link.setVisible(linked is not None)
        self._link.setChecked(bool(linked))

    def _show_link(self, linked: bool) -> None:
        self._link.setText("linked" if linked else "unlinked")
        self._link.setToolTip(
            "Zoom, position, slice, window and cursor follow the other views. Click to unlink."
            if linked
            else "This view moves on its own. Click to link it to the others."
        )
        self._link.setAccessibleName(self._link.toolTip())
