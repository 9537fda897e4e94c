"""Measurements are kept between starts, in a small JSON file beside the saved masks.

Where: ``engine.folders.data()/measurements/KEY.json``; the key is the image's, and tells nothing
about the patient. Two windows on one image each add theirs: what this one never had is kept.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engine import folders
from engine.errors import SaliscopeError
from engine.measure.document import MeasureDocument
from engine.measure.measurement import Measurement, from_json

FORMAT = 1
MOST_BYTES = 16 * 2**20
"""A file larger than this is none of ours."""


def path_of(key: str) -> Path:
    """Return where the measurements of an image (``Image.key``) are kept."""
    return folders.data() / "measurements" / f"{key}.json"


def load(key: str) -> tuple[Measurement, ...]:
    """Return what is kept for an image; what cannot be read is passed over."""
    path = path_of(key)
    try:
        if path.stat().st_size > MOST_BYTES:
            return ()
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return ()
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        return ()
    items = found.get("measurements")
    read: list[Measurement] = []
    for item in items if isinstance(items, list) else ():
        with contextlib.suppress(ValueError):
            read.append(from_json(item))
    return tuple(read)


def save(key: str, document: MeasureDocument) -> None:
    """Write a document's measurements, beside those that another window has put meanwhile.

    Raises ``SaliscopeError`` where the system refuses.
    """
    others = [item for item in load(key) if item.id not in document.known]
    _write(path_of(key), [*document.items, *others])


def _write(path: Path, items: Iterable[Measurement]) -> None:
    kept = [item.as_json() for item in items]
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        if not kept:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps({"format": FORMAT, "measurements": kept}), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise SaliscopeError(
            f"Measurements cannot be saved ({error.strerror or error}); make room on the disk, or "
            "copy them as text."
        ) from None
