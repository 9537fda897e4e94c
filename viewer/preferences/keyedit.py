"""A field that takes the next key pressed in it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QKeyCombination, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QLineEdit, QWidget

_MODIFIERS = (
    Qt.Key.Key_Shift,
    Qt.Key.Key_Control,
    Qt.Key.Key_Alt,
    Qt.Key.Key_AltGr,
    Qt.Key.Key_Meta,
    Qt.Key.Key_CapsLock,
    Qt.Key.Key_NumLock,
    Qt.Key.Key_unknown,
)
_LEAVE = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)
_REST = "Press a key here"


class KeyEdit(QLineEdit):
    """Tab and Escape keep their meaning, so that the keyboard is never caught in it."""

    pressed = Signal(str)  # in Qt's portable spelling

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setPlaceholderText(_REST)
        self.setAccessibleName("New key: press it here")
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)

    def event(self, event: QEvent) -> bool:
        """Keep keys from being shortcuts while they are being chosen."""
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.ShortcutOverride
            and event.key() not in (*_LEAVE, Qt.Key.Key_Escape)
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take the key."""
        key = event.key()
        if key in (*_LEAVE, Qt.Key.Key_Escape):
            super().keyPressEvent(event)
        elif key not in _MODIFIERS:
            held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
            text = event.text()
            if text and text.isprintable() and not text.isalnum() and not text.isspace():
                held &= ~Qt.KeyboardModifier.ShiftModifier  # "?" is "?" on every keyboard
            sequence = QKeySequence(QKeyCombination(held, Qt.Key(key)))
            self.pressed.emit(sequence.toString(QKeySequence.SequenceFormat.PortableText))

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Say that it waits."""
        super().focusInEvent(event)
        self.setPlaceholderText("Now press the key")

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Rest."""
        super().focusOutEvent(event)
        self.setPlaceholderText(_REST)
