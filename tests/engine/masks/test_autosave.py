"""Autosave: killed processes, torn and damaged files, two windows, full disks."""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from engine import folders
from engine.images.image import Identity, Image
from engine.masks import autosave, slot
from engine.masks.autosave import OTHER_WINDOW, SAVING_AGAIN, Autosave, folder_of, restore
from engine.masks.change import Change
from engine.masks.document import MaskDocument
from engine.masks.mask import ImageReference, Mask

ROOT = Path(__file__).resolve().parents[3]
CHILD = Path(__file__).with_name("drawing_child.py")
_spec = importlib.util.spec_from_file_location("drawing_child", CHILD)
assert _spec is not None
assert _spec.loader is not None
child = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(child)


@pytest.fixture
def image() -> Image:
    return child.image()


def saved_slot(image: Image, number: int = 0) -> Path:
    return folder_of(ImageReference.of(image)) / str(number)


def state(source) -> list:
    return sorted(
        (
            m.id,
            m.label,
            m.colour,
            m.visible,
            m.locked,
            {i: p.tobytes() for i, p in m.frames.items()},
        )
        for m in source.masks
    )


def draw(document: MaskDocument, *points, radius=4.0, frame=0) -> None:
    document.begin_stroke(frame, points[0], radius)
    for point in points[1:]:
        document.extend_stroke(point)
    document.end_stroke()


def drawn_and_closed(image: Image, *points) -> MaskDocument:
    document = MaskDocument(image)
    saver = Autosave(document)
    draw(document, *points)
    assert saver.close()
    return document


@pytest.mark.parametrize("attempt", range(3))
def test_killed_while_drawing_it_comes_back_with_all_but_the_last_second(image, attempt):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, str(CHILD)], stdout=subprocess.PIPE, env=environment, cwd=ROOT, text=True
    )
    assert process.stdout is not None
    told: list[tuple[float, int]] = []
    life = random.Random(attempt).uniform(0.3, 1.2)
    start = None
    for line in process.stdout:
        now = time.monotonic()
        start = start or now
        told.append((now, int(line)))
        if now - start > life:
            break
    process.send_signal(signal.SIGKILL)
    killed = time.monotonic()
    rest = process.stdout.read().split()
    process.wait()
    last = int(rest[-1]) if rest else told[-1][1]
    must = max((n for t, n in told if t < killed - 1.0), default=0)
    assert last > 10

    restored = restore(image)
    assert restored is not None
    found = child.summary(restored.masks)
    document = MaskDocument(image)
    matches = []

    def compare(change):
        """Within a step too: undoing a removal brings the mask, then its pixels."""
        if change.kind != "history" and child.summary(document.masks) == found:
            matches.append(number)

    number = 0
    document.subscribe(compare)
    for number in range(last + 2):  # it may have been killed before it told the last step
        child.step(document, number)
        if child.summary(document.masks) == found:
            matches.append(number)
    assert restored.notes == ()
    assert matches, "what came back is no state that the process was ever in"
    assert matches[-1] >= must
    # In truth milliseconds are lost, not the second that is promised.
    assert matches[-1] >= last - 60
    assert restored.notes == ()


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


