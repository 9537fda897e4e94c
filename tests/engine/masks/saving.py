"""Documents that are drawn on and saved, and what comes back, in a form to be compared."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

from engine.images.image import Image
from engine.masks.autosave import Autosave, folder_of
from engine.masks.document import MaskDocument
from engine.masks.mask import ImageReference, Mask
from tests.engine.masks import drawing_child as child

ROOT = Path(__file__).resolve().parents[3]
CHILD = Path(child.__file__)


def saved_slot(image: Image, number: int = 0) -> Path:
    return folder_of(ImageReference.of(image)) / str(number)


def state(source) -> list:
    return sorted(
        (
            m.id,
            m.label,
            m.colour,
            m.visible,
            m.locked,
            {i: p.tobytes() for i, p in m.frames.items()},
        )
        for m in source.masks
    )


def draw(document: MaskDocument, *points, radius=4.0, frame=0) -> None:
    document.begin_stroke(frame, points[0], radius)
    for point in points[1:]:
        document.extend_stroke(point)
    document.end_stroke()


def drawn_and_closed(image: Image, *points) -> MaskDocument:
    document = MaskDocument(image)
    saver = Autosave(document)
    draw(document, *points)
    assert saver.close()
    return document


def saved(image: Image) -> tuple[MaskDocument, Path, set[int]]:
    """Return a document that was saved, its files, and the areas that its mask has had."""
    document = MaskDocument(image)
    saver = Autosave(document)
    areas = set()
    document.subscribe(lambda change: areas.add(document.masks[0].area()))
    draw(document, (10, 10), (30, 30))
    for i in range(5):
        draw(document, (20 + 8 * i, 60))
    assert saver.close()
    return document, saved_slot(image), areas


def act(document: MaskDocument, rng: random.Random) -> None:
    """Do anything at all."""
    frame = rng.randrange(2)
    point = (rng.uniform(0, child.ROWS), rng.uniform(0, child.COLS))
    masks = document.masks
    some = rng.choice(masks).id if masks else ""
    square = np.zeros((child.ROWS, child.COLS), bool)
    row, col = rng.randrange(60), rng.randrange(90)
    square[row : row + 20, col : col + 20] = True
    other = Mask(ImageReference.of(child.image()), "Theirs", frames={0: square, 1: square})
    free = [m for m in masks if not m.locked]
    doing = [
        lambda: draw(document, point, frame=frame),
        lambda: document.set_frame(frame, square),
        lambda: document.fill_polygon(frame, [(9, 9), (9, 50), (50, 30)], erase=rng.random() < 0.5),
        lambda: document.grow(frame, 2),
        lambda: document.clear(),
        lambda: document.add_mask(),
        lambda: document.import_mask(other),
        lambda: document.add_drawn("Hot spot", {frame: square}, "Mask from a hot spot"),
        lambda: document.duplicate_mask(some) if len(masks) in range(1, 4) else None,
        lambda: document.remove_mask(rng.choice(free).id) if free else None,
        lambda: document.remove_all() if len(free) == len(masks) else None,
        lambda: document.rename(some, f"Name {rng.randrange(9)}") if masks else None,
        lambda: document.relabel({some: ("Fat", "#F0E442")}) if masks else None,
        lambda: document.show_only(some) if masks else None,
        lambda: document.show_all(),
        lambda: document.set_locked(some, True) if masks else None,
        lambda: document.set_locked(some, False) if masks else None,
        lambda: document.move_mask(some, rng.randrange(3)) if masks else None,
        lambda: document.set_active(some) if masks else None,
        lambda: document.undo(),
        lambda: document.undo(),
        lambda: document.redo(),
    ]
    active = document.active
    if active is not None and active.locked:
        doing = doing[5:]
    rng.choice(doing)()
