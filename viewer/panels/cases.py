"""The cases on the left: what was opened and the demo, with thumbnails that load as needed."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFont, QFontMetrics, QImage, QKeyEvent, QMouseEvent, QPainter, QPixmap
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.images.case import Series
from viewer import icons, theme
from viewer.jobs import Jobs
from viewer.panels.case_rows import Item, Rows, in_order, words_of
from viewer.state import AppState
from viewer.widgets.section import label
from viewer.widgets.wrapped import Wrapped

Index = QModelIndex | QPersistentModelIndex

_THUMBNAIL = QSize(52, 40)
_KEPT_THUMBNAILS = 1024
INSET = 8
"""Pixels by which a row stands in from the one above that it belongs to."""
CHEVRON = 34
"""Pixels at a row's right end that fold it."""
_ITEM_ROLE = Qt.ItemDataRole.UserRole


class Thumbnails(QObject):
    """Loads thumbnails off the GUI thread, the ones asked for last first."""

    ready = Signal(object)  # Series

    def __init__(self, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._pictures: OrderedDict[Series, QPixmap | None] = OrderedDict()
        self._asked = 0

    def get(self, series: Series, scale: float) -> QPixmap | None:
        """Return the picture if it is there, else have it loaded."""
        if series in self._pictures:
            self._pictures.move_to_end(series)
            return self._pictures[series]
        self._pictures[series] = None
        while len(self._pictures) > _KEPT_THUMBNAILS:
            self._pictures.popitem(last=False)
        self._asked += 1
        side = round(2 * _THUMBNAIL.width() * max(scale, 1.0))  # wide images are cut at the sides
        self._jobs.start(
            "Thumbnail",
            lambda _: series.thumbnail(side),
            lambda pixels: self._loaded(series, pixels, scale),
            lane="thumbnails",
            failed=lambda _: None,
            shown=False,
            priority=self._asked,
        )
        return None

    def _loaded(self, series: Series, pixels: NDArray[np.uint8], scale: float) -> None:
        self._pictures[series] = _covering(pixels, scale)
        self.ready.emit(series)


def _covering(pixels: NDArray[np.uint8], scale: float) -> QPixmap:
    """Return the picture cut to the thumbnail's shape, filling it."""
    pixels = np.ascontiguousarray(pixels)
    colour = pixels.ndim == 3
    kind = QImage.Format.Format_RGB888 if colour else QImage.Format.Format_Grayscale8
    image = QImage(pixels.data, pixels.shape[1], pixels.shape[0], pixels.strides[0], kind).copy()
    size = _THUMBNAIL * scale
    grown = image.scaled(
        size,
        Qt.AspectRatioMode.KeepAspectRatioByExpanding,
        Qt.TransformationMode.SmoothTransformation,
    )
    cut = grown.copy(
        (grown.width() - size.width()) // 2,
        (grown.height() - size.height()) // 2,
        size.width(),
        size.height(),
    )
    picture = QPixmap.fromImage(cut)
    picture.setDevicePixelRatio(scale)
    return picture


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
        if role == _ITEM_ROLE:
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


def fitted(text: str, metrics: QFontMetrics, width: float) -> str:
    """Return text cut to a width; what tells series apart (" · TE 10.9 ms") is kept.

    Where there is room, a study's date and count too: a date cut in half says nothing.
    """
    if metrics.horizontalAdvance(text) <= width:
        return text
    first, dot, rest = text.partition(" · ")
    room = width - metrics.horizontalAdvance(dot + rest)
    if dot and room >= width / 6:
        return metrics.elidedText(first, Qt.TextElideMode.ElideRight, int(room)) + dot + rest
    head, dot, tail = text.rpartition(" · ")
    room = width - metrics.horizontalAdvance(dot + tail)
    if dot and room >= width / 3:
        return metrics.elidedText(head, Qt.TextElideMode.ElideRight, int(room)) + dot + tail
    return metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(width))


