"""Where the views stand: in rows and columns, or one alone; takes series that are dropped."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QPoint
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from viewer.canvas.view import ImageView
from viewer.compare import dragging
from viewer.state import AppState
from viewer.state.contents import Content

Arrangement = Literal["automatic", "beside", "stacked"]
_HEADER = 30  # px of a view that are not image
_CLEARLY = 1.15  # comparing is easier side by side: stack only where the image gains by it
_GAP = 2
_NARROW = 400  # px; below, the header takes two lines


class Grid(QWidget):
    """Lays out the first ``state.views`` of ``views``, which its owner makes as they are needed.

    enlarged: whether the active view has all the room.
    """

    def __init__(self, state: AppState, views: list[ImageView], parent: QWidget) -> None:
        super().__init__(parent)
        self.setAcceptDrops(True)
        self._state = state
        self._views = views
        self._room = parent  # whose size the grid has as soon as it is shown
        self.arrangement: Arrangement = "automatic"
        self.enlarged = False
        self._placed: tuple[object, ...] = ()
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(_GAP)

    def set_arrangement(self, name: Arrangement) -> None:
        """Lay two views side by side or one above the other, or leave it to their size."""
        self.arrangement = name
        self.place()

    def enlarge(self, view: int | None) -> None:
        """Give one view all the room, or None to show the grid again."""
        if view is not None:
            self._state.set_active_view(view)
        self.enlarged = view is not None and self._state.views > 1
        self.place()

    def toggle_enlarged(self, view: int) -> None:
        """Give a view all the room, or its place in the grid again."""
        self.enlarge(None if self.enlarged else view)

    def place(self) -> None:
        """Put the views where they belong; nothing moves if they are there."""
        rows, cols = (1, 1) if self.enlarged else self._shape()
        state = self._state
        placed = (rows, cols, state.views, state.active_view if self.enlarged else None)
        if placed != self._placed:
            self._placed = placed
            for index, view in enumerate(self._views):
                self._layout.removeWidget(view)
                alone = self.enlarged and index != state.active_view
                if index < state.views and not alone:
                    row, col = (0, 0) if self.enlarged else divmod(index, cols)
                    self._layout.addWidget(view, row, col)
                    view.show()
                else:
                    view.hide()
            for at in range(3):
                self._layout.setRowStretch(at, int(at < rows))
                self._layout.setColumnStretch(at, int(at < cols))
            self.mark_active()
        narrow = (self._room.width() - (cols - 1) * _GAP) / cols < _NARROW
        for view in self._views:
            view.header.set_tall(narrow)

    def mark_active(self) -> None:
        """Frame the view that shortcuts speak of, where there are several to choose from."""
        several = self._state.views > 1 and not self.enlarged
        self._mark(self._state.active_view if several else None)

    def _mark(self, marked: int | None) -> None:
        for number, view in enumerate(self._views):
            view.set_active(number == marked)

    def _shape(self) -> tuple[int, int]:
        if self._state.views != 2:
            return self._state.grid
        stacked = self.arrangement == "stacked" or (
            self.arrangement == "automatic" and self._larger_when_stacked()
        )
        return (2, 1) if stacked else (1, 2)

    def _larger_when_stacked(self) -> bool:
        image = self._state.image
        if image is None:
            return False
        rows, cols = image.shape
        tall = rows * image.geometry.aspect
        width, height = self._room.width(), self._room.height()
        beside = min(width / 2 / cols, (height - _HEADER) / tall)
        stacked = min(width / cols, (height / 2 - _HEADER) / tall)
        return stacked > _CLEARLY * beside

    # Dropping

    def view_at(self, position: QPoint) -> int | None:
        """Return the view of the grid at a position, None beside them."""
        for number, view in enumerate(self._views[: self._state.views]):
            corner = view.mapTo(self, QPoint(0, 0)) if view.isVisibleTo(self) else None
            if corner is not None and view.rect().translated(corner).contains(position):
                return number
        return None

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take series from the list; files are the window's."""
        if dragging.series_of(event.mimeData(), self._state.cases) is not None:
            event.acceptProposedAction()
        else:
            event.ignore()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Frame the view that would show it."""
        target = self.view_at(event.position().toPoint())
        self._mark(target)
        event.setAccepted(target is not None)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Frame the active view again."""
        self.mark_active()

    def dropEvent(self, event: QDropEvent) -> None:
        """Show a series in the view it was dropped on."""
        found = dragging.series_of(event.mimeData(), self._state.cases)
        target = self.view_at(event.position().toPoint())
        self.mark_active()
        if found is None or target is None:
            return
        event.acceptProposedAction()
        case, series = found
        self._state.contents.set(target, Content(case, series))
        self._state.set_active_view(target)
