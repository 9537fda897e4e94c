"""Autosave: what was drawn comes back; full disks and bugs are told and survived."""

from __future__ import annotations

import errno
import time

import numpy as np
import pytest

from engine import folders
from engine.images.image import Identity, Image
from engine.masks import autosave, slot
from engine.masks.autosave import SAVING_AGAIN, Autosave, folder_of, restore
from engine.masks.change import Change
from engine.masks.document import MaskDocument
from engine.masks.mask import ImageReference, Mask
from tests.engine.masks.saving import (
    draw,
    drawn_and_closed,
    state,
)


def test_what_was_drawn_comes_back_and_can_be_gone_on_with(image):
    document = MaskDocument(image, author="AB")
    saver = Autosave(document)
    draw(document, (10, 10), (40, 60))
    document.add_mask("Ödem „links“")
    draw(document, (50, 50), frame=1)
    document.set_visible(document.masks[0].id, False)
    document.set_active(document.masks[0].id)
    document.undo()
    assert saver.close()

    again = MaskDocument(image)
    second = Autosave(again)
    assert state(again) == state(document)
    assert again.masks[0].author == "AB"
    assert again.active is not None
    assert again.active.id == document.masks[0].id
    assert again.history.names == document.history.names
    assert again.redo_text == document.redo_text != ""
    assert second.notes == ()
    draw(again, (80, 80))
    again.remove_mask(again.masks[1].id)
    assert second.close()
    assert state(restore(image)) == state(again)


def test_nothing_drawn_leaves_nothing_behind(image):
    saver = Autosave(MaskDocument(image))
    assert saver.close()
    assert restore(image) is None
    assert not folder_of(ImageReference.of(image)).exists()
    document = drawn_and_closed(image, (5, 5))
    saver = Autosave(document)
    document.remove_all()
    assert saver.close()
    assert restore(image) is None
    # A removal can still be undone. Once nothing is left to undo either, nothing is kept.
    again = MaskDocument(image)
    saver = Autosave(again)
    while again.undo():
        pass
    if again.masks:
        again.remove_all()
        again.load([])
    assert saver.close()
    assert restore(image) is None
    assert not folder_of(ImageReference.of(image)).exists()


def test_no_file_names_or_holds_the_patient(image):
    named = Image(image.pixels.copy(), identity=Identity(patient_name="Doe^Jane", patient_id="77"))
    drawn_and_closed(named, (5, 5))
    files = [p for p in folders.data().rglob("*") if p.is_file()]
    assert files
    for path in files:
        assert "Doe" not in str(path.relative_to(folders.data()))
        assert b"Doe" not in path.read_bytes()


def test_another_image_gets_nothing(image):
    drawn_and_closed(image, (5, 5))
    assert restore(Image(image.pixels + 1)) is None


def test_a_full_disk_is_told_once_and_nothing_is_lost_after(image, monkeypatch):
    monkeypatch.setattr(autosave, "RETRY_SECONDS", 0.05)
    told: list[str] = []
    document = MaskDocument(image)
    saver = Autosave(document, told.append)
    draw(document, (10, 10))
    assert saver.flush()
    full = True
    real_append, real_start = slot.Slot.append, slot.Slot.start_generation

    def append(self, records):
        if full:
            # Half a record gets through, as on a real disk.
            self._journal.write(b"\x40\0\0\0half")
            raise OSError(errno.ENOSPC, "No space left on device")
        real_append(self, records)

    def start(self, state):
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        real_start(self, state)

    monkeypatch.setattr(slot.Slot, "append", append)
    monkeypatch.setattr(slot.Slot, "start_generation", start)
    for i in range(4):
        draw(document, (20 + 10 * i, 70))
        assert not saver.flush(0.1)
    assert document.masks[0].area() > 100, "drawing goes on"
    assert len(told) == 1
    assert told[0].startswith("Masks cannot be saved at the moment (No space left on device);")
    assert saver.problem == told[0]
    full = False
    assert saver.flush(5), "it comes back without another stroke"
    assert told[1:] == [SAVING_AGAIN]
    assert state(restore(image)) == state(document)
    draw(document, (90, 20))
    assert saver.close()
    assert state(restore(image)) == state(document)


@pytest.mark.parametrize("where", ["append", "start_generation"])
def test_a_bug_does_not_end_saving(image, monkeypatch, caplog, where):
    monkeypatch.setattr(autosave, "RETRY_SECONDS", 0.05)
    told: list[str] = []
    document = MaskDocument(image)
    saver = Autosave(document, told.append)
    draw(document, (10, 10))
    assert saver.flush()
    if where == "start_generation":
        monkeypatch.setattr(slot, "COMPACT_BYTES", 0)
    real = getattr(slot.Slot, where)

    def broken(self, argument):
        setattr(slot.Slot, where, real)
        raise RuntimeError("bug")

    monkeypatch.setattr(slot.Slot, where, broken)
    draw(document, (50, 50))
    assert saver.flush(8)
    assert "autosave failed" in caplog.text
    assert len(told) == 2
    assert saver.close()
    assert state(restore(image)) == state(document)


def test_a_change_that_cannot_be_followed_costs_no_other(image, caplog):
    document = MaskDocument(image)
    saver = Autosave(document)
    draw(document, (10, 10))
    document._store.emit(Change("pixels", "nobody", 0, np.array([1]), np.array([], np.int64)))
    draw(document, (30, 30))
    assert saver.flush()
    assert "could not be saved" in caplog.text
    assert saver.close()
    assert state(restore(image)) == state(document)
    assert not restore(image).notes


def test_what_is_loaded_anew_is_never_gone_from_the_disk(image):
    """Killed at any moment, the masks are there: those before or those after."""
    document = MaskDocument(image)
    saver = Autosave(document)
    draw(document, (10, 10))
    assert saver.flush()
    before = state(document)
    loaded = [document.masks[0].copy(id=document.masks[0].id), Mask(document.reference, "More")]
    seen = []

    def look(change) -> None:
        time.sleep(0.03)  # the worker has every chance
        seen.append(state(restore(image)))

    document.subscribe(look)
    with saver.together():
        document.load(loaded)
    assert len(seen) > 4
    assert all(found == before for found in seen)
    assert saver.close()
    assert state(restore(image)) == state(document) != before


def test_an_unwritable_folder_is_told_and_drawing_goes_on(image, monkeypatch):
    monkeypatch.setattr(autosave, "RETRY_SECONDS", 0.05)
    blocked = folders.data() / "masks"
    blocked.write_text("a file where the folder should be")
    told: list[str] = []
    document = MaskDocument(image)
    saver = Autosave(document, told.append)
    draw(document, (10, 10))
    assert not saver.flush(0.3)
    assert len(told) == 1
    assert told[0].endswith(".")
    blocked.unlink()
    assert saver.flush(5)
    assert state(restore(image)) == state(document)
    assert saver.close()


def test_the_window_never_waits_for_the_disk(image, monkeypatch):
    real = slot.Slot.start_generation

    def slow(self, state):
        time.sleep(0.5)
        real(self, state)

    monkeypatch.setattr(slot.Slot, "start_generation", slow)
    document = MaskDocument(image)
    saver = Autosave(document)
    draw(document, (5, 5))
    time.sleep(0.1)  # the worker is now in the slow write
    start = time.perf_counter()
    draw(document, (10, 10), (60, 90))
    assert time.perf_counter() - start < 0.25
    assert saver.close()
    assert state(restore(image)) == state(document)
