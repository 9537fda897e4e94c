"""The history as it is saved: so that what was drawn before a restart can still be undone.

A step is saved as it is done; undoing and redoing are saved by their names alone, for what they do
to the masks is saved besides. What a mask's presence held (the pixels of one that is gone) follows
from that. Changes that no step has followed yet, as of a stroke in mid-air when the process is
killed, become a step of their own: undoing flips pixels, and must find them as they were left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.masks.edits import AttributeEdit, OrderEdit, PixelEdit, PresenceEdit
from engine.masks.history import Edit, Step
from engine.masks.mask import Mask
from engine.masks.packing import Packed, pack_frame, unpack
from engine.masks.shapes import Box

if TYPE_CHECKING:
    from engine.masks.store import MaskStore

#: What the saved steps may take on the disk; the oldest are forgotten first.
LIMIT_BYTES = 8 * 2**20
UNFINISHED = "Unfinished drawing"


@dataclass
class SavedEdit:
    """One edit: what it is as JSON, and the packed pixels of frames."""

    meta: dict[str, Any]
    pixels: dict[int, Packed] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """About what it takes."""
        return 200 + sum(packed.nbytes for packed in self.pixels.values())


@dataclass
class SavedStep:
    """A named step."""

    name: str
    edits: list[SavedEdit]

    @property
    def nbytes(self) -> int:
        """About what it takes."""
        return 100 + sum(edit.nbytes for edit in self.edits)


class SavedHistory:
    """Steps done and undone, and what has changed since the last of them."""

    def __init__(self) -> None:
        self.done: list[SavedStep] = []
        self.undone: list[SavedStep] = []
        self._gone: dict[str, dict[int, Packed]] = {}
        self._flipped: dict[tuple[str, int], list[NDArray[np.int64]]] = {}
        self._shape = (0, 0)
        self._added: dict[str, SavedEdit] = {}
        #: Whether something has happened since the last step that cannot be turned back.
        self.broken = False

    # What is done

    def push(self, step: SavedStep) -> None:
        """A step was done."""
        self.done.append(step)
        self.undone.clear()
        total = sum(kept.nbytes for kept in self.done)
        while total > LIMIT_BYTES and len(self.done) > 1:
            total -= self.done.pop(0).nbytes
        self._settle()

    def undo(self) -> None:
        """The newest step was turned back; one that is no longer kept takes the others along."""
        if not self.done:
            self.forget()
            return
        step = self.done.pop()
        self.undone.append(self._turned(step, back=True))
        self._settle()

    def redo(self) -> None:
        """The step that was undone last was done again; as with ``undo``."""
        if not self.undone:
            self.forget()
            return
        step = self.undone.pop()
        self.done.append(self._turned(step, back=False))
        self._settle()

    def forget(self) -> None:
        """All steps were forgotten."""
        self.done, self.undone = [], []
        self._settle()

    # What changes meanwhile

    def flip(self, mask: Mask, frame: int, indices: Iterable[NDArray[np.int64]]) -> None:
        """Pixels of a frame changed (flat indices)."""
        self._shape = mask.shape
        self._flipped.setdefault((mask.id, frame), []).extend(indices)

    def come(self, mask_id: str, index: int, meta: dict[str, Any]) -> None:
        """A mask was added."""
        about = {"kind": "presence", "added": True, "index": index, "mask": meta}
        self._added[mask_id] = SavedEdit(about)

    def go(self, mask: Mask) -> None:
        """A mask is about to be removed."""
        self._gone[mask.id] = {i: pack_frame(p) for i, p in mask.frames.items() if p.any()}
        for key in [key for key in self._flipped if key[0] == mask.id]:
            del self._flipped[key]
        if self._added.pop(mask.id, None) is None:
            self.broken = True

    def change(self) -> None:
        """Something else changed: a name, the order."""
        self.broken = True

    @property
    def unfinished(self) -> SavedStep | None:
        """What changed since the last step, as one that turns it back; None if nothing did."""
        edits = list(self._added.values())
        for (mask_id, frame), changed in self._flipped.items():
            pixels = np.zeros(self._shape, np.bool_)
            for indices in changed:
                pixels.reshape(-1)[indices] ^= True  # what came and went again has not changed
            if pixels.any():
                about = {"kind": "pixels", "id": mask_id}
                edits.append(SavedEdit(about, {frame: pack_frame(pixels)}))
        return SavedStep(UNFINISHED, edits) if edits else None

    def resume(self, step: SavedStep | None, broken: bool, shape: tuple[int, int]) -> None:
        """Go on after a snapshot that was written between two steps."""
        self.broken, self._shape = broken, shape
        for edit in step.edits if step is not None else ():
            if edit.meta["kind"] == "presence":
                self._added[edit.meta["mask"]["id"]] = edit
                continue
            for frame, packed in edit.pixels.items():
                pixels = np.zeros(shape, np.bool_)
                pixels[packed.box.slices] = unpack(packed)
                self._flipped[edit.meta["id"], frame] = [np.flatnonzero(pixels)]

    def settled(self) -> tuple[list[SavedStep], list[SavedStep]]:
        """Return the steps (done, undone) for a document that goes on from here.

        What was unfinished is a step done; nothing can be undone where that cannot.
        """
        if self.broken:
            return [], []
        last = self.unfinished
        return ([*self.done, last], []) if last is not None else (self.done, self.undone)

    def _turned(self, step: SavedStep, *, back: bool) -> SavedStep:
        """Return a step whose masks' presence holds the pixels of those that are gone now."""
        edits = []
        for edit in step.edits:
            if edit.meta["kind"] == "presence":
                gone = edit.meta["added"] == back
                held = self._gone.get(edit.meta["mask"]["id"], {}) if gone else {}
                edit = SavedEdit(edit.meta, held)
            edits.append(edit)
        return SavedStep(step.name, edits)

    def _settle(self) -> None:
        self._gone, self._flipped, self._added = {}, {}, {}
        self.broken = False


