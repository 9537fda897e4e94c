"""What buttons, wheel and keys do on a view, as tables: the habits of most viewers.

Left: the tool. Middle, or Space and left: move. Right: zoom. Wheel: slices (zoom where there is
one frame only); with Ctrl: zoom about the mouse; with Shift: the tool's size.
"""

from __future__ import annotations

from PySide6.QtCore import Qt

#: Key to the name of a ``ViewCommands`` entry.
KEYS: dict[int, str] = {
    Qt.Key.Key_Up: "previous",
    Qt.Key.Key_Left: "previous",
    Qt.Key.Key_PageUp: "previous",
    Qt.Key.Key_Down: "next",
    Qt.Key.Key_Right: "next",
    Qt.Key.Key_PageDown: "next",
    Qt.Key.Key_Home: "first",
    Qt.Key.Key_End: "last",
    Qt.Key.Key_F: "fit",
    Qt.Key.Key_1: "one-to-one",
    Qt.Key.Key_Plus: "zoom-in",
    Qt.Key.Key_Equal: "zoom-in",
    Qt.Key.Key_Minus: "zoom-out",
    Qt.Key.Key_R: "reset-window",
    Qt.Key.Key_I: "invert",
    Qt.Key.Key_BracketLeft: "smaller",
    Qt.Key.Key_BracketRight: "larger",
}

#: What one press of + or one wheel notch magnifies by.
ZOOM_STEP = 1.25
#: A wheel notch in Qt's eighths of a degree.
NOTCH = 120.0
#: Pixels that a touchpad must scroll for a slice: about a line of text, so that slices do not fly.
PIXELS_PER_SLICE = 30.0
#: Pixels that a touchpad must scroll to magnify by ``ZOOM_STEP``.
PIXELS_PER_ZOOM_STEP = 50.0
