"""A stroke while it is being drawn: each extension changes and tells only new pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.masks.change import Change
from engine.masks.edits import PixelEdit
from engine.masks.mask import Mask
from engine.masks.packing import pack
from engine.masks.shapes import Box, Point, capsule
from engine.masks.store import MaskStore, flat_indices

#: Which pixels of a box may be changed: bool, of the box's shape.
Within = Callable[[Box], NDArray[np.bool_]]


@dataclass
class Brush:
    """What draws: radius in pixels (columns, where pixels are not square; see ``capsule``)."""

    radius: float
    erase: bool = False
    aspect: float = 1.0
    within: Within | None = None


class Stroke:
    """A brush or an eraser on its way over one frame of a mask."""

    def __init__(
        self,
        store: MaskStore,
        mask: Mask,
        frame: int,
        point: Point,
        brush: Brush,
        name: str,
    ) -> None:
        self.name = name
        self._store = store
        self._mask = mask
        self._frame = frame
        self._at = point
        self._brush = brush
        # Within a stroke a pixel changes at most once, so these lists never outgrow the frame.
        self._changed: list[NDArray[np.int64]] = []
        self._boxes: list[Box] = []
        self.extend(point)

    @property
    def touched(self) -> bool:
        """Whether any pixel has changed."""
        return bool(self._changed)

    def extend(self, point: Point, radius: float | None = None) -> None:
        """Move to ``point`` in a straight line."""
        brush = self._brush
        if radius is not None:
            brush.radius = radius
        box, cover = capsule(self._at, point, brush.radius, self._mask.shape, brush.aspect)
        self._at = point
        if box.is_empty:
            return
        if brush.within is not None:
            cover = cover & brush.within(box)
        frames = self._mask._frames
        pixels = frames.get(self._frame)
        if pixels is None:
            if brush.erase:
                return
            pixels = frames[self._frame] = np.zeros(self._mask.shape, np.bool_)
        target = pixels[box.slices]
        fresh = cover & target if brush.erase else cover & ~target
        changed = flat_indices(box, fresh, self._mask.shape[1])
        if changed.size == 0:
            return
        target ^= fresh
        self._changed.append(changed)
        self._boxes.append(box)
        none = np.empty(0, np.int64)
        added, removed = (none, changed) if brush.erase else (changed, none)
        self._store.forget_if_empty(self._mask, self._frame, removed)
        self._store.emit(Change("pixels", self._mask.id, self._frame, added, removed, box))

    def finish(self) -> PixelEdit | None:
        """Return the edit that the stroke was, None if it changed nothing."""
        if not self._changed:
            return None
        box = Box(
            min(b.top for b in self._boxes),
            min(b.left for b in self._boxes),
            max(b.bottom for b in self._boxes),
            max(b.right for b in self._boxes),
        )
        flipped = np.zeros(box.shape, np.bool_)
        for indices in self._changed:
            row, col = np.divmod(indices, self._mask.shape[1])
            flipped[row - box.top, col - box.left] = True
        return PixelEdit(self._store, self._mask.id, self._frame, pack(box, flipped))
