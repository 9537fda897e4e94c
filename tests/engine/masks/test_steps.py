"""Undo after a restart: the same steps, by the same names, to the same pixels."""

from __future__ import annotations

import random
import shutil

import pytest

from engine import folders
from engine.masks import steps
from engine.masks.autosave import Autosave, folder_of
from engine.masks.document import MaskDocument
from engine.masks.mask import ImageReference
from tests.engine.masks.documents import drawn
from tests.engine.masks.saving import act, draw


@pytest.fixture
def crash(tmp_path, monkeypatch):
    """Return a function that takes what is saved to where no process holds its lock."""

    def take(number: int) -> None:
        to = tmp_path / f"crash-{number}"
        source = folders.data() / "masks"
        monkeypatch.setenv("SALISCOPE_HOME", str(to))
        shutil.copytree(source, folders.data() / "masks")

    return take


@pytest.mark.parametrize("seed", range(12))
def test_every_step_can_be_undone_and_redone_after_a_restart(image, crash, seed):
    rng = random.Random(seed)
    document = MaskDocument(image)
    saver = Autosave(document)
    for round_ in range(3):
        for _ in range(25):
            act(document, rng)
        if seed % 3 == 0:
            assert saver.close()
        else:
            assert saver.flush()
            crash(round_)
        again = MaskDocument(image)
        saver_again = Autosave(again)
        assert saver_again.notes == ()
        assert drawn(again) == drawn(document)
        assert again.history.names == document.history.names
        assert again.redo_text == document.redo_text
        undone = 0
        while document.can_undo and undone < 40:
            assert again.undo_text == document.undo_text
            assert again.undo() and document.undo()
            undone += 1
            assert drawn(again) == drawn(document)
        for _ in range(rng.randrange(undone + 1)):
            assert again.redo_text == document.redo_text
            assert again.redo() and document.redo()
            assert drawn(again) == drawn(document)
        document, saver = again, saver_again
    assert saver.close()


def test_a_stroke_in_mid_air_becomes_a_step_that_can_be_undone(image, crash):
    document = MaskDocument(image)
    saver = Autosave(document)
    draw(document, (20, 20), (20, 60))
    before = drawn(document)
    document.begin_stroke(0, (22, 30), 5)
    document.extend_stroke((50, 50))
    during = drawn(document)
    assert saver.flush()
    crash(0)
    again = MaskDocument(image)
    other = Autosave(again)
    assert drawn(again) == during
    assert again.history.names == ["Brush stroke on frame 1", steps.UNFINISHED]
    again.undo()
    assert drawn(again) == before
    again.undo()
    assert again.masks == ()
    again.redo()
    assert drawn(again) == before
    assert other.close()
    assert saver.close()


def test_the_very_first_stroke_in_mid_air_too_and_a_snapshot_between(image, crash, monkeypatch):
    from engine.masks import slot

    monkeypatch.setattr(slot, "COMPACT_BYTES", 1)  # a snapshot after every record
    document = MaskDocument(image)
    saver = Autosave(document)
    document.begin_stroke(0, (22, 30), 5)
    assert saver.flush()
    document.extend_stroke((50, 50))
    assert saver.flush()
    document.extend_stroke((60, 90))
    during = drawn(document)
    assert saver.flush()
    crash(0)
    again = MaskDocument(image)
    other = Autosave(again)
    assert drawn(again) == during
    assert again.undo()
    assert again.masks == ()
    assert other.close()
    document.cancel_stroke()
    assert saver.close()


def test_all_masks_removed_and_closed_can_be_brought_back(image):
    document = MaskDocument(image)
    saver = Autosave(document)
    draw(document, (20, 20), (20, 60))
    before = drawn(document)
    document.remove_all()
    assert saver.close()
    again = MaskDocument(image)
    saver = Autosave(again)
    assert again.masks == ()
    assert again.undo_text == "Remove all masks"
    again.undo()
    assert drawn(again) == before
    assert saver.close()


def test_with_masks_of_another_window_steps_are_left_out(image):
    first, second = MaskDocument(image), MaskDocument(image)
    one = Autosave(first)
    draw(first, (10, 10))
    assert one.flush()
    two = Autosave(second)
    assert not second.can_undo
    draw(second, (60, 60))
    assert two.close()
    assert one.close()
    both = MaskDocument(image)
    three = Autosave(both)
    assert len(both.masks) == 2
    assert not both.can_undo
    draw(both, (80, 80))
    assert both.history.names == ["Brush stroke on frame 1"]
    assert three.close()


def test_saved_steps_are_bounded_and_undoing_past_them_loses_nothing(image, monkeypatch):
    monkeypatch.setattr(steps, "LIMIT_BYTES", 2500)
    document = MaskDocument(image)
    saver = Autosave(document)
    for number in range(30):
        draw(document, (3 * number, 3 * number), radius=3)
    for _ in range(20):
        document.undo()
    for _ in range(4):
        document.redo()
    expected = drawn(document)
    assert saver.close()
    again = MaskDocument(image)
    saver = Autosave(again)
    assert drawn(again) == expected
    draw(again, (90, 10))
    assert again.undo()
    assert drawn(again) == expected
    assert saver.close()
    total = sum(p.stat().st_size for p in folder_of(ImageReference.of(image)).rglob("*.bin"))
    assert total < 60_000


def test_steps_that_do_not_fit_the_masks_are_left_out(image):
    document = MaskDocument(image)
    stray = steps.SavedStep("Stray", [steps.SavedEdit({"kind": "pixels", "id": "nobody"})])
    assert not document.restore_history([stray], [])
    odd = steps.SavedStep("Odd", [steps.SavedEdit({"kind": "magic", "id": ""})])
    assert not document.restore_history([odd], [])
    assert not document.can_undo
