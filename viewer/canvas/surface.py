"""The black area of a view: paints the layers, and only where something changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QRectF, Qt
from PySide6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from viewer.canvas.view import ImageView


class Surface(QWidget):
    """Paints the view's layers and hands its input on.

    Painted directly rather than through a scene: that takes under half the time of a pyqtgraph
    ``ViewBox`` with the same layers for a full repaint, and far less for the few pixels around
    a brush (tests/benchmarks/test_canvas.py).
    """

    def __init__(self, view: ImageView) -> None:
        super().__init__(view)
        self._view = view
        self.setObjectName("viewSurface")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(48, 48)

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
        region = event.region()
        painter.setClipRegion(region)
        painter.fillRect(event.rect(), Qt.GlobalColor.black)
        self._view.paint(painter, event.rect())

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

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Let go of held keys."""
        self._view.interaction.lose_focus()
        super().focusOutEvent(event)

    def event(self, event: QEvent) -> bool:
        """Keep keys that belong to an unfinished polygon or stroke from the menus' shortcuts."""
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and self._view.interaction.takes(event)
        ):
            event.accept()
            return True
        return super().event(event)
