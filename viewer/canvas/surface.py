"""The black area of a view: paints the layers, and only where something changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QCoreApplication, QEvent, QRect, QRectF, Qt
from PySide6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPointingDevice,
    QRegion,
    QResizeEvent,
    QTabletEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from viewer import theme

if TYPE_CHECKING:
    from viewer.canvas.view import ImageView


class Surface(QWidget):
    """Paints the view's layers and hands its input on.

    Painted directly rather than through a pyqtgraph ``ViewBox``: a full repaint takes about as
    long, smooth, outlined and lettered as it is, but the few pixels around a brush take a
    fraction (tests/benchmarks/test_canvas.py).
    """

    def __init__(self, view: ImageView) -> None:
        super().__init__(view)
        self._view = view
        self._ring = False
        self.setObjectName("viewSurface")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(48, 48)
        # A stroke wants every position that the mouse reports, not the last one of each frame.
        QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_CompressHighFrequencyEvents, False)

    def refresh(self, area: QRectF | None = None) -> None:
        """Have an area painted again (logical pixels), everything by default."""
        if area is None:
            self.update()
        else:
            # Two pixels for antialiasing and for what bilinear painting takes from neighbours.
            self.update(area.toAlignedRect().adjusted(-2, -2, 2, 2))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint what must be painted again."""
        painter = QPainter(self)
        for area in clusters(event.region()):
            painter.setClipRect(area)
            painter.fillRect(area, Qt.GlobalColor.black)
            self._view.layers.paint(painter)
            if self._ring:
                painter.setPen(QPen(theme.current().colour("accent"), 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(self.rect().adjusted(1, 1, -1, -1))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the image where it was, or fitted."""
        self._view.surface_resized(self.width(), self.height())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Hand over to the tools."""
        self._view.activated.emit()
        self._view.interaction.press(event)
        self._view.refresh_cursor()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Hand over to the tools."""
        self._view.interaction.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Hand over to the tools."""
        self._view.interaction.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Hand over to the tools."""
        self._view.interaction.release(event)
        self._view.refresh_cursor()

    def tabletEvent(self, event: QTabletEvent) -> None:
        """Hand a pen over to the tools, with its pressure; accepted, it is not a mouse as well."""
        interaction, kind = self._view.interaction, event.type()
        eraser = event.pointerType() == QPointingDevice.PointerType.Eraser
        # A pen that hovers shows the brush in full size; one that is lifted presses no more.
        hovers = kind == QEvent.Type.TabletMove and not event.buttons()
        interaction.pen = (1.0 if hovers else event.pressure(), eraser)
        if kind == QEvent.Type.TabletPress:
            self._view.activated.emit()
            interaction.press(event)
        elif kind == QEvent.Type.TabletMove:
            interaction.move(event)
        elif kind == QEvent.Type.TabletRelease:
            interaction.release(event)
            interaction.pen = (1.0, False)
        self._view.refresh_cursor()
        event.accept()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Hand over to slices, zoom or tool size."""
        self._view.interaction.wheel(event)

    def enterEvent(self, event: QEvent) -> None:
        """Let keys follow the mouse from one view to the next, but from nowhere else."""
        focused = self.window().focusWidget()
        if isinstance(focused, Surface) and focused is not self:
            self.setFocus(Qt.FocusReason.MouseFocusReason)

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the cursor."""
        self._view.interaction.leave()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Hand over to tools and commands."""
        if not self._view.interaction.key_press(event):
            super().keyPressEvent(event)
        self._view.refresh_cursor()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Hand over to tools and commands."""
        if not self._view.interaction.key_release(event):
            super().keyReleaseEvent(event)
        self._view.refresh_cursor()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show that the keyboard is here where it came by keyboard; the view is the active one."""
        super().focusInEvent(event)
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self._ring = True
            self._view.activated.emit()
            self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Let go of held keys."""
        if self._ring:
            self._ring = False
            self.update()
        self._view.interaction.lose_focus()
        super().focusOutEvent(event)

    def event(self, event: QEvent) -> bool:
        """Take pinches, and keep an unfinished polygon's or stroke's keys from the menus."""
        if isinstance(event, QNativeGestureEvent) and (
            event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture
        ):
            at = event.position()
            self._view.zoom_by(max(1 + event.value(), 0.1), at.x(), at.y())
            return True
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and self._view.interaction.takes(event)
        ):
            event.accept()
            return True
        return super().event(event)


#: Rectangles closer together than this, logical pixels, are painted as one.
NEAR = 24


def clusters(region: QRegion) -> list[QRect]:
    """Return few rectangles, none overlapping another, that cover a region.

    The brush and the read-out in the corner change together; painting all that lies between them
    would cost far more than painting twice.
    """
    found: list[QRect] = []
    for rect in cast(Iterable[QRect], region):  # it is, though its stub does not say so
        whole = QRect(rect)
        merged = True
        while merged:
            merged = False
            for other in found:
                if other.intersects(whole.adjusted(-NEAR, -NEAR, NEAR, NEAR)):
                    found.remove(other)
                    whole |= other
                    merged = True
                    break
        found.append(whole)
    return found
