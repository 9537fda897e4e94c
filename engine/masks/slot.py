"""A folder of saved masks: snapshots and the journals that go on from them.

``snapshot-N`` is a whole state; ``journal-N`` holds, in order, everything that changed after it.
The two newest generations are kept. ``journal-N`` is complete when ``snapshot-N+1`` is written,
so if that snapshot cannot be read, snapshot N with journals N and N+1 gives the same state:
nothing is lost. A snapshot is written beside its place, synced, then renamed; a journal is only
ever appended to, each record with its length and checksum, and never again after a restart: its
end may be torn.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import IO

from engine.errors import MaskError
from engine.masks.lock import FileLock, sync_folder
from engine.masks.records import (
    DamagedError,
    Record,
    State,
    decode_state,
    encode_state,
    is_of,
    reference_to_meta,
)

#: Raise it when an older program could not read what is written.
VERSION = 2

_SNAPSHOT = b"SLMSNAP\n"
_JOURNAL = b"SLMJRNL\n"
_HEAD = struct.Struct("<8sHIQ")  # magic, version, crc32 of the body, its length
_RECORD = struct.Struct("<II")  # length, crc32

#: A journal longer than this, and than the snapshot it goes on from, is folded into a new one.
COMPACT_BYTES = 1 << 20


class NewerFormatError(MaskError):
    """Masks saved by a newer program: left alone."""


@dataclass
class Recovered:
    """What a slot holds: None if nothing was saved. notes: one sentence each, for the user.

    damaged: whether part of what was saved could not be read.
    """

    state: State | None
    generation: int = 0
    valid: int = 0
    notes: list[str] = field(default_factory=list)
    damaged: bool = False


class Slot:
    """One process's folder; write only while ``lock`` is held."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = FileLock(folder / "lock")
        self.generation = 0
        self._previous = 0
        self._journal: IO[bytes] | None = None
        self._journal_bytes = 0
        self._snapshot_bytes = 0
        self._unsynced = False

    # Reading

    def read(self, reference: State) -> Recovered:
        """Read the newest state that can be read; ``reference`` is an empty state of the image.

        Raises ``NewerFormatError``, and ``OSError`` if the folder cannot be read.
        """
        if not self.folder.is_dir():
            return Recovered(None)
        generations = self._generations("snapshot")
        newest = max([*generations, *self._generations("journal")], default=0)
        found = Recovered(None, newest)
        for number in reversed(generations):
            try:
                state = self._read_snapshot(number, reference)
            except DamagedError:
                continue
            except FileNotFoundError:
                continue  # another process has just replaced it by a newer one
            whole = True
            for following in range(number, newest + 1):
                whole = whole and self._replay(following, state)
            if not whole:
                found.damaged = True
                found.notes.append(
                    "Some of the last changes to the saved masks were damaged and are missing; "
                    "look the masks over."
                )
            found.state, found.valid = state, number
            return found
        if generations:
            found.notes.append(
                "The saved masks of this image are damaged and could not be read; they are kept "
                f"in {self.folder}, and drawing starts afresh."
            )
        return found

    def _read_snapshot(self, number: int, empty: State) -> State:
        data = self._path("snapshot", number).read_bytes()
        if len(data) < _HEAD.size:
            raise DamagedError("shorter than its head")
        magic, version, crc, length = _HEAD.unpack_from(data)
        if magic != _SNAPSHOT:
            raise DamagedError("not a snapshot")
        _check_version(version)
        body = data[_HEAD.size :]
        if len(body) != length or zlib.crc32(body) != crc:
            raise DamagedError("checksum")
        return decode_state(body, empty.reference)

    def _replay(self, number: int, state: State) -> bool:
        """Apply a journal; return False if damage other than a torn end was met."""
        try:
            data = self._path("journal", number).read_bytes()
        except FileNotFoundError:
            return True
        if len(data) < 10:
            return True
        magic, version = struct.unpack_from("<8sH", data)
        if magic != _JOURNAL:
            return False
        _check_version(version)
        at, first = 10, True
        while at + _RECORD.size <= len(data):
            length, crc = _RECORD.unpack_from(data, at)
            end = at + _RECORD.size + length
            body = data[at + _RECORD.size : end]
            if end > len(data):
                return True  # torn: the process was killed while it wrote this
            if zlib.crc32(body) != crc:
                return bool(end == len(data))
            try:
                if first:
                    if not is_of(json.loads(body), state.reference):
                        return False
                else:
                    state.apply(Record.decode(body))
            except (DamagedError, ValueError):
                return False
            at, first = end, False
        return True

    @property
    def saved_at(self) -> float:
        """When something was last written here, seconds since 1970; 0 if nothing was."""
        times = [0.0]
        for kind in ("snapshot", "journal"):
            for number in self._generations(kind):
                with contextlib.suppress(OSError):
                    times.append(self._path(kind, number).stat().st_mtime)
        return max(times)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever saved here."""
        return not self._generations("snapshot") and not self._generations("journal")

    # Writing

    def resume(self, found: Recovered) -> None:
        """Go on after what was read: the next snapshot is a new generation."""
        self.generation = found.generation
        self._previous = found.valid

    def copy_aside(self) -> None:
        """Keep a copy of files of which part could not be read, in a folder ``damaged-DATE``.

        The next generations take their place. Raises ``OSError``.
        """
        base = f"damaged-{date.today().isoformat()}"
        target, number = self.folder / base, 2
        while target.exists():
            target, number = self.folder / f"{base}-{number}", number + 1
        target.mkdir()
        for kind in ("snapshot", "journal"):
            for generation in self._generations(kind):
                path = self._path(kind, generation)
                shutil.copyfile(path, target / path.name)

    def start_generation(self, state: State) -> None:
        """Write a snapshot and begin its journal; then drop what is no longer needed."""
        self.close()
        number = self.generation + 1
        body = encode_state(state)
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path("snapshot", number)
        temporary = path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            file.write(_HEAD.pack(_SNAPSHOT, VERSION, zlib.crc32(body), len(body)))
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        head = json.dumps(reference_to_meta(state.reference)).encode()
        journal = self._path("journal", number).open("wb", buffering=0)
        self._journal = journal
        journal.write(struct.pack("<8sH", _JOURNAL, VERSION) + _framed(head))
        os.fsync(journal.fileno())
        sync_folder(self.folder)
        keep = self._previous or number
        self.generation = self._previous = number
        self._snapshot_bytes, self._journal_bytes = len(body), 0
        for kind in ("snapshot", "journal"):
            for old in self._generations(kind):
                if old < keep:
                    self._path(kind, old).unlink(missing_ok=True)

    def append(self, records: Iterable[Record]) -> None:
        """Append to the journal, in one write. It is then safe from the end of this process."""
        if self._journal is None:
            raise ValueError("no generation has been started")
        data = b"".join(_framed(record.encode()) for record in records)
        written = self._journal.write(data)
        if written != len(data):
            raise OSError(28, "the disk is full")
        self._journal_bytes += len(data)
        self._unsynced = True

    def sync(self) -> None:
        """Make what was appended safe from a power cut too."""
        if self._journal is not None and self._unsynced:
            os.fsync(self._journal.fileno())
            self._unsynced = False

    @property
    def has_journal(self) -> bool:
        """Whether there is a journal to append to."""
        return self._journal is not None

    @property
    def wants_compaction(self) -> bool:
        """Whether the journal has outgrown its snapshot."""
        return self._journal_bytes > max(COMPACT_BYTES, 2 * self._snapshot_bytes)

    def close(self) -> None:
        """Close the journal, synced as far as the disk allows; the lock stays held."""
        journal, self._journal = self._journal, None
        if journal is not None:
            try:
                if self._unsynced:
                    os.fsync(journal.fileno())
            finally:
                journal.close()
                self._unsynced = False

    def erase(self) -> None:
        """Delete what is saved here; the lock stays held."""
        self.close()
        # Journals last: without its snapshot a journal is never read.
        for kind in ("snapshot", "journal"):
            for number in self._generations(kind):
                self._path(kind, number).unlink(missing_ok=True)

    def leave(self) -> None:
        """Close and let go of the lock; a slot that holds nothing leaves no folder behind."""
        try:
            self.close()
        finally:
            empty = self.folder.is_dir() and self.is_empty
            self.lock.release(remove=empty)
            if empty:
                with contextlib.suppress(OSError):
                    self.folder.rmdir()
                    self.folder.parent.rmdir()

    def _path(self, kind: str, number: int) -> Path:
        return self.folder / f"{kind}-{number:08d}.bin"

    def _generations(self, kind: str) -> list[int]:
        found = []
        for path in self.folder.glob(f"{kind}-*.bin"):
            number = path.stem.removeprefix(f"{kind}-")
            if number.isdigit():
                found.append(int(number))
        return sorted(found)


def size_of(folder: Path) -> tuple[int, int, int]:
    """Return (frames, rows, cols) of the image that the slots in a folder are of.

    Raises ``OSError``, or ``ValueError`` where none of them says, as while nothing is saved.
    """
    for journal in sorted(folder.glob("*/journal-*.bin"), reverse=True):
        with contextlib.suppress(ValueError, KeyError, TypeError, struct.error):
            with journal.open("rb") as file:
                file.seek(10)
                length, _ = _RECORD.unpack(file.read(_RECORD.size))
                frames, rows, cols = json.loads(file.read(min(length, 4096)))["image"]
            return int(frames), int(rows), int(cols)
    raise ValueError("no journal that can be read")


def _framed(body: bytes) -> bytes:
    return _RECORD.pack(len(body), zlib.crc32(body)) + body


def _check_version(version: int) -> None:
    if version > VERSION:
        raise NewerFormatError(
            f"The masks of this image were saved by a newer Saliscope (format {version}, this one "
            f"reads up to {VERSION}); they are kept as they are: open the image with the newer "
            "program to see them."
        )
