"""What is autosaved: the state of a document's masks, and the records that change it."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.masks.change import Change
from engine.masks.mask import ImageReference, Mask
from engine.masks.packing import Packed, pack_frame, unpack_frame
from engine.masks.shapes import Box
from engine.masks.steps import SavedHistory, pack_steps, save_step, unpack_steps

#: No mask has more text than this; a longer one is damage.
MAX_META_BYTES = 1 << 20

_ATTRIBUTES = ("label", "colour", "author", "visible", "locked")


class DamagedError(Exception):
    """Saved bytes that are not what was written."""


@dataclass
class State:
    """The masks of one image, in order, and the active one.

    base: for a copy of what another window held, the digest of each mask as it was copied, which
    tells later whether it was changed here.
    """

    reference: ImageReference
    masks: list[Mask] = field(default_factory=list)
    active: str = ""
    base: dict[str, str] = field(default_factory=dict)
    history: SavedHistory = field(default_factory=SavedHistory)

    def find(self, mask_id: str) -> Mask:
        """Return a mask; ``DamagedError`` if a record names one that is not there."""
        for mask in self.masks:
            if mask.id == mask_id:
                return mask
        raise DamagedError(f"no mask {mask_id}")

    def apply(self, record: Record) -> None:
        """Make the change that a record tells. Raises ``DamagedError``."""
        try:
            self._apply(record)
        except DamagedError:
            raise
        except Exception as error:
            raise DamagedError(str(error)) from None

    def _apply(self, record: Record) -> None:
        meta = record.meta
        kind = meta["kind"]
        if kind == "pixels":
            self._pixels(record)
        elif kind == "added":
            mask = mask_from_meta(meta["mask"], self.reference)
            self.masks.insert(int(meta["index"]), mask)
            self.history.come(mask.id, int(meta["index"]), meta["mask"])
        elif kind == "removed":
            mask = self.find(meta["id"])
            self.history.go(mask)
            self.masks.remove(mask)
        elif kind in _ATTRIBUTES:
            setattr(self.find(meta["id"]), kind, meta["value"])
            self.history.change()
        elif kind == "order":
            self.masks = [self.find(mask_id) for mask_id in meta["order"]]
            self.history.change()
        elif kind == "active":
            self.active = str(meta["id"])
        elif kind == "push":
            (step,) = unpack_steps([meta["step"]], record.blob)
            self.history.push(step)
        elif kind == "undo":
            self.history.undo()
        elif kind == "redo":
            self.history.redo()
        elif kind == "forget":
            self.history.forget()
        else:
            raise DamagedError(f"an unknown record {kind!r}")

    def _pixels(self, record: Record) -> None:
        mask, index = self.find(record.meta["id"]), int(record.meta["frame"])
        added, removed = record.indices(mask.shape)
        mask.check_frame(index)
        pixels = mask._frames.get(index)
        if pixels is None:
            pixels = mask._frames[index] = np.zeros(mask.shape, np.bool_)
        self.history.flip(mask, index, (added, removed))
        flat = pixels.reshape(-1)
        flat[added] = True
        flat[removed] = False
        if removed.size and not pixels.any():
            del mask._frames[index]


@dataclass
class Record:
    """One change, as it is written: a line of JSON and, for pixels, their indices."""

    meta: dict[str, Any]
    added: NDArray[np.int64] | None = None
    removed: NDArray[np.int64] | None = None
    blob: bytes = b""

    def encode(self) -> bytes:
        """Return the bytes. The indices ascend, so their steps deflate to almost nothing."""
        blob = self.blob
        if self.added is not None and self.removed is not None:
            steps = [np.diff(a, prepend=0).astype("<u4") for a in (self.added, self.removed)]
            blob = zlib.compress(b"".join(s.tobytes() for s in steps), 1)
        meta = json.dumps(self.meta, ensure_ascii=False, separators=(",", ":")).encode()
        return struct.pack("<I", len(meta)) + meta + blob

    @classmethod
    def decode(cls, data: bytes) -> Record:
        """Read the bytes. Raises ``DamagedError``."""
        try:
            (size,) = struct.unpack_from("<I", data)
            if size > MAX_META_BYTES or 4 + size > len(data):
                raise DamagedError("a record shorter than it says")
            meta = json.loads(data[4 : 4 + size])
        except (struct.error, ValueError) as error:
            raise DamagedError(str(error)) from None
        if not isinstance(meta, dict):
            raise DamagedError("a record that is no object")
        return cls(meta, blob=data[4 + size :])

    def indices(self, shape: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (added, removed), flat. Raises ``DamagedError`` if they are not in the frame."""
        if self.added is not None and self.removed is not None:
            return self.added, self.removed
        total = shape[0] * shape[1]
        counts = int(self.meta["added"]), int(self.meta["removed"])
        if min(counts) < 0 or max(counts) > total:
            raise DamagedError("more pixels than the frame has")
        size = 4 * sum(counts)
        data = zlib.decompressobj().decompress(self.blob, size + 1)
        if len(data) != size:
            raise DamagedError("pixels cut short")
        steps = np.frombuffer(data, "<u4").astype(np.int64)
        out = np.cumsum(steps[: counts[0]]), np.cumsum(steps[counts[0] :])
        if any(a.size and (a[-1] >= total or a[0] < 0) for a in out):
            raise DamagedError("pixels outside the frame")
        return out