def saved(image: Image) -> tuple[MaskDocument, Path, set[int]]:
    """Return a document that was saved, its files, and the areas that its mask has had."""
    document = MaskDocument(image)
    saver = Autosave(document)
    areas = set()
    document.subscribe(lambda change: areas.add(document.masks[0].area()))
    draw(document, (10, 10), (30, 30))
    for i in range(5):
        draw(document, (20 + 8 * i, 60))
    assert saver.close()
    return document, saved_slot(image), areas


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
    (journal,) = folder.glob("journal-*.bin")
    data = bytearray(journal.read_bytes())
    data[len(data) // 2] ^= 0x10
    journal.write_bytes(data)
    restored = restore(image)
    assert restored is not None
    assert 0 < restored.masks[0].area() < document.masks[0].area()
    assert "damaged" in restored.notes[0]


def test_what_is_damaged_is_kept_beside_what_is_drawn_on(image):
    _, folder, _ = saved(image)
    (journal,) = folder.glob("journal-*.bin")
    data = bytearray(journal.read_bytes())
    data[len(data) // 2] ^= 0x10
    journal.write_bytes(data)
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


def test_two_windows_never_overwrite_each_other(image):
    first = MaskDocument(image)
    one = Autosave(first)
    draw(first, (10, 10))
    first.add_mask("Edema")
    draw(first, (40, 40))
    assert one.flush()

    second = MaskDocument(image)
    two = Autosave(second)
    assert two.notes == (OTHER_WINDOW,)
    assert state(second) == state(first)
    second.set_active(second.masks[0].id)
    draw(second, (10, 90))
    assert two.flush()
    draw(first, (80, 10))
    assert one.close()
    assert two.close()

    both = MaskDocument(image)
    three = Autosave(both)
    assert three.notes == ()
    by_label = {m.label: m for m in both.masks}
    # The mask that only the first window changed is not there twice.
    assert sorted(by_label) == ["Edema", "Lesion", "Lesion (other window)"]
    assert by_label["Lesion"].same_pixels(first.masks[0])
    assert by_label["Edema"].same_pixels(first.masks[1])
    assert by_label["Lesion (other window)"].same_pixels(second.masks[0])
    assert three.flush()
    assert not (saved_slot(image, 1)).exists(), "its masks are in the first slot now"
    assert three.close()
    assert state(restore(image)) == state(both)


WINDOW = """
import json, sys
sys.path.insert(0, sys.argv[1])
import drawing_child as c
from engine.masks.autosave import Autosave
from engine.masks.document import MaskDocument

def tell(**what):
    print(json.dumps(what), flush=True)

document = MaskDocument(c.image())
saver = Autosave(document)
tell(notes=saver.notes, labels=[m.label for m in document.masks])
name, side = sys.argv[2], int(sys.argv[3])
for line in sys.stdin:
    if line.strip() == "close":
        tell(closed=saver.close())
        break
    number = int(line)
    if number == 0:
        document.add_mask(name)
    document.begin_stroke(number % 2, (5 + 3 * number, side), 2.0)
    document.extend_stroke((5 + 3 * number, side + 20))
    document.end_stroke()
    if number == 7:
        document.undo()
    tell(flushed=saver.flush(), area=document.active.area(), label=document.active.label)
"""


@pytest.mark.parametrize("killed", [False, True])
def test_two_processes_on_one_image_never_overwrite_each_other(image, killed):
    """Both draw, turn by turn; one may be killed. Everything that either was told is there."""

    def start(name: str, side: int) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-c", WINDOW, str(CHILD.parent), name, str(side)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def ask(process: subprocess.Popen, what: object) -> dict:
        process.stdin.write(f"{what}\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    one = start("Left", 10)
    assert json.loads(one.stdout.readline()) == {"notes": [], "labels": []}
    ask(one, 0)
    two = start("Right", 70)
    opened = json.loads(two.stdout.readline())
    assert opened == {"notes": [OTHER_WINDOW], "labels": ["Left"]}
    last = {}
    for number in range(12):
        if number:
            last["Left"] = ask(one, number)
        last["Right"] = ask(two, number)
        assert all(answer["flushed"] for answer in last.values())
    if killed:
        two.kill()
    else:
        assert ask(two, "close") == {"closed": True}
    two.wait(30)
    assert ask(one, "close") == {"closed": True}
    one.wait(30)
    found = {m.label: m for m in restore(image).masks}
    assert found.keys() == {"Left", "Right"}
    for name, columns in (("Left", slice(0, 45)), ("Right", slice(55, None))):
        mask = found[name]
        assert mask.area() == last[name]["area"] > 500
        assert sum(p[:, columns].sum() for p in mask.frames.values()) == mask.area()
    # Opened again, both are in one document, and nothing is told to be wrong.
    document = MaskDocument(image)
    saver = Autosave(document)
    assert saver.notes == ()
    assert time.time() - 120 < saver.saved_at <= time.time() + 1
    assert state(document) == state(restore(image))
    assert saver.close()


def test_a_second_window_that_draws_nothing_leaves_nothing(image):
    first = MaskDocument(image)
    one = Autosave(first)
    draw(first, (10, 10))
    assert one.flush()
    two = Autosave(MaskDocument(image))
    assert two.close()
    draw(first, (50, 50))
    assert one.close()
    assert state(restore(image)) == state(first)


def test_a_killed_process_leaves_no_stale_lock(image):
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[1]); import drawing_child as c\n"
        "from engine.masks.autosave import Autosave\n"
        "from engine.masks.document import MaskDocument\n"
        "d = MaskDocument(c.image()); a = Autosave(d); c.step(d, 0); a.flush()\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(CHILD.parent)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=ROOT,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    second = Autosave(MaskDocument(image))
    assert second.notes == (OTHER_WINDOW,)
    second.close()
    process.kill()
    process.wait()
    document = MaskDocument(image)
    third = Autosave(document)
    assert third.notes == ()
    assert document.masks[0].area() > 0
    third.close()


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


def test_killed_between_writing_a_snapshot_and_renaming_it(image):
    _, folder, _ = saved(image)
    before = state(restore(image))
    # Another process takes the masks up and is killed at the very moment of the renaming.
    code = (
        "import os, signal, sys, numpy as np; from pathlib import Path\n"
        "from engine.images.image import Image\n"
        "from engine.masks.autosave import Autosave\n"
        "from engine.masks.document import MaskDocument\n"
        "image = Image(np.load(sys.argv[1], allow_pickle=False))\n"
        "Path.replace = lambda self, target: os.kill(os.getpid(), signal.SIGKILL)\n"
        "document = MaskDocument(image); saver = Autosave(document)\n"
        "document.add_mask(); saver.flush(20)"
    )
    pixels = folder.parent.parent.parent / "pixels.npy"
    np.save(pixels, image.pixels)
    done = subprocess.run([sys.executable, "-c", code, str(pixels)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert any(path.suffix == ".tmp" for path in folder.iterdir())
    assert state(restore(image)) == before
    again = MaskDocument(image)
    saver = Autosave(again)
    assert state(again) == before and saver.notes == ()
    draw(again, (90, 100))
    assert saver.close()
    assert state(restore(image)) == state(again)
