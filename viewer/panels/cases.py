"""The cases on the left: a list of what was opened and of the demo, to filter, fold and choose."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from viewer import icons
from viewer.panels.case_delegate import CaseDelegate
from viewer.panels.case_model import ITEM_ROLE, CaseModel
from viewer.panels.case_rows import Item, in_order
from viewer.panels.thumbnails import Thumbnails
from viewer.state import AppState
from viewer.widgets.section import label
from viewer.widgets.wrapped import Wrapped

CHEVRON = 34
"""Pixels at a row's right end that fold it."""


class CasesPanel(QFrame):
    """The list with its empty state; the button folds it away."""

    collapse = Signal()
    open_file = Signal()
    open_folder = Signal()

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("casesPanel")
        self._state = state
        self.model = CaseModel(state, self)
        self._thumbnails = Thumbnails(state.jobs, self)
        self.list = QListView()
        self.list.setModel(self.model)
        self.list.setItemDelegate(CaseDelegate(state, self._thumbnails, self))
        self.list.setMouseTracking(True)
        self.list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setResizeMode(QListView.ResizeMode.Adjust)
        self.list.setAccessibleName("Cases")
        self.list.clicked.connect(self._choose)
        self.list.activated.connect(self._choose)
        self.list.installEventFilter(self)
        self.list.viewport().installEventFilter(self)
        self._thumbnails.ready.connect(lambda _: self.list.viewport().update())
        state.seriesOpening.connect(self._mark)
        state.seriesOpened.connect(self._mark)
        state.seriesFailed.connect(self._mark)
        state.seriesClosed.connect(self._mark)
        state.masks.changed.connect(lambda: self.list.viewport().update())
        self._collapse = QToolButton()
        self._collapse.setIcon(icons.icon("collapse-left", size=16))
        self._collapse.setIconSize(QSize(16, 16))
        self._collapse.setToolTip("Hide the cases")
        self._collapse.setProperty("action", "cases")
        self._collapse.setAccessibleName("Hide the cases")
        self._collapse.clicked.connect(self.collapse)
        head = QHBoxLayout()
        head.setContentsMargins(12, 4, 8, 0)
        self._heading = label("CASES", "heading")
        head.addWidget(self._heading)
        head.addStretch(1)
        head.addWidget(self._collapse)
        self.filter = QLineEdit()
        self.filter.setObjectName("caseFilter")
        self.filter.setPlaceholderText("Filter by name, study, sequence…")
        self.filter.setAccessibleName("Filter the cases")
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(self.model.look_for)
        self.filter.installEventFilter(self)
        within = QHBoxLayout()
        within.setContentsMargins(12, 4, 12, 4)
        within.addWidget(self.filter)
        self._empty = self._empty_state()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 4)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addLayout(within)
        layout.addWidget(self._empty)
        layout.addWidget(self.list, 1)
        self.model.modelReset.connect(self._refresh)
        self._refresh()

    def retheme(self) -> None:
        """Take the icons of the current theme."""
        self._collapse.setIcon(icons.icon("collapse-left", size=16))
        self.list.viewport().update()

    def _empty_state(self) -> QWidget:
        empty = QWidget()
        layout = QVBoxLayout(empty)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.setSpacing(8)
        layout.addWidget(Wrapped("Drop files or a folder here, or open them.", "secondary"))
        row = QHBoxLayout()
        row.setSpacing(8)
        for text, signal in (("Open files…", self.open_file), ("Folder…", self.open_folder)):
            button = QPushButton(text)
            button.clicked.connect(signal)
            row.addWidget(button)
        row.addStretch(1)
        layout.addLayout(row)
        return empty

    def _refresh(self) -> None:
        self._empty.setVisible(not self._state.cases.opened.cases)
        listed = sum(len(case.series) for case in in_order(self._state.cases.groups))
        self.filter.setVisible(listed > 1 or bool(self.filter.text()))
        self._mark()

    def _mark(self, *_: object) -> None:
        row = self.model.row_of(self._state.opening or self._state.series)
        if row >= 0:
            index = self.model.index(row)
            if self.list.currentIndex() != index:
                self.list.setCurrentIndex(index)
            self.list.scrollTo(index)
        self.list.viewport().update()

    def _choose(self, index: QModelIndex) -> None:
        item: Item = index.data(ITEM_ROLE)
        if item.kind == "problems":
            self.model.toggle_problems()
        elif item.case is not None:
            series = item.series or item.case.series[0]
            if series is not (self._state.opening or self._state.series):
                self._state.open_series(item.case, series)

    def _chevron_at(self, at: QPoint) -> int:
        """Return the row whose chevron lies at a position of the list, -1 for none."""
        index = self.list.indexAt(at)
        if not index.isValid() or self.model.items[index.row()].fold is None:
            return -1
        return index.row() if at.x() > self.list.visualRect(index).right() - CHEVRON else -1

    def step_case(self, by: int) -> None:
        """Open the first series of the next or the previous study."""
        cases = in_order(self._state.cases.groups)
        if not cases:
            return
        opening = self._state.opening or self._state.series
        at = next((i + by for i, case in enumerate(cases) if opening in case.series), 0)
        if 0 <= at < len(cases):
            self._state.open_series(cases[at], cases[at].series[0])

    def look(self) -> None:
        """Put the keyboard into the filter box."""
        if not self.filter.isHidden():
            self.filter.setFocus()
            self.filter.selectAll()

    def step(self, by: int) -> None:
        """Open the next or the previous series, folded or not."""
        state = self._state
        found = [(case, one) for case in in_order(state.cases.groups) for one in case.series]
        if not found:
            return
        now = state.opening or state.series
        at = next((i + by for i, (_, one) in enumerate(found) if one is now), 0)
        if 0 <= at < len(found):
            state.open_series(*found[at])

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Open by Return on every platform; fold by the chevron or the arrow keys."""
        if isinstance(event, QMouseEvent) and watched is self.list.viewport():
            return self._press(event)
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if watched is self.list:
                return self._list_key(event.key())
            if watched is self.filter:
                return self._filter_key(event.key())
        return super().eventFilter(watched, event)

    def _press(self, event: QMouseEvent) -> bool:
        kinds = (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease)
        if event.button() != Qt.MouseButton.LeftButton or event.type() not in kinds:
            return False
        row = self._chevron_at(event.position().toPoint())
        if row >= 0 and event.type() == QEvent.Type.MouseButtonPress:
            self.model.fold(row)
        return row >= 0

    def _list_key(self, key: int) -> bool:
        index = self.list.currentIndex()
        if not index.isValid():
            return False
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._choose(index)
            return True
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            row = index.row()
            if self.model.fold(row, folded=key == Qt.Key.Key_Left):
                self.list.setCurrentIndex(self.model.index(row))
            return True
        return False

    def _filter_key(self, key: int) -> bool:
        if key == Qt.Key.Key_Escape:
            self.filter.clear()
            self.list.setFocus()
            return True
        if key == Qt.Key.Key_Down:
            self.list.setFocus()
            return True
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            rows = [row for row, item in enumerate(self.model.items) if item.series is not None]
            if rows:
                self._choose(self.model.index(rows[0]))
            return True
        return False
