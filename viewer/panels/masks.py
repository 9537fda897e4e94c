"""The masks of the image: name, colour, visibility, area, agreement with a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QColorDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from viewer import icons, theme
from viewer.state import AppState
from viewer.widgets.elided import Elided
from viewer.widgets.remark import Remark
from viewer.widgets.section import Section, label

if TYPE_CHECKING:
    from engine.masks.mask import Mask

_MM2_PER_CM2 = 100.0


def area_text(pixels: int, mm2: float | None) -> str:
    """Return an area in the unit that suits its size; pixels where the file gives no spacing."""
    if pixels == 0:
        return "empty"
    if mm2 is None:
        return f"{pixels:,} px".replace(",", " ")
    return f"{mm2 / _MM2_PER_CM2:.2f} cm²" if mm2 >= _MM2_PER_CM2 else f"{mm2:.1f} mm²"


class _Swatch(QToolButton):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.colour = "#000000"
        self.setFixedSize(24, 24)
        self.setToolTip("Change the mask's colour")

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.current().colour("accent") if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self.colour))
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
    recoloured = Signal(str, str)
    shown = Signal(str, bool)
    removed = Signal(str)

    def __init__(self, mask_id: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.mask_id = mask_id
        self._active = False
        self.setFixedHeight(theme.ROW)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self._swatch = _Swatch(self)
        self._swatch.clicked.connect(self._pick_colour)
        self.name = _Name(self)
        self.name.editingFinished.connect(self._finish_name)
        self.name.installEventFilter(self)
        self.measure = Elided("", "secondary")
        self.measure.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.lock = QLabel(self)
        self.lock.setFixedWidth(16)
        self.eye = QToolButton(self)
        self.eye.setCheckable(True)
        self.eye.setIconSize(QSize(16, 16))
        self.eye.setFixedSize(24, 24)
        self.eye.clicked.connect(lambda on: self.shown.emit(self.mask_id, on))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._swatch)
        layout.addWidget(self.name, 1)
        layout.addWidget(self.lock)
        layout.addWidget(self.measure)
        layout.addWidget(self.eye)

    def show_mask(self, mask: Mask, measure: str, active: bool) -> None:
        """Show a mask's state."""
        self._active = active
        self._swatch.colour = mask.colour
        self._swatch.setAccessibleName(f"Colour of {mask.label}")
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
        self.lock.setVisible(mask.locked)
        if mask.locked:
            scale = self.devicePixelRatioF()
            self.lock.setPixmap(icons.pixmap("lock", theme.current().secondary, 14, scale))
            self.lock.setToolTip(f"{mask.label} is locked: it cannot be drawn on")
        self.setAccessibleName(f"{mask.label}, {measure}{', drawn on' if active else ''}{lock}")
        self.setToolTip(
            "Locked: it came with the image. Double-click to rename it (F2)"
            if mask.locked
            else "Click to draw on this mask, double-click to rename it (F2)"
        )
        self.update()

    def _finish_name(self) -> None:
        if not self.name.isReadOnly():
            text = self.name.text().strip()
            self.name.rest()
            self.renamed.emit(self.mask_id, text)

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


