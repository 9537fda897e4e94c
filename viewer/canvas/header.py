"""The strip over a view: what is shown, how it agrees with the mask, and whether it is linked."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import (
    QFont,
    QFontMetrics,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMenu,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from viewer import icons, theme

HEIGHT = 28
TALL = 48
"""Of a narrow view's header, which has two lines."""


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
    """Name, which opens a menu, a tag where it is another case's, subtitle, score, link button.

    Style sheets reach its parts as ``#viewHeader``, ``#viewName``, ``#viewTag``,
    ``#viewSubtitle``, ``#viewScore`` and ``#viewLink``.
    """

    linkToggled = Signal(bool)
    touched = Signal()  # a click or key on it: the view is meant
    enlargeRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("viewHeader")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._full_name = ""
        self._name = QToolButton(self)
        self._name.setObjectName("viewName")
        self._name.setFont(theme.font(13, QFont.Weight.DemiBold))
        self._name.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self._name.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._name.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._name.setAutoRaise(True)
        self._name.pressed.connect(self.touched)
        self._tag = QLabel(self)
        self._tag.setObjectName("viewTag")
        self._tag.setTextFormat(Qt.TextFormat.PlainText)  # it may quote a file's label
        self._tag.setFont(theme.font(11))
        self._warning = QLabel(self)
        self._warning.setObjectName("viewWarning")
        self._warning.setFont(theme.font(11))
        self._subtitle = ElidedLabel(self)
        self._subtitle.setObjectName("viewSubtitle")
        self._subtitle.setFont(theme.font(12))
        self._subtitle.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._score = QLabel(self)
        self._score.setObjectName("viewScore")
        self._score.setFont(theme.font(12))
        self._link = QToolButton(self)
        self._link.setObjectName("viewLink")
        self._link.setFont(theme.font(12))
        self._link.setCheckable(True)
        self._link.setAutoRaise(True)
        self._link.setIconSize(QSize(16, 16))
        self._link.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._link.toggled.connect(self._show_link)
        self._link.clicked.connect(self.linkToggled)
        self._how = ""
        self._tall = False
        self._upper, self._lower = QHBoxLayout(), QHBoxLayout()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 0, 4, 0)
        layout.setSpacing(0)
        for line in (self._upper, self._lower):
            line.setSpacing(8)
            layout.addLayout(line)
        self._tag.hide()
        self._warning.hide()
        self._score.hide()
        self._link.hide()
        self._show_link(False)
        self._place()

    def set_menu(self, menu: QMenu) -> None:
        """Say what a click on the name opens."""
        self._name.setMenu(menu)

    @property
    def menu(self) -> QMenu | None:
        """What a click on the name opens."""
        return self._name.menu()

    def open_menu(self) -> None:
        """Open what a click on the name opens, from the keyboard."""
        self._name.showMenu()

    def set_tall(self, tall: bool) -> None:
        """Use two lines, for views too narrow for one."""
        if tall != self._tall:
            self._tall = tall
            self._place()
            self._show_link(self._link.isChecked())

    @property
    def is_tall(self) -> bool:
        """Whether it has two lines."""
        return self._tall

    def set_title(self, name: str, subtitle: str = "") -> None:
        """Show a name and what is said of it."""
        self._subtitle.setText(subtitle)
        self._subtitle.setToolTip(subtitle)
        if name != self._full_name:
            self._full_name = name
            self._name.setAccessibleName(f"{name}: choose what this view shows")
            self._fit_name()

    @property
    def name(self) -> str:
        """The name shown."""
        return self._full_name

    @property
    def subtitle(self) -> str:
        """What is said of it."""
        return self._subtitle.text()

    def set_tag(self, text: str, tip: str = "") -> None:
        """Say that this is not the case, sequence or model being read; "" says nothing."""
        self._tag.setText(text)
        self._tag.setToolTip(tip)
        self._tag.setVisible(bool(text))
        self._fit_name()

    @property
    def tag(self) -> str:
        """What the tag says."""
        return self._tag.text()

    def set_warning(self, text: str, tip: str = "") -> None:
        """Say in a word what keeps the map from being taken at its face; "" says nothing."""
        if text != self._warning.text():
            self._warning.setText(text)
            self._warning.setVisible(bool(text))
            self._fit_name()
        self._warning.setToolTip(tip)
        self._warning.setAccessibleName(f"{text}: {tip}" if text else "")

    @property
    def warning(self) -> str:
        """What it warns of."""
        return self._warning.text()

    def set_score(self, text: str, tip: str = "", *, weak: bool = False) -> None:
        """Show how the map agrees with the mask; a weak score is greyed, and ``tip`` says why."""
        if text != self._score.text():
            self._score.setText(text)
            self._score.setVisible(bool(text))
        self._score.setToolTip(tip)
        self._score.setAccessibleName(tip)
        if self._score.property("weak") != weak:
            self._score.setProperty("weak", weak)
            theme.repolish(self._score)

    @property
    def score(self) -> str:
        """The score shown."""
        return self._score.text()

    def set_linked(self, linked: bool | None, how: str = "") -> None:
        """Show whether the view is linked, and how; None where there is nothing to link to."""
        self._how = how
        self._link.setVisible(linked is not None)
        self._link.setChecked(bool(linked))
        self._show_link(bool(linked))

    def retheme(self) -> None:
        """Take the icons of the current theme."""
        self._show_link(self._link.isChecked())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Mean this view."""
        self.touched.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Give the view the whole room, or its place in the grid again."""
        self.enlargeRequested.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the name."""
        super().resizeEvent(event)
        self._fit_name()

    def _place(self) -> None:
        upper, lower = self._upper, self._lower
        for line in (upper, lower):
            while line.count():
                line.takeAt(0)
        upper.addWidget(self._name)
        upper.addWidget(self._tag, 0, Qt.AlignmentFlag.AlignVCenter)
        upper.addWidget(self._warning, 0, Qt.AlignmentFlag.AlignVCenter)
        if self._tall:
            upper.addStretch(1)
            upper.addWidget(self._link)
        line = lower if self._tall else upper
        line.addWidget(self._subtitle, 1)
        line.addWidget(self._score)
        if not self._tall:
            upper.addWidget(self._link)
        lower.setContentsMargins(4, 0, 4, 4 if self._tall else 0)
        self.setFixedHeight(TALL if self._tall else HEIGHT)
        self._fit_name()

    def _fit_name(self) -> None:
        taken = self._tag.sizeHint().width() + 8 if not self._tag.isHidden() else 0
        taken += self._warning.sizeHint().width() + 8 if not self._warning.isHidden() else 0
        taken += self._link.sizeHint().width() + 8 if not self._link.isHidden() else 0
        room = self.width() - 44 - taken if self._tall else self.width() // 2 - taken
        text = QFontMetrics(self._name.font()).elidedText(
            self._full_name, Qt.TextElideMode.ElideRight, max(room, 48)
        )
        self._name.setText(text.replace("&", "&&") + "  ▾")
        self._name.setToolTip(f"{self._full_name}. Click to choose what this view shows.")

    def _show_link(self, linked: bool) -> None:
        style = (
            Qt.ToolButtonStyle.ToolButtonIconOnly
            if self._tall
            else Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        )
        self._link.setToolButtonStyle(style)
        self._link.setIcon(icons.icon("link" if linked else "unlink", size=16))
        self._link.setText("linked" if linked else "unlinked")
        self._link.setToolTip(
            f"Zoom, position, slice, window and cursor follow the other views{self._how}. "
            "Click to unlink."
            if linked
            else "This view moves on its own. Click to link it to the others."
        )
        self._link.setAccessibleName(self._link.toolTip())