# To bytes and back


def pack_steps(steps: Sequence[SavedStep]) -> tuple[list[dict[str, Any]], bytes]:
    """Return steps as JSON, and the bytes of their pixels one after the other."""
    blobs: list[bytes] = []
    listed = []
    for step in steps:
        edits = []
        for edit in step.edits:
            pixels = [[i, list(p.box), len(p.data)] for i, p in edit.pixels.items()]
            blobs += [p.data for p in edit.pixels.values()]
            edits.append({"meta": edit.meta, "pixels": pixels})
        listed.append({"name": step.name, "edits": edits})
    return listed, b"".join(blobs)


def unpack_steps(listed: Sequence[dict[str, Any]], blob: bytes) -> list[SavedStep]:
    """Read steps; raises ``ValueError``, ``KeyError`` or ``TypeError`` for damage."""
    at = 0
    steps = []
    for entry in listed:
        edits = []
        for edit in entry["edits"]:
            pixels = {}
            for frame, box, size in edit["pixels"]:
                if at + size > len(blob):
                    raise ValueError("steps cut short")
                pixels[int(frame)] = Packed(Box(*box), blob[at : at + size])
                at += size
            edits.append(SavedEdit(dict(edit["meta"]), pixels))
        steps.append(SavedStep(str(entry["name"]), edits))
    return steps


def save_step(step: Step, about: Callable[[Mask], dict[str, Any]]) -> SavedStep:
    """Return a step as it is saved. about: gives a mask's attributes as JSON."""
    edits = []
    for edit in step.edits:
        if isinstance(edit, PixelEdit):
            meta: dict[str, Any] = {"kind": "pixels", "id": edit.mask_id}
            edits.append(SavedEdit(meta, {edit.frame: edit.flipped}))
        elif isinstance(edit, PresenceEdit):
            meta = {"kind": "presence", "added": edit.added, "index": edit.index}
            meta["mask"] = about(edit.mask)
            edits.append(SavedEdit(meta, dict(edit.held)))
        elif isinstance(edit, AttributeEdit):
            meta = {"kind": "attribute", "id": edit.mask_id, "attribute": edit.attribute}
            edits.append(SavedEdit(meta | {"before": edit.before, "after": edit.after}))
        elif isinstance(edit, OrderEdit):
            orders = {"before": list(edit.before), "after": list(edit.after)}
            edits.append(SavedEdit({"kind": "order"} | orders))
        else:
            raise TypeError(f"an edit of an unknown kind, {type(edit).__name__}")
    return SavedStep(step.name, edits)


def live_steps(
    done: Sequence[SavedStep],
    undone: Sequence[SavedStep],
    store: MaskStore,
    make: Callable[[dict[str, Any]], Mask],
) -> tuple[list[Step], list[Step]]:
    """Return steps (done, undone) that act on a store.

    make: gives an empty mask from its attributes. Raises ``ValueError``, ``KeyError`` or
    ``TypeError`` for damage.
    """
    masks = {mask.id: mask for mask in store.masks}
    # A mask that is gone is as it was when it went: as the newest step that knows it says.
    known = [edit for step in reversed(done) for edit in reversed(step.edits)]
    known += [edit for step in reversed(undone) for edit in step.edits]
    for edit in known:
        if edit.meta["kind"] == "presence" and edit.meta["mask"]["id"] not in masks:
            masks[edit.meta["mask"]["id"]] = make(edit.meta["mask"])
    return (
        [_live(step, store, masks) for step in done],
        [_live(step, store, masks) for step in undone],
    )


def _live(step: SavedStep, store: MaskStore, masks: dict[str, Mask]) -> Step:
    edits: list[Edit] = []
    for edit in step.edits:
        meta = edit.meta
        kind = meta["kind"]
        if kind == "pixels":
            edits += [PixelEdit(store, meta["id"], i, p) for i, p in edit.pixels.items()]
        elif kind == "presence":
            mask = masks[meta["mask"]["id"]]
            presence = PresenceEdit(store, mask, int(meta["index"]), added=bool(meta["added"]))
            presence.held = dict(edit.pixels)
            edits.append(presence)
        elif kind == "attribute":
            values = (meta["attribute"], meta["before"], meta["after"])
            edits.append(AttributeEdit(store, meta["id"], *values))
        elif kind == "order":
            edits.append(OrderEdit(store, meta["before"], meta["after"]))
        else:
            raise ValueError(f"an edit of an unknown kind, {kind!r}")
    return Step(step.name, edits)


def fit(done: Sequence[SavedStep], undone: Sequence[SavedStep], present: Iterable[str]) -> bool:
    """Return whether steps can be undone and redone from masks that are there (by id)."""
    try:
        return _walk(reversed(done), set(present), back=True) and _walk(
            reversed(undone), set(present), back=False
        )
    except (KeyError, TypeError):
        return False


def _walk(steps: Iterable[SavedStep], present: set[str], *, back: bool) -> bool:
    for step in steps:
        for edit in reversed(step.edits) if back else step.edits:
            meta, kind = edit.meta, edit.meta["kind"]
            if kind == "presence":
                mask_id = meta["mask"]["id"]
                goes = bool(meta["added"]) == back
                if goes != (mask_id in present):
                    return False
                present ^= {mask_id}
            elif kind == "order":
                if set(meta["before"]) != present or set(meta["after"]) != present:
                    return False
            elif meta["id"] not in present:
                return False
    return True