class MasksPanel(Section):
    """A row a mask; every change goes through the document and can be undone."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__("Masks", parent)
        self._state = state
        self._rows: dict[str, MaskRow] = {}
        self._list = QVBoxLayout()
        self._list.setSpacing(0)
        self._remark = Remark()
        self.body.addLayout(self._list)
        self.body.addWidget(self._remark)
        self.add = self._button("plus", "Add a mask", self._on_add)
        self.clear = self._button("eraser", "Clear the active mask on this frame", self._on_clear)
        self.remove = self._button("trash", "Remove the active mask", self._on_remove)
        self._total = label("", "secondary")
        self.body.addWidget(self._total)
        state.masks.changed.connect(self.refresh)
        state.frameChanged.connect(self.refresh)
        self.refresh()

    @property
    def rows(self) -> dict[str, MaskRow]:
        """The rows by mask id."""
        return self._rows

    def _button(self, icon: str, what: str, act: object) -> QToolButton:
        button = QToolButton()
        button.setIcon(icons.icon(icon, size=16))
        button.setIconSize(QSize(16, 16))
        button.setToolTip(what)
        button.setAccessibleName(what)
        button.setProperty("icon-name", icon)
        button.clicked.connect(act)
        self.extra.addWidget(button)
        return button

    def retheme(self) -> None:
        """Take the icons of the current theme."""
        super().retheme()
        for button in self.findChildren(QToolButton):
            name = button.property("icon-name")
            if name:
                button.setIcon(icons.icon(name, size=16))

    def refresh(self, *_: object) -> None:
        """Show the document as it is."""
        masks, document = self._state.masks, self._state.masks.document
        ids = tuple(mask.id for mask in masks.all)
        if ids != tuple(self._rows):
            self._rebuild(ids)
        active = document.active if document is not None else None
        for mask in masks.all:
            self._rows[mask.id].show_mask(mask, self._measure(mask), mask is active)
        has_image = document is not None
        self.add.setEnabled(has_image)
        self.clear.setEnabled(active is not None and active.area(self._state.frame) > 0)
        self.remove.setEnabled(active is not None)
        if not has_image:
            self._remark.say("Open an image to draw on it.")
        elif not ids:
            self._remark.say("Take the brush (B) and draw; a mask is added with the first stroke.")
        else:
            self._remark.say("")
        self._total.setText(self._volume(active))
        self._total.setVisible(bool(self._total.text()))

    def _measure(self, mask: Mask) -> str:
        document, frame = self._state.masks.document, self._state.frame
        assert document is not None
        text = area_text(mask.area(frame), document.area_mm2(mask.id, frame))
        compared = self._state.masks.compared
        both = compared is not None and mask is not compared
        if compared is not None and both and compared.area(frame) and mask.area(frame):
            dice = document.dice(compared.id, mask.id, frame)
            if dice is not None:
                text += f" · Dice {dice:.2f}"
        return text

    def _volume(self, active: Mask | None) -> str:
        document, image = self._state.masks.document, self._state.image
        if document is None or active is None or image is None or image.frames < 2:
            return ""
        drawn = sum(1 for pixels in active.frames.values() if pixels.any())
        volume = document.volume_ml(active.id)
        text = f"{active.label}: drawn on {drawn} of {image.frames} frames"
        return text + (f", {volume:.1f} ml" if volume is not None else "")

    def _rebuild(self, ids: tuple[str, ...]) -> None:
        document = self._state.masks.document
        for row in self._rows.values():
            row.deleteLater()
        self._rows = {}
        if document is None:
            return
        for mask_id in ids:
            row = MaskRow(mask_id)
            row.chosen.connect(document.set_active)
            row.renamed.connect(self._rename)
            row.recoloured.connect(document.recolour)
            row.shown.connect(document.set_visible)
            row.removed.connect(self._remove)
            self._list.addWidget(row)
            self._rows[mask_id] = row

    def _rename(self, mask_id: str, text: str) -> None:
        document = self._state.masks.document
        if document is not None and text:
            self._state.attempt(lambda: document.rename(mask_id, text))
        self.refresh()

    def _remove(self, mask_id: str) -> None:
        document = self._state.masks.document
        if document is not None:
            self._state.attempt(lambda: document.remove_mask(mask_id))

    def _on_add(self) -> None:
        document = self._state.masks.document
        if document is not None:
            document.add_mask()

    def _on_clear(self) -> None:
        document = self._state.masks.document
        if document is not None:
            self._state.attempt(lambda: document.clear(self._state.frame))

    def _on_remove(self) -> None:
        document = self._state.masks.document
        if document is not None and document.active is not None:
            self._remove(document.active.id)
