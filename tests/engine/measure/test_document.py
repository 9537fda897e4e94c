"""Undo by name, saving beside another window, and covers."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from engine.errors import SaliscopeError
from engine.measure import covers, store
from engine.measure.document import MeasureDocument
from engine.measure.measurement import Measurement

LINE = Measurement("distance", 0, ((0.0, 0.0), (3.0, 4.0)))
OVAL = Measurement("ellipse", 2, ((0.0, 0.0), (9.0, 9.0)))
COVER = Measurement("cover", 0, ((2.2, 3.0), (4.6, 7.4)))


def test_every_step_can_be_undone_and_is_named():
    document = MeasureDocument()
    heard = []
    document.subscribe(lambda: heard.append(len(document.items)))
    document.add(LINE)
    document.add(OVAL)
    assert document.selected == OVAL
    document.move(LINE.id, [(1.0, 1.0), (3.0, 4.0)])
    assert document.history.undo_text == "Move distance"
    document.remove(OVAL.id)
    document.add(COVER)
    document.clear()
    assert document.items == (COVER,)
    for expected in (2, 1, 2, 2, 1, 0):
        assert document.undo()
        assert len(document.items) == expected
    assert not document.undo()
    while document.redo():
        pass
    assert document.items == (COVER,)
    assert heard[:3] == [1, 2, 2]


def test_moving_nowhere_is_no_step():
    document = MeasureDocument([LINE])
    document.move(LINE.id, LINE.points)
    assert document.history.undo_text == ""
    with pytest.raises(KeyError):
        document.move("none", LINE.points)


def test_frames_and_covers():
    document = MeasureDocument([LINE, OVAL, COVER])
    assert document.on(0) == (LINE, COVER)
    assert document.on(2) == (OVAL, COVER)  # burnt-in text is on every frame
    (box,) = covers.boxes(document.items, (6, 6))
    assert tuple(box) == (2, 3, 6, 6)
    pixels = np.full((2, 6, 6, 3), 9, np.uint8)
    hidden = covers.black_out(pixels, [box])
    assert hidden[:, 2:, 3:].max() == 0 and (hidden[:, :2] == 9).all() and (pixels == 9).all()
    grey = covers.black_out(np.full((2, 6, 6), 9), [box], value=-5)
    assert (grey == -5).sum() == 2 * 12
    assert covers.black_out(pixels, []) is pixels


def test_saved_and_read_again():
    document = MeasureDocument()
    document.add(LINE)
    document.add(OVAL)
    store.save("abc", document)
    assert store.load("abc") == (LINE, OVAL)
    document.remove(LINE.id)
    document.remove(OVAL.id)
    store.save("abc", document)
    assert not store.path_of("abc").exists()
    assert store.load("abc") == ()


def test_two_windows_keep_each_others():
    one, two = MeasureDocument(store.load("k")), MeasureDocument(store.load("k"))
    one.add(LINE)
    store.save("k", one)
    two.add(OVAL)
    store.save("k", two)
    assert set(store.load("k")) == {LINE, OVAL}
    one.remove(LINE.id)
    store.save("k", one)
    assert store.load("k") == (OVAL,)


DAMAGED = (
    b'{"format": 1, "measurements": [{"kind": "x"}, 3]}',
    b"\xff\xfe{",
    b'{"format": 1, "measurements": [',
    b'{"format": 9, "measurements": []}',
    b"",
)


@pytest.mark.parametrize("data", DAMAGED)
def test_a_damaged_file_is_passed_over_and_kept_aside(data: bytes):
    path = store.path_of("bad")
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    assert store.load("bad") == ()
    assert "cover burnt-in text again" in store.problem("bad")
    document = MeasureDocument()
    document.add(LINE)
    said = store.save("bad", document)
    (aside,) = path.parent.glob("bad.json.damaged-*")
    assert aside.read_bytes() == data and aside.name in said and said.count(".\n") == 0
    assert store.load("bad") == (LINE,) and not store.problem("bad")
    assert store.save("bad", document) == ""  # it is said once


def test_what_can_be_read_of_a_damaged_file_stays():
    whole = MeasureDocument([LINE, OVAL])
    store.save("k", whole)
    path = store.path_of("k")
    text = path.read_text().replace(OVAL.kind, "spiral")
    path.write_text(text)
    said = store.rescue("k")
    assert "some of them could not be read" in said
    assert store.load("k") == (LINE,) and not store.problem("k")
    (aside,) = path.parent.glob("k.json.damaged-*")
    assert aside.read_text() == text


def test_what_the_system_does_not_give_is_not_overwritten(monkeypatch):
    store.save("k", MeasureDocument([LINE]))
    path = store.path_of("k")
    whole = path.read_bytes()

    def refused(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refused)
        document = MeasureDocument()
        document.add(OVAL)
        with pytest.raises(SaliscopeError, match="not overwritten"):
            store.save("k", document)
    assert path.read_bytes() == whole


def test_what_a_killed_window_left_does_not_stand_for_newer_that_is_damaged():
    document = MeasureDocument([LINE])
    store.save("k", document)
    path = store.path_of("k")
    left = path.with_name(f"{path.name}.1.part")
    left.write_bytes(path.read_bytes())
    os.utime(left, (time.time() - 30,) * 2)  # not long enough ago to be deleted
    document.add(COVER)
    store.save("k", document)
    newest = path.read_text()[:-9]
    path.write_text(newest)
    assert left.exists() and store.load("k") == ()
    assert "cover burnt-in text again" in store.problem("k")
    document = MeasureDocument()
    document.add(OVAL)
    assert "damaged" in store.save("k", document)
    (aside,) = path.parent.glob("k.json.damaged-*")
    assert aside.read_text() == newest
    assert set(store.load("k")) == {LINE, OVAL}
