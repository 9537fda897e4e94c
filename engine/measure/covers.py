"""Blacking out what is burnt into the pixels, such as a patient's name on an ultrasound picture."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from numpy.typing import NDArray

from engine.masks.shapes import Box
from engine.measure.measurement import Measurement


def boxes(items: Iterable[Measurement], shape: tuple[int, int]) -> tuple[Box, ...]:
    """Return the boxes, whole pixels within (rows, cols), that the covers among ``items`` hide."""
    found = (item.box(shape) for item in items if item.kind == "cover")
    return tuple(box for box in found if not box.is_empty)


def black_out(pixels: NDArray[Any], covers: Iterable[Box], value: float = 0) -> NDArray[Any]:
    """Return a copy of (..., rows, cols) or (..., rows, cols, 3) with the boxes set to ``value``.

    Colour is told by a last axis of 3 after at least two others. Without boxes the array itself
    is returned.
    """
    hidden = list(covers)
    if not hidden:
        return pixels
    out = pixels.copy()
    colour = pixels.ndim > 2 and pixels.shape[-1] == 3
    for box in hidden:
        rows, cols = box.slices
        if colour:
            out[..., rows, cols, :] = value
        else:
            out[..., rows, cols] = value
    return out
