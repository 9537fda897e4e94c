"""Attributions that took long, kept in memory and on disk; losing them costs only time."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DISK_BYTES = 256 * 2**20
"""About a thousand maps of 224 × 224; the ones unused for longest go first."""

MEMORY_ENTRIES = 64
_MAX_ENTRY_BYTES = 64 * 2**20


@dataclass(frozen=True, eq=False)
class Entry:
    """raw: float32 (H, W), finite. facts: plain values about how it came to be."""

    raw: NDArray[np.float32]
    facts: Mapping[str, Any]


class AttributionCache:
    """Entries by what made them; ``folder`` is made when it is first written to.

    A file that is damaged, or not what it should be, is as good as none and is removed. Several
    processes may share a folder: files appear whole, under a name that says what is in them.
    """

    def __init__(self, folder: Path, limit: int = DISK_BYTES) -> None:
        self._folder = folder
        self._limit = limit
        self._recent: OrderedDict[str, Entry] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Mapping[str, Any]) -> Entry | None:
        """Return what was stored under a key (plain values), or None."""
        name = _name(key)
        with self._lock:
            entry = self._recent.get(name) or self._read(name, key)
            if entry is not None:
                self._remember(name, entry)
        return entry

    def put(self, key: Mapping[str, Any], entry: Entry) -> None:
        """Store an entry; a disk that is full or not writable only means that it is not kept."""
        name = _name(key)
        with self._lock:
            self._remember(name, entry)
            try:
                self._write(name, key, entry)
                self._evict()
            except OSError:
                return

    def _remember(self, name: str, entry: Entry) -> None:
        self._recent[name] = entry
        self._recent.move_to_end(name)
        while len(self._recent) > MEMORY_ENTRIES:
            self._recent.popitem(last=False)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.npz"

    def _read(self, name: str, key: Mapping[str, Any]) -> Entry | None:
        path = self._path(name)
        try:
            if path.stat().st_size > _MAX_ENTRY_BYTES:
                raise ValueError("too large to be an entry")
            with np.load(path, allow_pickle=False) as stored:
                raw, text = stored["raw"], stored["facts"]
            content = json.loads(text.tobytes())
            if raw.dtype != np.float32 or raw.ndim != 2 or not np.isfinite(raw).all():
                raise ValueError("not an attribution")
            if content["key"] != json.loads(_canonical(key)):
                raise ValueError("another key's")
            os.utime(path)  # it is in use: among the last to be evicted
            return Entry(raw, content["facts"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            try:
                path.unlink(missing_ok=True)
            except OSError:
                return None
            return None

    def _write(self, name: str, key: Mapping[str, Any], entry: Entry) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        content = json.dumps({"key": dict(key), "facts": dict(entry.facts)}, allow_nan=False)
        handle, temporary = tempfile.mkstemp(dir=self._folder, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, raw=entry.raw, facts=np.frombuffer(content.encode(), np.uint8))
            Path(temporary).replace(self._path(name))
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def _evict(self) -> None:
        """Remove the files unused for longest, and what killed writers left, down to the limit."""
        files = []
        for path in self._folder.iterdir():
            if path.suffix in (".npz", ".part"):
                try:
                    stat = path.stat()
                except FileNotFoundError:  # another process removed it first
                    continue
                files.append((stat.st_mtime_ns, stat.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self._limit:
                return
            path.unlink(missing_ok=True)
            total -= size


def _canonical(key: Mapping[str, Any]) -> str:
    return json.dumps(dict(key), sort_keys=True, allow_nan=False)


def _name(key: Mapping[str, Any]) -> str:
    return hashlib.blake2b(_canonical(key).encode(), digest_size=20).hexdigest()
