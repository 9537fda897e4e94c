"""Measurements are kept between starts, in a small JSON file beside the saved masks.

Where: ``engine.folders.data()/measurements/KEY.json``; the key is the image's, and tells nothing
about the patient. Two windows on one image each add theirs: what this one never had is kept. A
file that cannot be read, wholly or in part, is moved aside and never overwritten.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import folders, keeping
from engine.errors import SaliscopeError
from engine.measure.document import MeasureDocument
from engine.measure.measurement import Measurement, from_json

FORMAT = 1
MOST_BYTES = 16 * 2**20
"""A file larger than this is none of ours."""

UNREADABLE = (
    "The measurements and covers that were kept for this image are damaged or of a newer version; "
    "cover burnt-in text again before you export."
)


@dataclass(frozen=True)
class _Kept:
    items: tuple[Measurement, ...]
    whole: bool


def path_of(key: str) -> Path:
    """Return where the measurements of an image (``Image.key``) are kept."""
    return folders.data() / "measurements" / f"{key}.json"


def load(key: str) -> tuple[Measurement, ...]:
    """Return what is kept for an image; what cannot be read is passed over (see ``problem``)."""
    try:
        found = keeping.read(path_of(key), _understand, MOST_BYTES)
    except OSError:
        return ()
    return () if found is None else found.items


def problem(key: str) -> str:
    """Return why something that is kept for an image cannot be read, one sentence; "" if it can."""
    path = path_of(key)
    try:
        found = keeping.read(path, _understand, MOST_BYTES)
        damaged = not found.whole if found is not None else path.exists()
    except OSError:
        damaged = True
    return UNREADABLE if damaged else ""


def rescue(key: str) -> str:
    """Move a file that cannot be read wholly out of the way; return what to say, "" for nothing.

    What of it can be read is kept in its place. Raises ``SaliscopeError`` where the system
    refuses: then nothing may be written there.
    """
    path = path_of(key)
    try:
        found = keeping.read(path, _understand, MOST_BYTES)
        if found.whole if found is not None else not path.exists():
            return ""
        aside = keeping.set_aside(path)
        if found is not None and found.items:
            keeping.write(path, _text(found.items))
    except OSError as error:
        raise SaliscopeError(
            f"The measurements kept for this image cannot be read ({error.strerror or error}), so "
            "they are not overwritten; what you measure now is not saved. Check the disk."
        ) from None
    name = f" as {aside.name}" if aside is not None else ""
    some = "some of them" if found is not None else "they"
    return (
        "The measurements and covers kept for this image are damaged or of a newer version, and "
        f"{some} could not be read; the file is kept{name} in {path.parent}."
    )


def save(key: str, document: MeasureDocument) -> str:
    """Write a document's measurements, beside those that another window has put meanwhile.

    Return what to say of a file that was there and could not be read, "" for nothing. Raises
    ``SaliscopeError`` where the system refuses.
    """
    said = rescue(key)
    kept = [*document.items, *(item for item in load(key) if item.id not in document.known)]
    path = path_of(key)
    try:
        if kept:
            keeping.write(path, _text(kept))
        else:
            keeping.remove(path, _text(()))
    except OSError as error:
        raise SaliscopeError(
            f"Measurements cannot be saved ({error.strerror or error}); make room on the disk, or "
            "copy them as text."
        ) from None
    return said


def _text(items: Any) -> str:
    return json.dumps({"format": FORMAT, "measurements": [item.as_json() for item in items]})


def _understand(data: bytes) -> _Kept | None:
    try:
        found: Any = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        return None
    items = found.get("measurements")
    if not isinstance(items, list):
        return None
    read: list[Measurement] = []
    for item in items:
        with contextlib.suppress(ValueError):
            read.append(from_json(item))
    return _Kept(tuple(read), len(read) == len(items))
