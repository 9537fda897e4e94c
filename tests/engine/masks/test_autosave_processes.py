"""Masks saved by several windows and processes, and by ones that are killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from engine.masks.autosave import OTHER_WINDOW, Autosave, restore
from engine.masks.document import MaskDocument
from tests.engine.masks.saving import (
    CHILD,
    ROOT,
    child,
    draw,
    saved,
    saved_slot,
    state,
)


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
