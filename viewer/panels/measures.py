"""The measurements of the active view's image, as a list to choose from, delete and copy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QToolButton, QWidget

from viewer import icons
from viewer.state import AppState
from viewer.widgets.section import Section

if TYPE_CHECKING:
    from engine.images.image import Image
    from engine.measure.measurement import Measurement, Result

ROW = 28
MOST_ROWS = 6


class MeasuresPanel(Section):
    """Hidden while there is none."""

    def __init__(
        self,
        state: AppState,
        result: Callable[[Image, Measurement], Result],
        turn_to: Callable[[int], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("Measurements", parent)
        self._state = state
        self._result = result
        self._turn_to = turn_to
        self.list = QListWidget()
        self.list.setObjectName("measureList")
        self.list.setAccessibleName("Measurements")
        self.list.setUniformItemSizes(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.currentItemChanged.connect(self._choose)
        self.list.itemClicked.connect(lambda item: self._choose(item, None))
        self.body.addWidget(self.list)
        row = QHBoxLayout()
        row.setSpacing(4)
        self.copy = self._button("copy", "Copy all as text", self.copy_text)
        self.delete = self._button("trash", "Delete the chosen one (Delete)", self.delete_chosen)
        row.addStretch(1)
        row.addWidget(self.copy)
        row.addWidget(self.delete)
        self.extra.addLayout(row)
        state.measures.changed.connect(self.refresh)
        state.seriesOpened.connect(self.refresh)
        state.seriesClosed.connect(self.refresh)
        self.refresh()

    def retheme(self) -> None:
        """Take the icons of the current theme."""
        super().retheme()
        if hasattr(self, "delete"):
            self.copy.setIcon(icons.icon("copy", size=16))
            self.delete.setIcon(icons.icon("trash", size=16))

    def refresh(self, *_: object) -> None:
        """Read the measurements again."""
        image, document = self._state.measured, self._state.measurements
        items = document.items if document is not None else ()
        self.setVisible(bool(items))
        self.list.blockSignals(True)
        self.list.clear()
        chosen = document.selected if document is not None else None
        for item in items:
            assert image is not None
            row = QListWidgetItem(_words(image, item, self._result(image, item)))
            row.setData(Qt.ItemDataRole.UserRole, item.id)
            row.setSizeHint(QSize(0, ROW))
            result = self._result(image, item)
            row.setToolTip("\n".join(part for part in (*result.more, result.remark) if part))
            self.list.addItem(row)
            if chosen is not None and item.id == chosen.id:
                self.list.setCurrentItem(row)
        self.list.setFixedHeight(min(max(len(items), 1), MOST_ROWS) * ROW + 2)
        self.list.blockSignals(False)
        self.delete.setEnabled(chosen is not None)

    def copy_text(self) -> None:
        """Put all measurements on the clipboard as a table of text."""
        from engine.measure.measurement import describe

        image, document = self._state.measured, self._state.measurements
        if image is not None and document is not None:
            QGuiApplication.clipboard().setText(describe(image, document.items))
            self._state.notice.emit("The measurements have been copied as text.", "good")

    def delete_chosen(self) -> None:
        """Delete the chosen one; it can be undone."""
        document = self._state.measurements
        if document is not None and document.selected is not None:
            document.remove(document.selected.id)

    def _button(self, icon: str, text: str, act: Callable[[], None]) -> QToolButton:
        button = QToolButton()
        button.setIcon(icons.icon(icon, size=16))
        button.setIconSize(QSize(16, 16))
        button.setToolTip(text)
        button.setAccessibleName(text)
        button.clicked.connect(act)
        return button

    def _choose(self, row: QListWidgetItem | None, _: object) -> None:
        document = self._state.measurements
        if row is None or document is None:
            return
        found = row.data(Qt.ItemDataRole.UserRole)
        document.select(found)
        if document.selected is not None and document.selected.kind != "cover":
            self._turn_to(document.selected.frame)


def _words(image: Image, item: Measurement, result: Result) -> str:
    if item.kind == "cover":
        rows, cols = item.box(image.shape).shape
        return f"Cover  {cols} × {rows} px"
    where = f"  ·  slice {item.frame + 1}" if image.frames > 1 else ""
    return f"{item.title}  {result.text}{where}"
