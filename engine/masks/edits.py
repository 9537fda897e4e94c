"""The kinds of change that a document can undo, each keeping no more than it needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from engine.masks.mask import Mask
from engine.masks.packing import Packed, pack_frame, unpack

if TYPE_CHECKING:
    from engine.masks.store import MaskStore

Attribute = Literal["label", "colour", "author", "visible", "locked"]


@dataclass
class PixelEdit:
    """The pixels of one frame that flipped: undoing and redoing are the same."""

    store: MaskStore
    mask_id: str
    frame: int
    flipped: Packed

    def apply(self) -> None:
        """Flip them."""
        self.store.flip(self.mask_id, self.frame, self.flipped.box, unpack(self.flipped))

    revert = apply

    @property
    def nbytes(self) -> int:
        """The packed box."""
        return self.flipped.nbytes


class PresenceEdit:
    """A mask that came (``added``) or went; while it is gone, its pixels are kept packed."""

    def __init__(self, store: MaskStore, mask: Mask, index: int, *, added: bool) -> None:
        self.store = store
        self.mask = mask
        self.index = index
        self.added = added
        #: The pixels of the mask while it is gone, by frame.
        self.held: dict[int, Packed] = {}

    def hold(self, source: Mask) -> None:
        """Take the pixels of another mask, to be set when this one comes."""
        self.held = {i: pack_frame(p) for i, p in source.frames.items() if p.any()}

    def apply(self) -> None:
        """Add or remove it."""
        self._come() if self.added else self._go()

    def revert(self) -> None:
        """Remove or add it."""
        self._go() if self.added else self._come()

    def _come(self) -> None:
        self.store.insert(self.mask, self.index)
        for frame, packed in self.held.items():
            self.store.flip(self.mask.id, frame, packed.box, unpack(packed))
        self.held = {}

    def _go(self) -> None:
        self.hold(self.mask)
        self.store.take(self.mask.id)

    @property
    def nbytes(self) -> int:
        """The packed pixels while the mask is gone."""
        return 500 + sum(p.nbytes for p in self.held.values())


@dataclass
class AttributeEdit:
    """A new label, colour and the like."""

    store: MaskStore
    mask_id: str
    attribute: Attribute
    before: Any
    after: Any

    def apply(self) -> None:
        """Set the new value."""
        self.store.set_attribute(self.mask_id, self.attribute, self.after)

    def revert(self) -> None:
        """Set the old value."""
        self.store.set_attribute(self.mask_id, self.attribute, self.before)

    @property
    def nbytes(self) -> int:
        """Two short strings."""
        return 400


@dataclass
class OrderEdit:
    """A new order of the masks."""

    store: MaskStore
    before: Sequence[str]
    after: Sequence[str]

    def apply(self) -> None:
        """Put them in the new order."""
        self.store.arrange(self.after)

    def revert(self) -> None:
        """Put them in the old order."""
        self.store.arrange(self.before)

    @property
    def nbytes(self) -> int:
        """Two lists of ids."""
        return 200 + 100 * len(self.before)
