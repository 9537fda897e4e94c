"""A set of keys as a JSON file, to be kept, sent, or brought to another machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine import keeping
from viewer.keymap import gestures
from viewer.keymap.keymap import MOUSE, Keymap, KeymapError, conflicts, normal

FORMAT = "saliscope-keymap"
VERSION = 1
_LIMIT = 1_000_000  # characters; a set of keys has a few thousand


def to_text(keymap: Keymap) -> str:
    """Return a set as JSON."""
    data = {
        "format": FORMAT,
        "version": VERSION,
        "name": keymap.name,
        "about": keymap.about,
        "keys": {name: list(keys) for name, keys in sorted(keymap.keys.items())},
        "mouse": dict(sorted(keymap.mouse.items())),
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def from_text(text: str) -> Keymap:
    """Return the set that a JSON text holds.

    Functions that this version does not know are kept: another may. Raises ``KeymapError`` where
    the text is no set of keys, names no key or gesture, or gives one key to two functions.
    """
    try:
        data: Any = json.loads(text)
    except ValueError:
        raise KeymapError(
            "This file is not JSON; export a set of keys to see how one looks."
        ) from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise KeymapError("This file holds no set of keys; choose one that Saliscope exported.")
    if data.get("version") != VERSION:
        raise KeymapError("This set of keys was written by a newer version; update to read it.")
    keys, mouse = data.get("keys", {}), data.get("mouse", dict(MOUSE))
    if not isinstance(keys, dict) or not isinstance(mouse, dict):
        raise KeymapError("This set of keys is damaged; export it again where it came from.")
    found: dict[str, tuple[str, ...]] = {}
    for name, given in keys.items():
        if not isinstance(given, list) or not all(isinstance(key, str) for key in given):
            raise KeymapError(f'The keys of “{name}” are not a list; write them as ["Ctrl+E"].')
        found[name] = tuple(dict.fromkeys(normal(key) for key in given))
    for key, names in conflicts(found).items():
        raise KeymapError(f"{key} is given to {' and '.join(names)}; take it from all but one.")
    return Keymap(
        name=str(data.get("name") or "My own")[:60],
        about=str(data.get("about") or "")[:400],
        keys=found,
        mouse=_mouse(mouse),
    )


def _mouse(given: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text, what in given.items():
        try:
            name = gestures.parse(text)
        except ValueError:
            raise KeymapError(f"“{text}” is no mouse gesture; write it as Ctrl+Wheel.") from None
        if what not in gestures.functions(name):
            known = ", ".join(gestures.functions(name))
            raise KeymapError(f"{name} cannot be given to “{what}”; it can be given to {known}.")
        found[name] = what
    return found


def read(path: Path) -> Keymap:
    """Return the set in a file; raises ``KeymapError``."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LIMIT + 1)
    except (OSError, UnicodeDecodeError):
        raise KeymapError(f"{path.name} cannot be read as text; choose another file.") from None
    if len(text) > _LIMIT:
        raise KeymapError(f"{path.name} is too large for a set of keys; choose another file.")
    return from_text(text)


def write(keymap: Keymap, path: Path) -> None:
    """Write a set; raises ``KeymapError``."""
    try:
        keeping.write(path, to_text(keymap))
    except OSError:
        raise KeymapError(f"{path.name} cannot be written; choose a folder of yours.") from None
