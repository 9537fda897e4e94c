"""A process that draws until it is killed, and says after each step what it has drawn."""

from __future__ import annotations

import sys
import time

import numpy as np

from engine.images.image import Image
from engine.masks.autosave import Autosave
from engine.masks.document import MaskDocument

ROWS, COLS = 96, 128


def image() -> Image:
    return Image(np.arange(2 * ROWS * COLS, dtype=np.uint16).reshape(2, ROWS, COLS))


def step(document: MaskDocument, number: int) -> None:
    """Do one of an endless, repeatable series of small changes, with unfinished strokes."""
    rng = np.random.default_rng(number)
    point = (float(rng.uniform(0, ROWS)), float(rng.uniform(0, COLS)))
    kind = number % 9
    if kind == 0:
        document.begin_stroke(number // 9 % 2, point, 3.0, erase=number % 4 == 3)
    elif kind == 7 and document.active:
        document.rename(document.active.id, f"Lesion {number}")
    elif kind == 8:
        document.undo() if number % 2 else document.add_mask()
        if len(document.masks) > 4:
            document.remove_mask(document.masks[0].id)
    else:
        document.extend_stroke(point)


def summary(masks) -> list:
    return [(m.label, m.colour, {i: p.tobytes() for i, p in m.frames.items()}) for m in masks]


def main() -> None:
    document = MaskDocument(image())
    Autosave(document)
    number = 0
    while True:
        step(document, number)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        number += 1
        time.sleep(0.002)


if __name__ == "__main__":
    main()
