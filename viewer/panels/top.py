"""The top bar: product, menus, which model runs where, how many views, export."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QMenu,
    QMenuBar,
    QPushButton,
    QToolButton,
    QWidget,
)

from viewer import icons, theme
from viewer.state import AppState
from viewer.widgets.section import label

_WIDE = 1180  # px: all texts beside all menus
_NARROW = 1040  # below, the device is found in the settings and the palette


class TopBar(QFrame):
    """Chips say what is so, and open what changes it."""

    def __init__(self, state: AppState, menus: QMenuBar, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("topBar")
        self.setFixedHeight(theme.TOP_HEIGHT)
        self._state = state
        self.model = _chip("Model")
        self.device = _chip("Device and precision")
        self.export = QPushButton("Export")
        self.export.setToolTip("Export masks and pictures")
        self.export.setProperty("action", "export-all")
        self.export.setAccessibleName("Export")
        self.search = QPushButton("Search…")
        self.search.setToolTip("Search commands, cases and maps")
        self.search.setProperty("action", "palette")
        self.search.setAccessibleName("Search commands, cases and maps")
        self._views = QButtonGroup(self)
        self._buttons: list[QToolButton] = []
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 0, 12, 0)
        layout.setSpacing(8)
        layout.addWidget(label("Saliscope", "product"))
        layout.addWidget(menus, 0, Qt.AlignmentFlag.AlignVCenter)
        layout.addWidget(self.model)
        layout.addWidget(self.device)
        layout.addStretch(1)
        layout.addWidget(self.search)
        layout.addSpacing(8)
        for count, icon, text in ((1, "one-view", "One view"), (2, "two-views", "Two views")):
            button = QToolButton()
            button.setCheckable(True)
            button.setChecked(state.views == count)
            button.setIconSize(QSize(20, 20))
            button.setProperty("icon-name", icon)
            button.setAccessibleName(text)
            button.setToolTip(text)
            button.setProperty("action", icon)
            self._views.addButton(button, count)
            self._buttons.append(button)
            layout.addWidget(button)
        self._after_views = layout.count()
        layout.addSpacing(8)
        layout.addWidget(self.export)
        self._views.idClicked.connect(state.set_views)
        state.viewsChanged.connect(self._mark_views)
        state.analysis.sessionChanged.connect(self._refresh)
        self._refresh()
        for control in (self.model, self.device, self.search, self.export, *self._buttons):
            control.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves keys to the views
        self.retheme()

    def retheme(self) -> None:
        """Take the icons of the current theme."""
        for button in self._buttons:
            button.setIcon(icons.tool_icon(button.property("icon-name")))
        self.search.setIcon(icons.icon("search", size=16, colour=theme.current().secondary))
        self.export.setIcon(icons.icon("export", size=16, colour=theme.current().text))

    def set_menus(self, model: QMenu, device: QMenu, export: QMenu) -> None:
        """Say what the chips and the button open."""
        self.model.setMenu(model)
        self.device.setMenu(device)
        self.export.setMenu(export)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the menus their room: where it is narrow, search is its icon alone."""
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        self.search.setText("Search…" if self.width() >= _WIDE else "")
        session = self._state.analysis.session
        self.device.setVisible(session is not None and self.width() >= _NARROW)

    def add_beside_views(self, widget: QWidget) -> None:
        """Put a control beside those for the number of views."""
        layout = self.layout()
        assert isinstance(layout, QHBoxLayout)
        layout.insertWidget(self._after_views, widget)

    def _mark_views(self, count: int) -> None:
        self._views.setExclusive(False)  # neither is right for a grid
        for button in self._views.buttons():
            button.setChecked(self._views.id(button) == count)
        self._views.setExclusive(count in (1, 2))

    def _refresh(self) -> None:
        analysis = self._state.analysis
        session = analysis.session
        self._make_room()
        if session is None:
            self.model.setText("Loading the model…" if analysis.loading else "No model")
            self.model.setToolTip(analysis.problem or "Click to load a checkpoint")
        else:
            about = session.checkpoint.metadata
            self.model.setText(f"{about.name}  {about.version}")
            why = f", because {analysis.choice.reason}" if analysis.choice is not None else ""
            self.model.setToolTip(f"{about.name} answers{why}\nWhat it is, and other models")
            self.device.setText(f"{session.device.upper()} · {session.precision}")
            self.device.setToolTip(
                f"Where the model runs, and how precisely; click to change it\n"
                f"{session.precision_reason}"
            )
        self.model.setAccessibleName(f"Model: {self.model.text()}")
        self.device.setAccessibleName(f"Device and precision: {self.device.text()}")


def _chip(name: str) -> QPushButton:
    button = QPushButton()
    button.setProperty("role", "chip")
    button.setAccessibleName(name)
    return button
