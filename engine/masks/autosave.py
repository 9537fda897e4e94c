"""Masks are saved as they are drawn: a program that is killed comes back with them.

Every change of the document goes, on a thread of its own, into a journal (see ``slot``) within
milliseconds. Once written it is the operating system's, and outlives the process. Against a power
cut it is synced to the disk at most once a second: oftener would wear the disk and gain little.
The window only hands the change over; it never waits for a disk.

Where: ``engine.folders.data()/masks/KEY/SLOT``; the key is the image's, and tells nothing about
the patient. A slot belongs to the one process that holds its lock. A second window on the same
image gets a slot of its own, which starts as a copy; what it draws comes back beside the first
one's masks when the image is next opened after it has gone. So two windows never overwrite each
other, and nobody has to be read-only.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from engine import folders
from engine.images.image import Image
from engine.masks.change import Change
from engine.masks.document import MaskDocument
from engine.masks.mask import ImageReference, Mask
from engine.masks.records import DamagedError, Record, State, digest, record_of
from engine.masks.slot import NewerFormatError, Slot, size_of
from engine.masks.steps import SavedHistory

_log = logging.getLogger(__name__)

#: At most this much drawing is not yet safe from a power cut, seconds.
SYNC_SECONDS = 1.0
#: How often saving is tried again while it fails, seconds.
RETRY_SECONDS = 3.0
#: More windows than anybody opens on one image.
MAX_SLOTS = 64

OTHER_WINDOW = (
    "This image is also open in another Saliscope window: what you draw here is saved separately, "
    "and comes back beside the other window's masks when you next open the image."
)
SAVING_AGAIN = "Masks are being saved again."


@dataclass
class Restored:
    """What was saved for an image. notes: one sentence each, for the user.

    saved_at: when something was last written, seconds since 1970.
    """

    masks: tuple[Mask, ...]
    active: str
    notes: tuple[str, ...] = ()
    saved_at: float = 0.0


def restore(image: Image | ImageReference) -> Restored | None:
    """Return what is saved for an image, changing nothing; None if that is nothing.

    Unreadable or newer slots are told in the notes. Raises ``OSError`` if the folder of saved
    masks cannot be read at all.
    """
    reference = image if isinstance(image, ImageReference) else ImageReference.of(image)
    state = State(reference)
    notes: list[str] = []
    saved_at = 0.0
    for slot in _existing(reference):
        saved_at = max(saved_at, slot.saved_at)
        try:
            found = slot.read(state)
        except NewerFormatError as error:
            notes.append(str(error))
            continue
        notes += found.notes
        if found.state is not None:
            _merge(state, found.state)
    if not state.masks and not notes:
        return None
    return Restored(tuple(state.masks), state.active, tuple(dict.fromkeys(notes)), saved_at)


def saved_sizes() -> frozenset[tuple[int, int, int]]:
    """Return the sizes (frames, rows, cols) of all images for which masks are saved."""
    found = set()
    with contextlib.suppress(OSError):
        for folder in (folders.data() / "masks").iterdir():
            with contextlib.suppress(OSError, ValueError):
                found.add(_size(folder))
    return frozenset(found)


@lru_cache(maxsize=1 << 16)  # a batch asks for each image; what does not say yet is asked again
def _size(folder: Path) -> tuple[int, int, int]:
    return size_of(folder)


class Autosave:
    """Restores what was saved into a document, then saves its every change.

    ``notes``: what the user should know about what was restored, one sentence each.
    ``on_message``: called on the worker's thread with one sentence when saving begins to fail
    (disk full, folder not writable) and when it works again; drawing goes on meanwhile, and
    everything is written once it can be.
    """

    def __init__(
        self, document: MaskDocument, on_message: Callable[[str], None] | None = None
    ) -> None:
        self._document = document
        self._on_message = on_message or (lambda sentence: None)
        self._state = State(document.reference)
        self._slot: Slot | None = None
        self._absorbed: list[Slot] = []
        self._shared = False  # whether masks of a window that is still open were copied
        self.notes: tuple[str, ...] = ()
        #: When what was restored had last been written, seconds since 1970; 0 if nothing was.
        self.saved_at = 0.0
        #: Why saving does not work at the moment, "" while it does.
        self.problem = ""
        self._queue: list[Record] = []
        self._wake = threading.Condition()
        self._closing = False
        self._handed = self._written = 0
        self._dirty = False
        self._failed_at = 0.0

        notes: list[str] = []
        try:
            self._claim(notes)
        except OSError as error:
            self._fail(error)
        self.notes = tuple(dict.fromkeys(notes))
        mine = {m.id for m in document.masks}
        steps = self._state.history.settled()
        if self._state.masks or any(steps):
            kept = [m for m in self._state.masks if m.id not in mine]
            active = self._state.active or (document.active.id if document.active else "")
            document.load([*kept, *(m.copy(id=m.id) for m in document.masks)], active)
        # Steps know the masks of their own slot alone: with those of another they would lose some.
        alone = not mine and not self._absorbed and not self._shared
        if not (alone and document.restore_history(*steps)):
            steps = ([], [])
        self._state.history = SavedHistory()
        self._state.history.done, self._state.history.undone = map(list, steps)
        if mine:
            self._dirty = True
        self._state.masks = [m.copy(id=m.id) for m in document.masks]
        self._state.active = document.active.id if document.active else ""
        self._unsubscribe = document.subscribe(self._on_change)
        self._thread = threading.Thread(target=self._run, name="autosave", daemon=True)
        self._thread.start()

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until all changes so far are written; return False if that could not be."""
        with self._wake:
            target = self._handed
            self._wake.notify_all()
            return self._wake.wait_for(lambda: self._written >= target and not self._dirty, timeout)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Hand over in one piece what changes meanwhile: no part of it is written alone.

        For what takes masks away and brings them again: a process killed between the two would
        have lost them.
        """
        with self._wake:  # the worker takes nothing from the queue before this ends
            yield

    def close(self, timeout: float = 10.0) -> bool:
        """Write what is left, and let go of the image; return False if it could not be written."""
        self._unsubscribe()
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        self._thread.join(timeout)
        return not self.problem and not self._thread.is_alive()

    # The window's thread

    def _on_change(self, change: Change) -> None:
        document = self._document
        active = document.active
        record = record_of(change, document.masks, active.id if active else "")
        if record is not None:
            with self._wake:
                self._queue.append(record)
                self._handed += 1
                self._wake.notify_all()

    # Opening

    def _claim(self, notes: list[str]) -> None:
        """Take the first slot that is free and readable, and bring in the others."""
        empty = State(self._document.reference)
        living: list[Slot] = []
        for number in range(MAX_SLOTS):
            slot = _slot(self._document.reference, number)
            if not slot.folder.is_dir() and self._slot is not None:
                continue
            if not slot.lock.acquire():
                living.append(slot)
                continue
            self.saved_at = max(self.saved_at, slot.saved_at)
            try:
                found = slot.read(empty)
            except (NewerFormatError, OSError) as error:
                notes.append(str(error) if isinstance(error, NewerFormatError) else _why(error))
                slot.leave()
                continue
            notes += found.notes
            if found.damaged:
                try:
                    slot.copy_aside()
                except OSError as error:
                    notes.append(_why(error))
                    slot.leave()
                    continue  # nothing is written over it
            if found.state is None and not slot.is_empty:
                slot.leave()  # damaged beyond reading: kept for whoever can
            elif self._slot is None:
                self._slot = slot
                slot.resume(found)
                if found.state is not None:
                    self._state = found.state
            elif found.state is not None:
                self._state.base = {}
                _merge(self._state, found.state)
                self._absorbed.append(slot)
                self._dirty = True
            else:
                slot.leave()
        if living:
            self._shared = True
            notes.append(OTHER_WINDOW)
            self._copy_living(living, notes)
        else:
            self._state.base = {}

    def _copy_living(self, living: list[Slot], notes: list[str]) -> None:
        base = self._state.base
        unchanged = [m for m in self._state.masks if base.get(m.id) == digest(m)]
        self._state.masks = [m for m in self._state.masks if m not in unchanged]
        for slot in living:
            try:
                found = slot.read(State(self._document.reference))
            except (NewerFormatError, OSError):
                continue
            for mask in found.state.masks if found.state else ():
                if all(m.id != mask.id for m in self._state.masks):
                    self._state.masks.append(mask)
                    base[mask.id] = digest(mask)
            if found.state and not self._state.active:
                self._state.active = found.state.active

    # The worker's thread

    def _run(self) -> None:
        synced = time.monotonic()
        while True:
            with self._wake:
                if not (self._queue or self._closing):
                    self._wake.wait(SYNC_SECONDS if not self.problem else RETRY_SECONDS / 3)
                records, self._queue = self._queue, []
                closing = self._closing
            waited = time.monotonic() - self._failed_at > RETRY_SECONDS
            trying = not self.problem or waited or closing
            if records or (self._dirty and trying):
                self._save(records, trying)
            if not self.problem and (closing or time.monotonic() - synced > SYNC_SECONDS):
                self._sync()
                synced = time.monotonic()
            with self._wake:
                self._written += len(records)
                self._wake.notify_all()
                if closing and not self._queue:
                    break
        self._finish()

    def _save(self, records: list[Record], trying: bool) -> None:
        """Apply records to the state and, if ``trying``, bring the disk up to it.

        ``_dirty`` says that the journal misses something which the state has.
        """
        slot = None
        try:
            if trying:
                self._slot = slot = self._slot or _claim_empty(self._document.reference)
                if self._dirty or not slot.has_journal:
                    slot.start_generation(self._state)
                    self._dirty = False
                    self._let_go_of_absorbed()
        except Exception as error:  # a bug must not end saving for good either
            slot = None
            self._fail(error)
        records = [record for record in records if self._apply(record)]
        if slot is None:
            self._dirty = True
            return
        try:
            if records:
                slot.append(records)
            if slot.wants_compaction:
                slot.start_generation(self._state)
        except Exception as error:
            self._fail(error)
            return
        if self.problem:
            self.problem = ""
            self._tell(SAVING_AGAIN)

    def _apply(self, record: Record) -> bool:
        """Follow a change; one that cannot be followed is left out, so that those after it are."""
        try:
            self._state.apply(record)
        except DamagedError as error:
            _log.error("a change could not be saved", exc_info=error)
            return False
        return True

    def _let_go_of_absorbed(self) -> None:
        """Their masks are in this slot's snapshot now, which is on the disk."""
        for slot in self._absorbed:
            slot.erase()
            slot.leave()
        self._absorbed = []

    def _sync(self) -> None:
        try:
            if self._slot is not None:
                self._slot.sync()
        except OSError as error:
            self._dirty = True
            self._fail(error)

    def _finish(self) -> None:
        slot = self._slot
        try:
            if slot is not None:
                history = self._state.history
                nothing = not (self._state.masks or history.done)
                if nothing and not self.problem and not self._absorbed:
                    slot.erase()
                slot.leave()
            for other in self._absorbed:
                other.leave()
        except OSError as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if not isinstance(error, OSError):
            _log.error("autosave failed", exc_info=error)
            error = OSError("an error in the program, see its log")
        self._failed_at = time.monotonic()
        self._dirty = True
        sentence = _why(error)
        if sentence != self.problem:
            self.problem = sentence
            self._tell(sentence)

    def _tell(self, sentence: str) -> None:
        try:
            self._on_message(sentence)
        except Exception:
            _log.exception("the listener for autosave's messages failed")


