"""Names of maps, and of those computed from others; light, for whoever only lists them."""

from __future__ import annotations

from typing import Literal, get_args

Normalisation = Literal["share", "peak", "rank"]
"""How two maps, whose units differ, are made comparable before one is taken from the other.

share: each over its own sum of magnitudes, times the number of pixels: 1 is the mean, and the
difference says in multiples of it where one map spends more of its relevance. peak: each over its
strongest magnitude. rank: each value's rank among its map's, 0 to 1, ties by their mean rank; sees
the order alone.
"""

NORMALISATIONS: tuple[Normalisation, ...] = get_args(Normalisation)

PIXELS = "pixels-mirror"
"""The image's own pixels minus their mirror image."""

_TITLES = {
    "global": "Global",
    "local": "Local",
    "gate": "Gate",
    "concat": "Concat",
    "product": "Product",
    "attention": "Attention",
}

_MINUS, _BY, _MIRROR = "-minus-", "-by-", "-mirror"


def difference_name(first: str, second: str, normalisation: Normalisation = "share") -> str:
    """Return the key of ``first`` minus ``second``: also a good file name."""
    by = "" if normalisation == "share" else f"{_BY}{normalisation}"
    return f"{first}{_MINUS}{second}{by}"


def parts_of(name: str) -> tuple[str, str, Normalisation] | None:
    """Return the keys of the two maps that a difference is of; None for another map's key."""
    first, minus, rest = name.partition(_MINUS)
    second, by, given = rest.partition(_BY)
    normalisation = next((n for n in NORMALISATIONS if n == (given or "share")), None)
    if not (minus and first and second and normalisation) or (by and not given):
        return None
    return first, second, normalisation


def mirror_name(name: str) -> str:
    """Return the key of a map minus its mirror image."""
    return f"{name}{_MIRROR}"


def part_of(name: str) -> str | None:
    """Return the key of the map that a mirror difference is of; None for another map's key."""
    whole = name.removesuffix(_MIRROR)
    return whole if whole and whole != name else None


def title(name: str) -> str:
    """Return what a map is called for a reader."""
    parts, whole = parts_of(name), part_of(name)
    if parts is not None:
        by = "" if parts[2] == "share" else f" by {parts[2]}"
        return f"{title(parts[0])} − {title(parts[1])}{by}"
    if whole is not None:
        return f"{'Pixels' if name == PIXELS else title(whole)}, left–right"
    if name.startswith("shap-"):
        return f"SHAP {name.removeprefix('shap-')}"
    return _TITLES.get(name, name)
