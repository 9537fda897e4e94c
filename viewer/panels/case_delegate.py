"""Paints the rows of the case list."""

from __future__ import annotations

from PySide6.QtCore import QObject, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from viewer import icons, theme
from viewer.panels.case_model import ITEM_ROLE, CaseModel, Index
from viewer.panels.case_rows import Item
from viewer.panels.thumbnails import THUMBNAIL, Thumbnails
from viewer.state import AppState

INSET = 8
"""Pixels by which a row stands in from the one above that it belongs to."""


def fitted(text: str, metrics: QFontMetrics, width: float, *, start: bool = False) -> str:
    """Return text cut to a width; what tells series apart (" · TE 10.9 ms") is kept.

    Where there is room, a study's date and count too: a date cut in half says nothing. start: its
    beginning is kept instead.
    """
    if start:
        return metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(width))
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
        item: Item = index.data(ITEM_ROLE)
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
        item: Item = index.data(ITEM_ROLE)
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
            size = QSize(THUMBNAIL)
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
        lost = item.series is not None and state.cases.incomplete(item.series) is not None
        if lost or (item.series is not None and item.series.notes):
            scale = painter.device().devicePixelRatioF()
            name, ink = ("warning", tokens.warning) if lost else ("info", tokens.secondary)
            sign = icons.pixmap(name, ink, 14, scale)
            painter.drawPixmap(int(right) - 14, int(area.center().y()) + 2, sign)
            right -= 18
        self._line(painter, item.text, left, title_right, area.center().y() - 19, "text", 13)
        top = area.center().y() - 0.5
        self._line(painter, item.detail, left, right, top, "secondary", 12, start=lost)

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
        *,
        start: bool = False,
    ) -> None:
        font = theme.font(size)
        painter.setFont(font)
        painter.setPen(theme.current().colour(role))
        box = QRectF(left, top, max(right - left, 0), 18)
        shown = fitted(text, painter.fontMetrics(), box.width(), start=start)
        painter.drawText(box, theme.LEFT_MIDDLE, shown)

    def _badge(self, item: Item) -> str:
        if item.series is None:
            return ""
        count = self._state.mask_count(item.series)
        return f"{count} mask{'s' if count > 1 else ''}" if count else ""
