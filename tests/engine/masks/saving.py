"""Documents that are drawn on and saved, and what comes back, in a form to be compared."""

from __future__ import annotations

from pathlib import Path

from engine.images.image import Image
from engine.masks.autosave import Autosave, folder_of
from engine.masks.document import MaskDocument
from engine.masks.mask import ImageReference
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
