"""File names as people read and sort them."""

from __future__ import annotations

import re

_DIGITS = re.compile(r"(\d+)")


def readable(name: str) -> str:
    """Return a name fit for the screen: bytes that are no UTF-8 become replacement marks."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key by which "benign (2)" comes before "benign (10)"; case does not count first."""
    # \d also matches digits that int() cannot take ("²"), hence isdecimal.
    parts: list[tuple[int, int, str]] = []
    for part in _DIGITS.split(name):
        if part.isdecimal():
            parts.append((0, int(part[:1000]), part))
        elif part:
            parts.append((1, 0, part.casefold()))
    # A name that ends comes before one that goes on; equal ones keep a fixed order.
    return (*parts, (-1, 0, name))
