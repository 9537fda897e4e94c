"""The masks of one image, in order, and who listens: primitives, without history or rules."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.masks.change import Change, Listener
from engine.masks.mask import Mask
from engine.masks.shapes import Box

_log = logging.getLogger(__name__)


class MaskStore:
    """Masks in order, the active one, and the listeners, which hear of everything that changes."""

    def __init__(self) -> None:
        self.masks: list[Mask] = []
        self.active_id = ""
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` after every change; return what ends that."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    def emit(self, change: Change) -> None:
        """Tell the listeners. One that fails is logged: it must not cost anybody a drawing."""
        for listener in tuple(self._listeners):
            try:
                listener(change)
            except Exception:
                _log.exception("a listener failed on a %r change", change.kind)

    def get(self, mask_id: str) -> Mask:
        """Return a mask; ``KeyError`` if there is none of this id."""
        for mask in self.masks:
            if mask.id == mask_id:
                return mask
        raise KeyError(mask_id)

    def index(self, mask_id: str) -> int:
        """Return a mask's place in the order."""
        return self.masks.index(self.get(mask_id))

    def insert(self, mask: Mask, index: int) -> None:
        """Put a mask into the order and make it the active one; its pixels must be set by flip."""
        mask._frames.clear()
        self.masks.insert(index, mask)
        self.emit(Change("added", mask.id))
        self.activate(mask.id)

    def take(self, mask_id: str) -> None:
        """Take a mask out; the one above it (else below) becomes active if it was."""
        index = self.index(mask_id)
        mask = self.masks.pop(index)
        mask._frames.clear()
        was_active = self.active_id == mask_id
        if was_active:  # before anybody is told: the active mask is always one that is there
            self.active_id = self.masks[min(index, len(self.masks) - 1)].id if self.masks else ""
        self.emit(Change("removed", mask_id))
        if was_active:
            self.emit(Change("active", self.active_id))

    def activate(self, mask_id: str) -> None:
        """Make a mask the active one ("" for none)."""
        if mask_id != self.active_id:
            self.active_id = mask_id
            self.emit(Change("active", mask_id))

    def set_attribute(self, mask_id: str, attribute: Any, value: Any) -> None:
        """Set a label, colour and the like."""
        setattr(self.get(mask_id), attribute, value)
        self.emit(Change(attribute, mask_id))

    def arrange(self, order: Sequence[str]) -> None:
        """Put the masks into another order."""
        self.masks[:] = [self.get(mask_id) for mask_id in order]
        self.emit(Change("order"))

    def flip(self, mask_id: str, frame: int, box: Box, flipped: NDArray[np.bool_]) -> None:
        """Flip the pixels of a box (bool, of its shape) and tell what came and what went."""
        mask = self.get(mask_id)
        pixels = mask._frames.get(frame)
        if pixels is None:
            pixels = mask._frames[frame] = np.zeros(mask.shape, np.bool_)
        target = pixels[box.slices]
        added = flat_indices(box, flipped & ~target, mask.shape[1])
        removed = flat_indices(box, flipped & target, mask.shape[1])
        if not (added.size or removed.size):
            return
        target ^= flipped
        self.forget_if_empty(mask, frame, removed)
        self.emit(Change("pixels", mask_id, frame, added, removed, box))

    @staticmethod
    def forget_if_empty(mask: Mask, frame: int, removed: NDArray[np.int64]) -> None:
        """Drop a frame's array once its last pixel has gone."""
        if removed.size and not mask._frames[frame].any():
            del mask._frames[frame]


def flat_indices(box: Box, cover: NDArray[np.bool_], cols: int) -> NDArray[np.int64]:
    """Return the flat indices, in a frame ``cols`` wide, of a box's true pixels, ascending."""
    inner = np.flatnonzero(cover)
    width = box.right - box.left
    if width == cols or inner.size == 0:
        return inner.astype(np.int64, copy=False) + box.top * cols
    row, col = np.divmod(inner, width)
    out: NDArray[np.int64] = (row + box.top) * cols + (col + box.left)
    return out
