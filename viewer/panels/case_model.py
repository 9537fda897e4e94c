"""The rows of the case list as a Qt model: folded, filtered, and made again as cases come."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from engine.images.case import Series
from viewer.panels.case_rows import Item, Rows, words_of
from viewer.state import AppState

Index = QModelIndex | QPersistentModelIndex

#: The role whose data is the row's ``Item``.
ITEM_ROLE = Qt.ItemDataRole.UserRole


class CaseModel(QAbstractListModel):
    """Groups, patients, studies, series and the problems as one flat list."""

    def __init__(self, state: AppState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.rows = Rows(state.privacy)
        self.items: list[Item] = []
        state.cases.changed.connect(self.rebuild)
        state.privacy.changed.connect(self.rebuild)
        self.rebuild()

    def rebuild(self) -> None:
        """Read the case list again."""
        self.beginResetModel()
        self.items = self.rows.make(self._state.cases.groups)
        self.endResetModel()

    def look_for(self, text: str) -> None:
        """List only series that have every word of a text in them."""
        words = words_of(text)
        if words != self.rows.words:
            self.rows.words = words
            self.rebuild()

    def fold(self, row: int, folded: bool | None = None) -> bool:
        """Fold or unfold what a row heads (by default, the other way); return whether it did."""
        item = self.items[row]
        if item.fold is None or item.folded == folded or self.rows.words:
            return False
        self.rows.folded ^= {item.fold}
        self.rebuild()
        return True

    def toggle_problems(self) -> None:
        """Show or hide the single problems."""
        self.rows.problems_open = not self.rows.problems_open
        self.rebuild()

    @property
    def problems_open(self) -> bool:
        """Whether the single problems are listed."""
        return self.rows.problems_open

    def row_of(self, series: Series | None) -> int:
        """Return the row that shows a series, -1 if none does."""
        for row, item in enumerate(self.items):
            if series is not None and item.series is series:
                return row
        return -1

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of rows."""
        return 0 if parent.isValid() else len(self.items)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a role shows."""
        item = self.items[index.row()]
        if role == ITEM_ROLE:
            return item
        if role == Qt.ItemDataRole.DisplayRole:
            return item.text
        if role == Qt.ItemDataRole.ToolTipRole:
            return item.tip or None
        if role in (
            Qt.ItemDataRole.AccessibleTextRole,
            Qt.ItemDataRole.AccessibleDescriptionRole,
        ):
            return f"{item.text}, {item.detail}" if item.detail else item.text
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Headings cannot be chosen."""
        item = self.items[index.row()]
        if item.kind in ("heading", "none"):
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