class CaseDelegate(QStyledItemDelegate):
    """Paints thumbnail, title, summary, the badge of masks and the sign for notes."""

    def __init__(self, state: AppState, thumbnails: Thumbnails, parent: QObject) -> None:
        super().__init__(parent)
        self._state = state
        self._thumbnails = thumbnails

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return the row's height by kind."""
        item: Item = index.data(_ITEM_ROLE)
        if item.kind == "problem":
            width = option.widget.width() - 36 if option.widget else 200
            metrics = QFontMetrics(theme.font(12))
            box = metrics.boundingRect(
                0, 0, width, 1000, int(Qt.TextFlag.TextWordWrap), item.detail
            )
            return QSize(0, box.height() + 12)
        heights = {"heading": 32, "case": 56, "series": 48, "problems": 32, "none": 32}
        if item.kind in ("case", "patient") and item.series is None:
            return QSize(0, 44)
        return QSize(0, heights[item.kind])

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one row."""
        item: Item = index.data(_ITEM_ROLE)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(option.rect)
        if item.kind in ("heading", "none"):
            self._paint_heading(painter, area, item)
        elif item.kind in ("problems", "problem"):
            self._paint_problem(painter, area, item, option)
        else:
            self._paint_case(painter, area, item, option)
        painter.restore()

    def _paint_heading(self, painter: QPainter, area: QRectF, item: Item) -> None:
        painter.setFont(theme.font(11, QFont.Weight.DemiBold, spaced=True))
        painter.setPen(theme.current().colour("secondary"))
        painter.drawText(area.adjusted(12, 4, -8, 0), theme.LEFT_MIDDLE, item.text)

    def _paint_problem(
        self, painter: QPainter, area: QRectF, item: Item, option: QStyleOptionViewItem
    ) -> None:
        tokens = theme.current()
        self._paint_ground(painter, area, option, current=False)
        painter.setFont(theme.font(12))
        if item.kind == "problems":
            sign = icons.pixmap("warning", tokens.warning, 14, painter.device().devicePixelRatioF())
            painter.drawPixmap(int(area.left()) + 14, int(area.center().y()) - 7, sign)
            painter.setPen(tokens.colour("secondary"))
            painter.drawText(area.adjusted(36, 0, -24, 0), theme.LEFT_MIDDLE, item.text)
            model = option.widget.model() if isinstance(option.widget, QListView) else None
            open_ = isinstance(model, CaseModel) and model.problems_open
            name = "chevron-down" if open_ else "chevron-right"
            chevron = icons.pixmap(name, tokens.secondary, 12, painter.device().devicePixelRatioF())
            painter.drawPixmap(int(area.right()) - 24, int(area.center().y()) - 6, chevron)
            return
        painter.setPen(tokens.colour("secondary"))
        painter.drawText(
            area.adjusted(14, 4, -14, -4),
            int(Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap),
            item.detail,
        )

    def _paint_ground(
        self, painter: QPainter, area: QRectF, option: QStyleOptionViewItem, *, current: bool
    ) -> None:
        tokens = theme.current()
        ground = area.adjusted(8, 2, -8, -2)
        hover = bool(option.state & QStyle.StateFlag.State_MouseOver)
        focus = bool(option.state & QStyle.StateFlag.State_HasFocus)
        if current or hover or focus:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.colour("raised" if current else "hover"))
            painter.drawRoundedRect(ground, 4, 4)
        if focus:
            painter.setPen(tokens.colour("accent"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(ground.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        if current:
            painter.fillRect(
                QRectF(ground.left(), ground.top() + 4, 2, ground.height() - 8),
                tokens.colour("accent"),
            )

    def _paint_case(
        self, painter: QPainter, area: QRectF, item: Item, option: QStyleOptionViewItem
    ) -> None:
        tokens = theme.current()
        state = self._state
        current = item.series is not None and item.series in (state.opening or state.series,)
        self._paint_ground(painter, area, option, current=current)
        left = area.left() + 14 + INSET * item.inset
        if item.fold is not None:
            self._paint_chevron(painter, area, item)
        if item.series is not None:
            size = QSize(_THUMBNAIL)
            if item.kind == "series":
                size = QSize(42, 32)
            frame = QRectF(left, area.center().y() - size.height() / 2, size.width(), size.height())
            painter.fillRect(frame, tokens.colour("canvas"))
            scale = painter.device().devicePixelRatioF()
            picture = self._thumbnails.get(item.series, scale)
            if picture is not None:
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
                painter.drawPixmap(frame.toRect(), picture)
            left = frame.right() + 8
        right = area.right() - (30 if item.fold is not None else 14)
        badge = self._badge(item)
        if badge:
            painter.setFont(theme.font(11))
            width = painter.fontMetrics().horizontalAdvance(badge)
            painter.setPen(tokens.colour("good"))
            box = QRectF(right - width - 2, area.center().y() - 20, width + 4, 20)
            painter.drawText(box, theme.RIGHT_MIDDLE, badge)
            title_right = right - width - 8
        else:
            title_right = right
        if item.series is not None and item.series.notes:
            scale = painter.device().devicePixelRatioF()
            sign = icons.pixmap("info", tokens.secondary, 14, scale)
            painter.drawPixmap(int(right) - 14, int(area.center().y()) + 2, sign)
            right -= 18
        self._line(painter, item.text, left, title_right, area.center().y() - 19, "text", 13)
        self._line(painter, item.detail, left, right, area.center().y() - 0.5, "secondary", 12)

    def _paint_chevron(self, painter: QPainter, area: QRectF, item: Item) -> None:
        name = "chevron-right" if item.folded else "chevron-down"
        scale = painter.device().devicePixelRatioF()
        picture = icons.pixmap(name, theme.current().secondary, 12, scale)
        painter.drawPixmap(int(area.right()) - 26, int(area.center().y()) - 6, picture)

    def _line(
        self,
        painter: QPainter,
        text: str,
        left: float,
        right: float,
        top: float,
        role: str,
        size: int,
    ) -> None:
        font = theme.font(size)
        painter.setFont(font)
        painter.setPen(theme.current().colour(role))
        box = QRectF(left, top, max(right - left, 0), 18)
        painter.drawText(box, theme.LEFT_MIDDLE, fitted(text, painter.fontMetrics(), box.width()))

    def _badge(self, item: Item) -> str:
        if item.series is None:
            return ""
        count = self._state.mask_count(item.series)
        return f"{count} mask{'s' if count > 1 else ''}" if count else ""


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
        item: Item = index.data(_ITEM_ROLE)
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
