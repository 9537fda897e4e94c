"""The quiet strip under the top bar: one sentence, a way forward, and a way to send it off."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QToolButton, QWidget

from viewer import icons, theme
from viewer.widgets.remark import Tone
from viewer.widgets.section import label
from viewer.widgets.wrapped import Wrapped

_SECONDS = {"info": 6, "good": 6, "warning": 0}  # warnings stay until they are sent off


class NoticeStrip(QFrame):
    """Shows the latest notice.

    What is no warning is shown for its time over a warning that stands, which then comes back.
    An offer (a notice with a button) that is covered by information comes back after it.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self._icon = label()
        self._text = Wrapped()
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._action = QPushButton(self)
        self._action.setProperty("role", "link")
        self._close = QToolButton(self)
        self._close.setToolTip("Close this notice")
        self._close.setAccessibleName("Close this notice")
        self._close.setIconSize(QSize(16, 16))
        self._close.clicked.connect(self._send_off)
        self._then: Callable[[], object] | None = None
        self._ways: dict[str, tuple[str, Callable[[], object]]] = {}
        self._action.clicked.connect(self._act)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._lapse)
        self._standing: tuple[str, Tone, str, Callable[[], object] | None] | None = None
        self._beneath: tuple[str, Tone, str, Callable[[], object] | None] | None = None
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 4, 8, 4)
        layout.setSpacing(8)
        layout.addWidget(self._icon)
        layout.addWidget(self._text, 1)
        layout.addWidget(self._action)
        layout.addWidget(self._close)
        self.hide()

    @property
    def text(self) -> str:
        """The sentence shown, "" while hidden."""
        return self._text.text() if not self.isHidden() else ""

    def say(
        self,
        sentence: str,
        tone: Tone = "info",
        action: str = "",
        then: Callable[[], object] | None = None,
    ) -> None:
        """Show a sentence, with a button ``action`` that does ``then``."""
        if tone != "warning" and not self.isHidden() and self.property("tone") == "warning":
            way = "" if self._action.isHidden() else self._action.text()
            self._beneath = (self._text.text(), "warning", way, self._then)
        elif tone == "warning":
            self._beneath = None
        if not action and sentence in self._ways:
            action, then = self._ways[sentence]
        if action:
            self._standing = (sentence, tone, action, then)
        tokens = theme.current()
        name, colour = {
            "info": ("info", tokens.secondary),
            "good": ("check", tokens.good),
            "warning": ("warning", tokens.warning),
        }[tone]
        self._icon.setPixmap(icons.pixmap(name, colour, 16, self.devicePixelRatioF()))
        self._close.setIcon(icons.icon("close", size=16))
        self._text.setText(sentence)
        self.setAccessibleName(sentence)
        self.setProperty("tone", tone)
        theme.repolish(self)
        self._action.setText(action)
        self._action.setVisible(bool(action))
        self._then = then
        self.show()
        seconds = _SECONDS[tone] if not action else 0
        self._timer.start(seconds * 1000) if seconds else self._timer.stop()

    def offer(self, sentence: str, action: str, then: Callable[[], object]) -> None:
        """Give a sentence, from wherever it comes, a way forward."""
        self._ways[sentence] = (action, then)

    def reword(self, how: Callable[[str], str]) -> None:
        """Say otherwise what is shown, and what comes back after it."""
        self._text.setText(how(self._text.text()))
        self.setAccessibleName(self._text.text())
        if self._beneath is not None:
            self._beneath = (how(self._beneath[0]), *self._beneath[1:])
        if self._standing is not None:
            self._standing = (how(self._standing[0]), *self._standing[1:])

    def clear(self) -> None:
        """Send the notice off: what it spoke of has been left behind."""
        self._timer.stop()
        self._then = self._standing = self._beneath = None
        self._text.setText("")
        self.setAccessibleName("")
        self.hide()

    def _send_off(self) -> None:
        if self._then is not None:
            self._standing = None
        self._lapse()

    def _lapse(self) -> None:
        self._timer.stop()
        self.hide()
        back, self._beneath = self._beneath or self._standing, None
        if back is not None:
            self.say(*back)

    def _act(self) -> None:
        then, self._then, self._standing = self._then, None, None
        self.hide()
        if self._beneath is not None:
            self._lapse()
        if then is not None:
            then()
