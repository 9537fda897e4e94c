"""What buttons, wheel and keys do on a view, by the set of keys in use.

The tables are data (``viewer.keymap``); views look their input up here with each event, so that
another set takes effect at once.
"""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QKeyCombination, Qt
from PySide6.QtGui import QKeySequence

from viewer.keymap import gestures
from viewer.keymap.keymap import Keymap, combination

#: What keys do on a view that has the focus: name of a function to its own keys. Names that are
#: also actions of the window share their keys with these.
VIEW_KEYS: dict[str, tuple[str, ...]] = {
    "slice-previous": ("Up", "Left"),
    "slice-next": ("Down", "Right"),
    "slice-back": ("PgUp",),
    "slice-forward": ("PgDown",),
    "slice-first": ("Home",),
    "slice-last": ("End",),
    "fit": ("F",),
    "one-to-one": ("Ctrl+1",),
    "zoom-in": ("+", "="),
    "zoom-out": ("-",),
    "reset-window": ("R",),
    "invert": ("I",),
    "tool-smaller": ("[",),
    "tool-larger": ("]",),
}

#: What those are called that are no actions of the window.
VIEW_TITLES: dict[str, str] = {
    "slice-previous": "Previous slice",
    "slice-next": "Next slice",
    "slice-back": "Ten slices back",
    "slice-forward": "Ten slices forward",
    "slice-first": "First slice",
    "slice-last": "Last slice",
    "tool-smaller": "Smaller brush or eraser",
    "tool-larger": "Larger brush or eraser",
}

#: Slices that a page key turns.
PAGE = 10
#: What one press of + or one wheel notch magnifies by.
ZOOM_STEP = 1.25
#: A wheel notch in Qt's eighths of a degree.
NOTCH = 120.0
#: Pixels that a touchpad must scroll for a slice: about a line of text, so that slices do not fly.
PIXELS_PER_SLICE = 30.0
#: Pixels that a touchpad must scroll to magnify by ``ZOOM_STEP``.
PIXELS_PER_ZOOM_STEP = 50.0


class Bindings:
    """One set of keys, made ready for looking input up."""

    def __init__(self, keymap: Keymap) -> None:
        self.mouse: Mapping[str, str] = keymap.mouse
        self._keys: dict[int, str] = {}
        for name, own in VIEW_KEYS.items():
            for key in keymap.keys_of(name, own):
                sequence = QKeySequence.fromString(key, QKeySequence.SequenceFormat.PortableText)
                if sequence.count() == 1:
                    self._keys[combination(sequence).toCombined()] = name

    def command(self, key: int, modifiers: Qt.KeyboardModifier) -> str | None:
        """Return what a key does on a view.

        The keypad's keys count as the others; Shift only where the key is bound with it, since a
        "+" may or may not need it.
        """
        held = modifiers & ~Qt.KeyboardModifier.KeypadModifier
        for used in (held, held & ~Qt.KeyboardModifier.ShiftModifier):
            found = self._keys.get(QKeyCombination(used, Qt.Key(key)).toCombined())
            if found is not None:
                return found
        return None

    def drag(
        self, button: Qt.MouseButton, modifiers: Qt.KeyboardModifier, *, space: bool = False
    ) -> str | None:
        """Return what dragging a button does (a name of ``gestures.DRAGS``).

        Modifiers that are not bound are left to the tool.
        """
        device = gestures.button_name(button)
        none = Qt.KeyboardModifier.NoModifier
        for name in (
            gestures.gesture(device, modifiers, space=space),
            gestures.gesture(device, none, space=space),
            gestures.gesture(device, none),
        ):
            if name in self.mouse:
                return self.mouse[name]
        return None

    def wheel(self, modifiers: Qt.KeyboardModifier) -> str | None:
        """Return what turning the wheel does (a name of ``gestures.WHEELS``)."""
        plain = self.mouse.get(gestures.WHEEL)
        return self.mouse.get(gestures.gesture(gestures.WHEEL, modifiers), plain)

    @property
    def plain_wheel(self) -> str | None:
        """What the wheel does on its own."""
        return self.mouse.get(gestures.WHEEL)


_current = Bindings(Keymap("Saliscope"))


def current() -> Bindings:
    """Return the bindings in use."""
    return _current


def use(keymap: Keymap) -> None:
    """Have all views look their input up in another set."""
    global _current
    _current = Bindings(keymap)
