"""Taking a series from the list and dropping it on a view."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QByteArray, QEvent, QMimeData, QModelIndex, QObject, QPoint, Qt
from PySide6.QtGui import QDrag, QMouseEvent
from PySide6.QtWidgets import QAbstractItemView, QApplication

from engine.images.case import Case, Series
from viewer.state.cases import CaseList

MIME = "application/x-saliscope-series"
_Found = tuple[Case, Series]


def pack(series: Series) -> QMimeData:
    """Return what a drag of a series carries: its number within this program, nothing of it."""
    mime = QMimeData()
    mime.setData(MIME, QByteArray(str(id(series)).encode()))
    return mime


def series_of(mime: QMimeData, cases: CaseList) -> _Found | None:
    """Return the series that a drag carries, with its case; None where it carries none."""
    if not mime.hasFormat(MIME):
        return None
    number = bytes(mime.data(MIME).data()).decode("ascii", "replace")
    for group in cases.groups:
        for case in group.cases:
            for series in case.series:
                if str(id(series)) == number:
                    return case, series
    return None


class DragSource(QObject):
    """Lets the series of a list be dragged; ``find`` says which one a row is, if any."""

    def __init__(
        self, view: QAbstractItemView, find: Callable[[QModelIndex], Series | None]
    ) -> None:
        super().__init__(view)
        self._view = view
        self._find = find
        self._from: tuple[QPoint, Series] | None = None
        view.viewport().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Begin a drag once the mouse has clearly left the place where it was pressed."""
        if not isinstance(event, QMouseEvent):
            return False
        at = event.position().toPoint()
        if event.type() == QEvent.Type.MouseButtonPress:
            series = self._find(self._view.indexAt(at))
            left = event.button() == Qt.MouseButton.LeftButton
            self._from = (at, series) if left and series is not None else None
        elif event.type() == QEvent.Type.MouseButtonRelease:
            self._from = None
        elif event.type() == QEvent.Type.MouseMove and self._from is not None:
            start, series = self._from
            if not event.buttons() & Qt.MouseButton.LeftButton:
                self._from = None
            elif (at - start).manhattanLength() >= QApplication.startDragDistance():
                self._from = None
                self._drag(series)
                return True
        return False

    def _drag(self, series: Series) -> None:
        drag = QDrag(self._view)
        drag.setMimeData(pack(series))
        drag.exec(Qt.DropAction.CopyAction)
