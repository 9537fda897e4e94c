"""The right side: answer, evidence, doubt, in that order; every section folds."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QToolButton, QVBoxLayout, QWidget

from viewer import icons
from viewer.panels.agreement import AgreementPanel
from viewer.panels.honesty import HonestyPanel
from viewer.panels.image import ImagePanel
from viewer.panels.masks import MasksPanel
from viewer.panels.mirror import MirrorPanel
from viewer.panels.overlay import OverlayPanel
from viewer.panels.prediction import PredictionPanel
from viewer.state import AppState
from viewer.widgets.section import Section

_FOLDED = ("mirror", "measurements", "image")
"""Sections that wait to be unfolded: few images show both limbs, measurements are written beside
what they measure, and what the image's header says is looked up now and then."""
_LOW = ("overlay",)
"""Sections that wait where there is little room, until the reader has said otherwise."""
_ROOM = 900
"""Height of the panel, logical pixels, from which there is room for those."""


class AnswersPanel(QFrame):
    """Holds the sections and remembers which are folded."""

    collapse = Signal()

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("answersPanel")
        self._state = state
        self._settling = False  # sections fold by the panel's height, not by the reader's hand
        self.prediction = PredictionPanel(state)
        self.agreement = AgreementPanel(state)
        self.overlay = OverlayPanel(state)
        self.honesty = HonestyPanel(state, state.honesty)
        self.mirror = MirrorPanel(state)
        self.masks = MasksPanel(state)
        self.image = ImagePanel(state)
        self.sections: dict[str, Section] = {
            "prediction": self.prediction,
            "agreement": self.agreement,
            "honesty": self.honesty,
            "masks": self.masks,
            "overlay": self.overlay,
            "mirror": self.mirror,
            "image": self.image,
        }
        self._collapse = QToolButton()
        self._collapse.setIconSize(QSize(16, 16))
        self._collapse.setToolTip("Hide the answers")
        self._collapse.setProperty("action", "answers")
        self._collapse.setAccessibleName("Hide the answers")
        self._collapse.clicked.connect(self.collapse)
        self.prediction.extra.addWidget(self._collapse)
        content = QWidget()
        stack = self._stack = QVBoxLayout(content)
        stack.setContentsMargins(0, 0, 0, 0)
        stack.setSpacing(0)
        for name, section in self.sections.items():
            stack.addWidget(section)
            section.set_folded(state.settings.flag(f"folded/{name}", name in _FOLDED))
            section.folded.connect(partial(self._keep, name))
        stack.addStretch(1)
        scroll = self._scroll = QScrollArea()
        scroll.setWidget(content)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scroll)
        self.retheme()

    def add_section(self, name: str, section: Section, before: str) -> None:
        """Put another section before one that is there."""
        content = self.sections[before].parentWidget()
        stack = content.layout() if content is not None else None
        assert isinstance(stack, QVBoxLayout)
        stack.insertWidget(stack.indexOf(self.sections[before]), section)
        section.set_folded(self._state.settings.flag(f"folded/{name}", name in _FOLDED))
        section.folded.connect(partial(self._keep, name))
        self.sections[name] = section

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold what can wait where there is little room, as long as the reader has not chosen."""
        super().resizeEvent(event)
        self._settling = True
        for name in _LOW:
            if not self._state.settings.text(f"folded/{name}"):
                self.sections[name].set_folded(self.height() < _ROOM)
        self._settling = False

    def _keep(self, name: str, folded: bool) -> None:
        if not self._settling:
            self._state.settings.set(f"folded/{name}", folded)

    def reveal(self, name: str) -> None:
        """Unfold a section and scroll to it."""
        section = self.sections[name]
        section.set_folded(False)
        self._stack.activate()
        self._scroll.ensureWidgetVisible(section, 0, 0)

    def retheme(self) -> None:
        """Take the icons of the current theme."""
        self._collapse.setIcon(icons.icon("collapse-right", size=16))
        for section in self.sections.values():
            section.retheme()
