"""One mask in the list: label and colour, name, measure, lock, visibility, and its menu."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import (
    QColorDialog,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from engine.masks.labels import Label
from engine.masks.mask import REFERENCE
from viewer import icons, theme
from viewer.canvas.mask_layer import DARK, REFERENCE_STYLE
from viewer.masking.labels import fill_menu
from viewer.widgets.elided import Elided

if TYPE_CHECKING:
    from engine.masks.mask import Mask


_LIGHT = 0.9
"""Lightness beyond which a swatch has an edge: on light ground it would not be seen."""


class _Swatch(QToolButton):
    """A mask's colour; of the one that came with the image, its line, which no other has."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.colour = "#000000"
        self.outlined = False
        self.setFixedSize(24, 24)
        self.setToolTip("Choose the mask's label and colour")

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        focus = self.hasFocus()
        colour = QColor(self.colour)
        if self.outlined:  # a piece of its outline, as the views draw it
            painter.setPen(QPen(theme.current().colour("accent") if focus else DARK, 5))
            painter.drawLine(3, 12, 21, 12)
            pen = QPen(colour, 2.4, REFERENCE_STYLE, Qt.PenCapStyle.FlatCap)
            pen.setDashPattern([3, 1, 1, 1, 1, 1])
            painter.setPen(pen)
            painter.drawLine(2, 12, 22, 12)
            return
        edge = theme.current().colour("secondary") if colour.lightnessF() > _LIGHT else None
        painter.setPen(theme.current().colour("accent") if focus else edge or Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRoundedRect(7, 7, 10, 10, 2, 2)


class _Name(QLineEdit):
    """Reads as text until it is edited."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFrame(False)
        self.setStyleSheet("QLineEdit { border: none; padding: 0; background: transparent; }")
        self.rest()

    def edit(self) -> None:
        """Let the name be typed."""
        self.setReadOnly(False)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, False)
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        self.selectAll()

    def rest(self) -> None:
        """Go back to being text."""
        self.setReadOnly(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.deselect()
        self.setCursorPosition(0)


class MaskRow(QWidget):
    """One mask. Click or Return to draw on it, double-click or F2 to rename, Delete to remove."""

    chosen = Signal(str)
    renamed = Signal(str, str)
    labelled = Signal(str, object)  # Label
    recoloured = Signal(str, str)
    shown = Signal(str, bool)
    shownAlone = Signal(str)
    locked = Signal(str, bool)
    duplicated = Signal(str)
    removed = Signal(str)
    editLabels = Signal()

    def __init__(
        self, mask_id: str, labels: Callable[[], Sequence[Label]], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.mask_id = mask_id
        self._labels = labels
        self._active = False
        self._mask: Mask | None = None
        self.setFixedHeight(theme.ROW)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self._swatch = _Swatch(self)
        self._swatch.clicked.connect(self._offer_labels)
        self.name = _Name(self)
        self.name.editingFinished.connect(self._finish_name)
        self.name.installEventFilter(self)
        self.measure = Elided("", "secondary")
        self.measure.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.lock = self._toggle()
        self.lock.clicked.connect(lambda on: self.locked.emit(self.mask_id, on))
        self.eye = self._toggle()
        self.eye.clicked.connect(lambda on: self.shown.emit(self.mask_id, on))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._swatch)
        layout.addWidget(self.name, 1)
        layout.addWidget(self.measure)
        layout.addWidget(self.lock)
        layout.addWidget(self.eye)

    def _toggle(self) -> QToolButton:
        button = QToolButton(self)
        button.setCheckable(True)
        button.setIconSize(QSize(16, 16))
        button.setFixedSize(24, 24)
        return button

    def show_mask(self, mask: Mask, measure: str, active: bool) -> None:
        """Show a mask's state."""
        self._active, self._mask = active, mask
        self._swatch.colour = mask.colour
        self._swatch.outlined = mask.id == REFERENCE
        self._swatch.setAccessibleName(f"Label and colour of {mask.label}")
        self._swatch.update()
        if self.name.isReadOnly():
            self.name.setText(mask.label)
            self.name.setCursorPosition(0)
        self.name.setAccessibleName(f"Name of {mask.label}")
        self.measure.setText(measure)
        self.measure.setToolTip(measure)
        self.eye.setChecked(mask.visible)
        name = "eye" if mask.visible else "eye-off"
        self.eye.setIcon(icons.icon(name, size=16, colour=theme.current().secondary))
        self.eye.setToolTip(f"{'Hide' if mask.visible else 'Show'} {mask.label}")
        self.eye.setAccessibleName(self.eye.toolTip())
        lock = ", locked" if mask.locked else ""
        self.lock.setChecked(mask.locked)
        colour = theme.current().secondary if mask.locked else theme.current().faint
        name = "lock" if mask.locked else "unlock"
        self.lock.setIcon(icons.icon(name, size=16, colour=colour))
        self.lock.setToolTip(
            f"{mask.label} is locked: nothing can change it. Click to unlock"
            if mask.locked
            else f"Lock {mask.label} against changes"
        )
        self.lock.setAccessibleName(f"{'Unlock' if mask.locked else 'Lock'} {mask.label}")
        self.setAccessibleName(f"{mask.label}, {measure}{', drawn on' if active else ''}{lock}")
        self.setToolTip(
            "Locked against changes. Double-click to rename it (F2)"
            if mask.locked
            else "Click to draw on this mask, double-click to rename it (F2), right-click for more"
        )
        self.update()

    def _finish_name(self) -> None:
        if not self.name.isReadOnly():
            text = self.name.text().strip()
            self.name.rest()
            self.renamed.emit(self.mask_id, text)

    def _offer_labels(self) -> None:
        menu = QMenu(self)
        self._fill_labels(menu)
        menu.exec(self._swatch.mapToGlobal(self._swatch.rect().bottomLeft()))

    def _fill_labels(self, menu: QMenu) -> None:
        fill_menu(menu, self._labels(), lambda entry: self.labelled.emit(self.mask_id, entry))
        menu.addSeparator()
        menu.addAction("Other colour…", self._pick_colour)
        menu.addAction("Edit labels…", self.editLabels.emit)

    def menu(self) -> QMenu:
        """Return what can be done to this mask."""
        menu, mask, me = QMenu(self), self._mask, self.mask_id
        assert mask is not None
        self._fill_labels(menu.addMenu("Label"))
        menu.addAction("Rename", self.name.edit)
        menu.addSeparator()
        menu.addAction("Show only this mask", lambda: self.shownAlone.emit(me))
        menu.addAction(
            "Hide" if mask.visible else "Show", lambda: self.shown.emit(me, not mask.visible)
        )
        menu.addAction(
            "Unlock" if mask.locked else "Lock", lambda: self.locked.emit(me, not mask.locked)
        )
        menu.addSeparator()
        menu.addAction("Duplicate", lambda: self.duplicated.emit(me))
        menu.addAction("Remove", lambda: self.removed.emit(me))
        return menu

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what can be done to this mask."""
        if self._mask is not None:
            self.menu().exec(event.globalPos())

    def _pick_colour(self) -> None:
        colour = QColorDialog.getColor(QColor(self._swatch.colour), self, "Colour of the mask")
        if colour.isValid():
            self.recoloured.emit(self.mask_id, colour.name())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Give up a name by Escape."""
        if (
            watched is self.name
            and isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() == Qt.Key.Key_Escape
        ):
            self.name.rest()
            self.renamed.emit(self.mask_id, "")
            return True
        return super().eventFilter(watched, event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Draw on this mask from now on."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(self.mask_id)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Rename."""
        self.name.edit()

    def event(self, event: QEvent) -> bool:
        """Keep Delete from the menu's shortcut, which is for a measurement."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            plain = event.modifiers() == Qt.KeyboardModifier.NoModifier
            if plain and event.key() == Qt.Key.Key_Delete:
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose, rename or remove by key."""
        key = event.key()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.chosen.emit(self.mask_id)
        elif key == Qt.Key.Key_F2:
            self.name.edit()
        elif key == Qt.Key.Key_Delete:
            self.removed.emit(self.mask_id)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the row's ground."""
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._active or self.underMouse() or self.hasFocus():
            painter.setPen(tokens.colour("accent") if self.hasFocus() else Qt.PenStyle.NoPen)
            painter.setBrush(tokens.colour("raised" if self._active else "hover"))
            painter.drawRoundedRect(self.rect().adjusted(0, 0, -1, -1), 4, 4)
