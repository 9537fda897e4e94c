"""Colour tables: perceptually uniform, safe for colour-blind readers, shipped as small arrays.

``resources/colours/*.npy`` are uint8 (steps, 3) RGB. The sequential ones are matplotlib's (CC0);
the diverging ones run at equal lightness on both sides through neutral grey, interpolated in
CIELAB, with an odd number of steps so that zero has a colour of its own.
"""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

import resources
from engine.saliency.scale import fade

SEQUENTIAL = ("inferno", "magma", "viridis", "cividis")
DIVERGING = ("purple-orange", "blue-red")


def names(signed: bool) -> tuple[str, ...]:
    """Return the tables that suit a map, the default first."""
    return DIVERGING if signed else SEQUENTIAL


def suited(name: str, signed: bool) -> str:
    """Return ``name`` where it suits the map, else the default table that does."""
    suitable = names(signed)
    return name if name in suitable else suitable[0]


@cache
def table(name: str) -> NDArray[np.uint8]:
    """Return a table's colours, uint8 (steps, 3) RGB; read-only."""
    if name not in SEQUENTIAL + DIVERGING:
        raise ValueError(f"there is no colour table {name!r}")
    colours: NDArray[np.uint8] = np.load(
        resources.path("colours", f"{name}.npy"), allow_pickle=False
    )
    colours.flags.writeable = False
    return colours


def opacities(steps: int, signed: bool, threshold: float) -> NDArray[np.float64]:
    """Return the opacity (0 to 1) of each of a table's steps.

    The low end (the middle, where signed) is transparent. Steps whose distance from it is below
    ``threshold``, a share of the range, are left out.
    """
    position = np.linspace(-1 if signed else 0, 1, steps)
    strength = np.abs(position)
    faded = fade(strength)
    faded[strength < threshold] = 0
    return faded


@lru_cache(maxsize=256)
def premultiplied(name: str, signed: bool, threshold: float) -> NDArray[np.uint32]:
    """Return a table as QImage's ARGB32_Premultiplied words, uint32 (steps,); read-only."""
    colours = table(name).astype(np.float64)
    alpha = opacities(len(colours), signed, threshold)
    red, green, blue = np.round(colours * alpha[:, None]).astype(np.uint32).T
    words: NDArray[np.uint32] = (
        (np.round(alpha * 255).astype(np.uint32) << 24) | (red << 16) | (green << 8) | blue
    )
    words.flags.writeable = False
    return words
