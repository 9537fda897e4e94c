"""Documents to draw on, and what they hold, in a form that can be compared."""

from __future__ import annotations

import numpy as np

from engine.images.image import Geometry, Image
from engine.masks.change import Change
from engine.masks.document import MaskDocument

ROWS, COLS, FRAMES = 40, 56, 3


def image(frames: int = FRAMES, rows: int = ROWS, cols: int = COLS, **geometry) -> Image:
    pixels = np.arange(frames * rows * cols, dtype=np.uint16).reshape(frames, rows, cols)
    return Image(pixels, Geometry(**geometry))


def drawn(document: MaskDocument) -> list:
    return [
        (
            m.id,
            m.label,
            m.colour,
            m.author,
            m.visible,
            m.locked,
            {i: p.tobytes() for i, p in m.frames.items() if p.any()},
        )
        for m in document.masks
    ]


def stroke(document, frame, path, radius=3.0, erase=False):
    document.begin_stroke(frame, path[0], radius, erase=erase)
    for point in path[1:]:
        document.extend_stroke(point)
    document.end_stroke()


class Mirror:
    """A listener that knows the document from its changes alone."""

    def __init__(self, document: MaskDocument) -> None:
        self.masks: dict[str, np.ndarray] = {}
        self.changes: list[Change] = []
        for mask in document.masks:
            self.masks[mask.id] = mask.volume()
        document.subscribe(self)

    def __call__(self, change: Change) -> None:
        self.changes.append(change)
        if change.kind == "added":
            self.masks[change.mask_id] = np.zeros((FRAMES, ROWS, COLS), bool)
        elif change.kind == "removed":
            del self.masks[change.mask_id]
        elif change.kind == "pixels":
            assert change.added.dtype == change.removed.dtype == np.int64
            assert change.added.size + change.removed.size > 0
            flat = self.masks[change.mask_id][change.frame].ravel()
            assert not flat[change.added].any(), "told as added, but already there"
            assert flat[change.removed].all(), "told as removed, but not there"
            for indices in (change.added, change.removed):
                assert (np.diff(indices) > 0).all()
                rows, cols = np.divmod(indices, COLS)
                assert ((rows >= change.box.top) & (rows < change.box.bottom)).all()
                assert ((cols >= change.box.left) & (cols < change.box.right)).all()
            flat[change.added] = True
            flat[change.removed] = False
            self.masks[change.mask_id][change.frame] = flat.reshape(ROWS, COLS)