def folder_of(reference: ImageReference) -> Path:
    """Return where the masks of an image are saved."""
    return folders.data() / "masks" / reference.key


def _slot(reference: ImageReference, number: int) -> Slot:
    return Slot(folder_of(reference) / str(number))


def _existing(reference: ImageReference) -> list[Slot]:
    folder = folder_of(reference)
    if not folder.is_dir():  # most images have nothing saved: a batch asks for each of them
        return []
    slots = (Slot(folder / str(number)) for number in range(MAX_SLOTS))
    return [slot for slot in slots if slot.folder.is_dir()]


def _claim_empty(reference: ImageReference) -> Slot:
    """Take a slot that nothing was saved in, so that nothing can be overwritten."""
    for number in range(MAX_SLOTS):
        slot = _slot(reference, number)
        if slot.lock.acquire():
            if slot.is_empty:
                return slot
            slot.leave()
    raise OSError("too many windows show this image")


def _merge(state: State, other: State) -> None:
    """Bring the masks of another slot in. What differs is kept beside, under a name that says so.

    Masks that the other window merely copied and never changed are left out.
    """
    for mask in other.masks:
        if other.base.get(mask.id) == digest(mask):
            continue
        mine = next((m for m in state.masks if m.id == mask.id), None)
        if mine is None:
            state.masks.append(mask)
        elif digest(mine) != digest(mask):
            copy = mask.copy()
            copy.label = f"{mask.label} (other window)"
            state.masks.append(copy)
    state.active = state.active or other.active


def _why(error: OSError) -> str:
    reason = error.strerror or str(error)
    return (
        f"Masks cannot be saved at the moment ({reason}); drawing goes on and saving is tried "
        "again: make room on the disk, or export the masks elsewhere."
    )
