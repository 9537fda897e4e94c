"""What the mouse can do on a view, and the names of its gestures as they are stored and shown.

A gesture is written as keys are: ``Left``, ``Ctrl+Wheel``, ``Shift+Middle``, ``Space+Left``;
modifiers in the order of ``MODIFIERS``. Dragging a button is one gesture, turning the wheel
another.
"""

from __future__ import annotations

from PySide6.QtCore import Qt

MODIFIERS = ("Ctrl", "Shift", "Alt", "Space")
BUTTONS = ("Left", "Middle", "Right")
WHEEL = "Wheel"

#: What dragging a button can do.
DRAGS: dict[str, str] = {
    "tool": "the chosen tool",
    "window-level": "window and level",
    "zoom": "zoom",
    "pan": "move the image",
    "slices": "run through the slices",
}
#: What turning the wheel can do. Where there is one frame only, slices become zoom.
WHEELS: dict[str, str] = {
    "slices": "slices (zoom where there is one)",
    "zoom": "zoom about the mouse",
    "tool-size": "size of brush and eraser",
}

#: The same where there is little room.
SHORT: dict[str, str] = {
    "tool": "Chosen tool",
    "window-level": "Window, level",
    "zoom": "Zoom",
    "pan": "Move",
    "slices": "Slices",
    "tool-size": "Brush size",
}

_QT_BUTTONS = {
    Qt.MouseButton.LeftButton: "Left",
    Qt.MouseButton.MiddleButton: "Middle",
    Qt.MouseButton.RightButton: "Right",
}
_QT_MODIFIERS = (
    (Qt.KeyboardModifier.ControlModifier, "Ctrl"),
    (Qt.KeyboardModifier.ShiftModifier, "Shift"),
    (Qt.KeyboardModifier.AltModifier, "Alt"),
)


def button_name(button: Qt.MouseButton) -> str:
    """Return a button's name, "" for one that has no part in this."""
    return _QT_BUTTONS.get(button, "")


def gesture(device: str, modifiers: Qt.KeyboardModifier, *, space: bool = False) -> str:
    """Return the name of a button or the wheel with the modifiers held."""
    held = [name for flag, name in _QT_MODIFIERS if modifiers & flag]
    return "+".join([*held, *(["Space"] if space else []), device])


def parse(text: str) -> str:
    """Return a gesture in its canonical spelling; ``ValueError`` if it is none."""
    *held, device = (part.strip().capitalize() for part in text.split("+"))
    if device not in (*BUTTONS, WHEEL) or not set(held) <= set(MODIFIERS):
        raise ValueError(f"“{text}” is no mouse gesture")
    return "+".join([*(name for name in MODIFIERS if name in held), device])


def functions(name: str) -> dict[str, str]:
    """Return what a gesture can be given to do."""
    return WHEELS if name.endswith(WHEEL) else DRAGS


def spoken(name: str) -> str:
    """Return a gesture as it is shown: ``Ctrl + wheel``, ``Right drag``."""
    *held, device = name.split("+")
    what = "wheel" if device == WHEEL else f"{device.lower()} drag"
    text = " + ".join([*held, what])
    return text[:1].upper() + text[1:]
