"""Torn, damaged and newer files of saved masks: what can be read comes back, and it is said."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

from engine.masks import slot
from engine.masks.autosave import Autosave, restore
from engine.masks.document import MaskDocument
from tests.engine.masks.saving import (
    draw,
    saved,
    saved_slot,
    state,
)


def damaged(folder: Path) -> Path:
    """Change a bit in the middle of what was saved; return that file."""
    (journal,) = folder.glob("journal-*.bin")
    data = bytearray(journal.read_bytes())
    data[len(data) // 2] ^= 0x10
    journal.write_bytes(data)
    return journal


def test_a_torn_last_record_costs_only_itself(image):
    document, folder, areas = saved(image)
    (journal,) = folder.glob("journal-*.bin")
    whole = journal.read_bytes()
    found = set()
    for cut in range(0, len(whole), 3):
        journal.write_bytes(whole[: len(whole) - cut])
        restored = restore(image)
        masks = restored.masks if restored else ()
        assert not restored or restored.notes == ()
        found.add(masks[0].area() if masks else 0)
    assert max(found) == document.masks[0].area()
    assert found == areas, "each change is there or not, never a part of one"


def test_a_damaged_record_is_told(image):
    document, folder, _ = saved(image)
    damaged(folder)
    restored = restore(image)
    assert restored is not None
    assert 0 < restored.masks[0].area() < document.masks[0].area()
    assert "damaged" in restored.notes[0]


def test_what_is_damaged_is_kept_beside_what_is_drawn_on(image):
    _, folder, _ = saved(image)
    journal = damaged(folder)
    data = journal.read_bytes()
    again = MaskDocument(image)
    for _ in range(3):  # generations on, none of the old files is left
        saver = Autosave(again)
        draw(again, (90, 100))
        assert saver.close()
    (aside,) = folder.glob("damaged-*")
    assert (aside / journal.name).read_bytes() == data
    assert restore(image).notes == ()


def test_a_corrupt_snapshot_falls_back_without_loss(image):
    document, folder, _ = saved(image)
    saver = Autosave(document)  # goes on: a second generation
    draw(document, (90, 100))
    assert saver.close()
    snapshots = sorted(folder.glob("snapshot-*.bin"))
    assert len(snapshots) == 2
    data = bytearray(snapshots[-1].read_bytes())
    data[-5] ^= 1
    snapshots[-1].write_bytes(data)
    restored = restore(image)
    assert restored is not None
    assert state(restored) == state(document)
    assert restored.notes == ()
    snapshots[0].write_bytes(b"")
    restored = restore(image)
    assert restored is not None
    assert restored.masks == ()
    assert "damaged" in restored.notes[0]


def test_compaction_loses_nothing_and_old_generations_go(image, monkeypatch):
    monkeypatch.setattr(slot, "COMPACT_BYTES", 2000)
    document = MaskDocument(image)
    saver = Autosave(document)
    rng = np.random.default_rng(5)
    for _ in range(60):
        draw(document, *rng.uniform(0, 90, (4, 2)).tolist())
        assert saver.flush()
    assert state(restore(image)) == state(document)
    names = sorted(p.name for p in saved_slot(image).iterdir())
    assert len(names) == 5  # two generations and the lock
    assert int(names[-1].split("-")[1].removesuffix(".bin")) > 3
    # A compaction whose snapshot is lost is covered by the generation before.
    newest = saved_slot(image) / names[-1]
    newest.write_bytes(newest.read_bytes()[:-1])
    assert state(restore(image)) == state(document)
    saver.close()


def test_random_damage_never_raises_nor_invents(image):
    document, folder, _ = saved(image)
    possible = document.masks[0].frame(0)
    rng = random.Random(1)
    files = sorted(folder.glob("*.bin"))
    originals = [f.read_bytes() for f in files]
    for _ in range(150):
        for file, data in zip(files, originals, strict=True):
            damaged = bytearray(data)
            for _ in range(rng.randrange(4)):
                damaged[rng.randrange(len(damaged))] = rng.randrange(256)
            file.write_bytes(damaged[: rng.choice([len(damaged), rng.randrange(len(damaged))])])
        restored = restore(image)
        for mask in restored.masks if restored else ():
            assert not (mask.frame(0) & ~possible).any()


def test_masks_of_a_newer_program_are_kept_and_said_so(image):
    _, folder, _ = saved(image)
    for path in folder.glob("*.bin"):
        data = bytearray(path.read_bytes())
        data[8] = 9  # the version, after the magic
        path.write_bytes(data)
    before = {p.name: p.read_bytes() for p in folder.glob("*.bin")}
    restored = restore(image)
    assert restored is not None
    assert restored.masks == ()
    assert "newer Saliscope" in restored.notes[0]
    fresh = MaskDocument(image)
    saver = Autosave(fresh)
    assert "newer Saliscope" in saver.notes[0]
    draw(fresh, (70, 20))
    assert saver.close()
    assert {p.name: p.read_bytes() for p in folder.glob("*.bin")} == before
    assert state(restore(image)) == state(fresh)
