"""The list of label names with their colours that masks are named from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.errors import MaskError
from engine.masks.mask import checked_colour, checked_label


@dataclass(frozen=True)
class Label:
    """A name and its colour "#rrggbb"."""

    name: str
    colour: str


DEFAULTS = (
    Label("Lesion", "#4DD0E1"),
    Label("Muscle", "#D55E00"),
    Label("Fat", "#F0E442"),
    Label("Oedema", "#5B8DEF"),
    Label("Bone", "#FFFFFF"),
    Label("Vessel", "#CC79A7"),
    Label("Fascia", "#009E73"),
)

#: More than anybody chooses from.
MOST = 64


def checked(labels: Iterable[Label]) -> tuple[Label, ...]:
    """Return a list of labels, names tidied; raise ``MaskError`` for a bad or repeated name."""
    found: list[Label] = []
    for label in labels:
        tidy = Label(checked_label(label.name), checked_colour(label.colour))
        if any(other.name == tidy.name for other in found):
            raise MaskError(
                f"The label “{tidy.name}” is in the list twice; give each a name of its own."
            )
        found.append(tidy)
    if len(found) > MOST:
        raise MaskError(f"A list holds {MOST} labels at most; remove some.")
    return tuple(found)


def to_text(labels: Sequence[Label]) -> str:
    """Return a list as JSON: [["Lesion", "#4DD0E1"], ...]."""
    return json.dumps([[label.name, label.colour] for label in labels], ensure_ascii=False)


def from_text(text: str) -> tuple[Label, ...]:
    """Read a list from JSON; the defaults where it is empty or cannot be read."""
    return understood(text) or DEFAULTS


def understood(text: str) -> tuple[Label, ...] | None:
    """Read a list from JSON, which may be empty; None where it cannot be read."""
    try:
        return checked(Label(str(name), str(colour)) for name, colour in json.loads(text))
    except (ValueError, TypeError, MaskError, RecursionError):
        return None


def colour_of(name: str, labels: Sequence[Label]) -> str | None:
    """Return the colour of a label, also of "Lesion 2"; None for one that is not in the list."""
    for label in labels:
        rest = name.removeprefix(label.name)
        if rest != name and (not rest or (rest[0] == " " and rest[1:].isdigit())):
            return label.colour
    return None
