"""A set of keys and mouse gestures: data, what it resolves to, and where it contradicts itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, cast

from PySide6.QtCore import QKeyCombination, Qt
from PySide6.QtGui import QKeySequence

from engine.errors import SaliscopeError
from viewer.keymap import gestures

#: Keys that end, confirm or take back what is being drawn, move the focus, or hold the image.
RESERVED = frozenset(
    ("Esc", "Tab", "Shift+Tab", "Return", "Enter", "Backspace", "Del", "Space", "Shift+Space")
)

#: What the mouse does unless a set says otherwise: the habits of most viewers.
MOUSE: Mapping[str, str] = MappingProxyType(
    {
        "Left": "tool",
        "Middle": "pan",
        "Right": "zoom",
        "Space+Left": "pan",
        "Wheel": "slices",
        "Ctrl+Wheel": "zoom",
        "Shift+Wheel": "tool-size",
    }
)


class KeymapError(SaliscopeError):
    """A set of keys that cannot be used."""


@dataclass(frozen=True)
class Keymap:
    """One set.

    name: for people. about: what it follows, in a sentence. keys: by the name of a function, the
    keys that this set gives it (none takes its keys away); functions that are not named keep their
    own keys, unless the set has given these to another. mouse: gesture to function, complete.
    """

    name: str
    about: str = ""
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mouse: Mapping[str, str] = field(default_factory=lambda: dict(MOUSE))

    @property
    def claimed(self) -> frozenset[str]:
        """All keys that the set gives to something."""
        return frozenset(key for given in self.keys.values() for key in given)

    def keys_of(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """Return a function's keys: the set's, or those of its own that are still free."""
        if name in self.keys:
            return self.keys[name]
        return tuple(key for key in default if key not in self.claimed)

    def with_keys(self, name: str, keys: tuple[str, ...]) -> Keymap:
        """Return the set with other keys for one function."""
        return replace(self, keys={**self.keys, name: keys})

    def without(self, name: str) -> Keymap:
        """Return the set with a function's own keys again."""
        return replace(self, keys={n: given for n, given in self.keys.items() if n != name})

    def with_mouse(self, gesture: str, function: str) -> Keymap:
        """Return the set with another function for a gesture; "" for none of its own."""
        mouse = {g: what for g, what in self.mouse.items() if g != gesture}
        if function:
            mouse[gesture] = function
        return replace(self, mouse=mouse)


def combination(sequence: QKeySequence) -> QKeyCombination:
    """Return the first key of a sequence with its modifiers."""
    return cast(QKeyCombination, cast(Any, sequence)[0])  # its stub knows no index


def normal(key: str) -> str:
    """Return a key in Qt's portable spelling; ``KeymapError`` if it is none or is reserved."""
    sequence = QKeySequence.fromString(key, QKeySequence.SequenceFormat.PortableText)
    text = sequence.toString(QKeySequence.SequenceFormat.PortableText)
    if not text or combination(sequence).key() == Qt.Key.Key_unknown:
        raise KeymapError(f"“{key}” is not a key; write it as Ctrl+E, F5 or N.")
    if text in RESERVED:
        raise KeymapError(f"{text} is kept for drawing and moving about; choose another key.")
    return text


def conflicts(bound: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return the keys that more than one function has, with the names of these."""
    holders: dict[str, list[str]] = defaultdict(list)
    for name, keys in bound.items():
        for key in dict.fromkeys(keys):
            holders[key].append(name)
    return {key: tuple(names) for key, names in holders.items() if len(names) > 1}


def unreachable(mouse: Mapping[str, str]) -> tuple[str, ...]:
    """Return sentences on what a set of gestures leaves no way to do."""
    missing = []
    if "tool" not in mouse.values():
        missing.append("No button uses the chosen tool: nothing can be drawn or measured.")
    if not any(what == "slices" for what in mouse.values()):
        missing.append("Neither wheel nor drag runs through the slices; the arrow keys still do.")
    if not any(g in gestures.BUTTONS for g in mouse):
        missing.append("No button does anything on its own.")
    return tuple(missing)