def record_of(change: Change, masks: tuple[Mask, ...], active: str) -> Record | None:
    """Return what to write for a change, None for what is not saved."""
    kind, mask_id = change.kind, change.mask_id
    if kind == "pixels":
        meta = {"kind": kind, "id": mask_id, "frame": change.frame}
        meta |= {"added": change.added.size, "removed": change.removed.size}
        return Record(meta, change.added, change.removed)
    if kind == "added":
        index = next(i for i, m in enumerate(masks) if m.id == mask_id)
        return Record({"kind": kind, "index": index, "mask": mask_to_meta(masks[index])})
    if kind == "removed":
        return Record({"kind": kind, "id": mask_id})
    if kind == "active":
        return Record({"kind": kind, "id": active})
    if kind == "order":
        return Record({"kind": kind, "order": [m.id for m in masks]})
    if kind == "history" and change.turn is not None:
        if change.turn.step is None:
            return Record({"kind": change.turn.what})
        (step,), blob = pack_steps([save_step(change.turn.step, mask_to_meta)])
        return Record({"kind": "push", "step": step}, blob=blob)
    if kind in _ATTRIBUTES:
        mask = next(m for m in masks if m.id == mask_id)
        return Record({"kind": kind, "id": mask_id, "value": getattr(mask, kind)})
    return None


def mask_to_meta(mask: Mask) -> dict[str, Any]:
    """Return a mask without its pixels, as JSON."""
    return {"id": mask.id} | {name: getattr(mask, name) for name in _ATTRIBUTES}


def mask_from_meta(meta: dict[str, Any], reference: ImageReference) -> Mask:
    """Return an empty mask from JSON."""
    return Mask(
        reference,
        str(meta["label"]),
        colour=str(meta["colour"]),
        author=str(meta["author"]),
        visible=bool(meta["visible"]),
        locked=bool(meta["locked"]),
        id=str(meta["id"]),
    )


def encode_state(state: State) -> bytes:
    """Return a whole state: JSON, then the packed frames one after the other."""
    blobs: list[bytes] = []
    masks = []
    for mask in state.masks:
        frames = []
        for index, pixels in mask.frames.items():
            packed = pack_frame(pixels)
            frames.append([index, list(packed.box), len(packed.data)])
            blobs.append(packed.data)
        masks.append(mask_to_meta(mask) | {"frames": frames})
    history = state.history
    unfinished = [history.unfinished] if history.unfinished is not None else []
    steps, blob = pack_steps([*history.done, *history.undone, *unfinished])
    meta = {
        **reference_to_meta(state.reference),
        "active": state.active,
        "base": state.base,
        "masks": masks,
        "steps": steps,
        "undone": len(history.undone),
        "unfinished": len(unfinished),
        "broken": history.broken,
    }
    blobs.append(blob)
    head = json.dumps(meta, ensure_ascii=False).encode()
    return struct.pack("<I", len(head)) + head + b"".join(blobs)


def decode_state(data: bytes, reference: ImageReference) -> State:
    """Read a whole state. Raises ``DamagedError``, also if it belongs to another image."""
    try:
        (size,) = struct.unpack_from("<I", data)
        meta = json.loads(data[4 : 4 + size])
        if not is_of(meta, reference):
            raise DamagedError("masks of another image")
        state = State(reference, active=str(meta["active"]), base=dict(meta["base"]))
        at = 4 + size
        for entry in meta["masks"]:
            mask = mask_from_meta(entry, reference)
            for index, box, length in entry["frames"]:
                mask.check_frame(index)
                packed = Packed(Box(*box), data[at : at + length])
                mask._frames[index] = unpack_frame(packed, reference.shape)
                at += length
            state.masks.append(mask)
        _decode_history(state.history, meta, data[at:], reference.shape)
    except DamagedError:
        raise
    except Exception as error:
        raise DamagedError(str(error)) from None
    return state


def _decode_history(
    history: SavedHistory, meta: dict[str, Any], blob: bytes, shape: tuple[int, int]
) -> None:
    """Read the steps of a snapshot; those before version 2 have none."""
    steps = unpack_steps(meta.get("steps", []), blob)
    unfinished = int(meta.get("unfinished", 0))
    undone = int(meta.get("undone", 0))
    whole = len(steps) - unfinished
    history.done, history.undone = steps[: whole - undone], steps[whole - undone : whole]
    last = steps[whole] if unfinished else None
    history.resume(last, bool(meta.get("broken", False)), shape)


def reference_to_meta(reference: ImageReference) -> dict[str, Any]:
    """Return what tells the image, without anything about the patient."""
    return {"key": reference.key, "image": [reference.frames, *reference.shape]}


def is_of(meta: dict[str, Any], reference: ImageReference) -> bool:
    """Whether saved bytes belong to this image."""
    return all(meta.get(k) == v for k, v in reference_to_meta(reference).items())


def digest(mask: Mask) -> str:
    """Return a fingerprint of a mask's pixels and attributes."""
    total = hashlib.blake2b(json.dumps(mask_to_meta(mask)).encode(), digest_size=16)
    for index, pixels in mask.frames.items():
        total.update(str(index).encode() + np.packbits(pixels).tobytes())
    return total.hexdigest()
