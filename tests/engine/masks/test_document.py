"""The document: strokes, rules, imports, and what it tells its listeners."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import MaskError
from engine.masks import operations, shapes
from engine.masks.document import MaskDocument
from engine.masks.mask import COLOURS, ImageReference, Mask
from tests.engine.masks.documents import COLS, FRAMES, ROWS, Mirror, image, stroke


def test_a_stroke_tells_each_new_pixel_once_and_is_one_step():
    document = MaskDocument(image())
    mirror = Mirror(document)
    document.begin_stroke(1, (10, 10), 4)
    document.extend_stroke((10, 12))
    document.extend_stroke((10, 12))  # nothing new: nothing told
    document.extend_stroke((25, 40))
    document.end_stroke()
    told = [c for c in mirror.changes if c.kind == "pixels"]
    assert len(told) == 3
    assert all(c.frame == 1 for c in told)
    assert sum(c.added.size for c in told) == document.active.area(1)
    assert document.history.names == ["Brush stroke on frame 2"]
    assert document.active.label == "Lesion"
    assert document.active.colour == "#4DD0E1"
    document.undo()
    assert document.masks == ()
    assert not document.can_undo
    assert document.redo_text == "Brush stroke on frame 2"
    document.redo()
    expected = shapes.capsule((10, 12), (25, 40), 4, (ROWS, COLS))
    assert document.active.frame(1)[expected.box.slices][expected.cover].all()


def test_erasing_without_a_mask_adds_none():
    document = MaskDocument(image())
    stroke(document, 0, [(5, 5)], erase=True)
    stroke(document, 0, [(-90, -90)])
    assert document.masks == ()
    assert not document.can_undo


def test_a_bad_point_leaves_nothing_behind():
    document = MaskDocument(image())
    with pytest.raises(ValueError, match="finite"):
        document.begin_stroke(0, (float("nan"), 3), 4)
    assert document.masks == ()
    with pytest.raises(IndexError):
        document.begin_stroke(FRAMES, (3, 3), 4)


def test_colours_come_from_the_palette_and_labels_are_numbered():
    document = MaskDocument(image())
    for _ in range(len(COLOURS) + 1):
        document.add_mask()
    assert [m.colour for m in document.masks] == [*COLOURS, COLOURS[0]]
    assert [m.label for m in document.masks][:3] == ["Lesion", "Lesion 2", "Lesion 3"]


def test_a_locked_mask_refuses_in_one_sentence():
    document = MaskDocument(image())
    stroke(document, 0, [(5, 5)])
    document.set_locked(document.active.id, True)
    for operation in (
        lambda: document.begin_stroke(0, (9, 9), 2),
        lambda: document.clear(),
        lambda: document.invert(0),
        lambda: document.remove_mask(document.active.id),
        lambda: document.remove_all(),
    ):
        with pytest.raises(MaskError, match=r"^The mask “Lesion” is locked .*; unlock it"):
            operation()


def test_a_mask_of_another_size_is_refused():
    document = MaskDocument(image())
    for other in (image(rows=ROWS + 1), image(frames=FRAMES + 1), image(rows=COLS, cols=ROWS)):
        with pytest.raises(MaskError, match="does not fit this image"):
            document.import_mask(Mask(ImageReference.of(other)))
    assert document.masks == ()


def test_an_imported_mask_belongs_to_this_image():
    document = MaskDocument(image())
    pixels = np.zeros((ROWS, COLS), bool)
    pixels[3, 4] = True
    other = Mask(ImageReference("another", FRAMES, (ROWS, COLS)), "Theirs", frames={1: pixels})
    mine = document.import_mask(other)
    assert mine.reference == ImageReference.of(image())
    pixels[5, 5] = True
    assert document.active.area() == 1
    assert document.undo_text == "Import mask “Theirs”"


def test_frames_cannot_be_written_past_the_history():
    document = MaskDocument(image())
    stroke(document, 0, [(5, 5)])
    for pixels in (document.active.frame(0), document.active.frames[0], document.active.frame(2)):
        with pytest.raises(ValueError, match="read-only"):
            pixels[0, 0] = True


def test_a_listener_that_fails_costs_nothing(caplog):
    document = MaskDocument(image())

    def bad(change):
        raise RuntimeError("bug")

    unsubscribe = document.subscribe(bad)
    mirror = Mirror(document)
    stroke(document, 0, [(5, 5)])
    assert "a listener failed" in caplog.text
    np.testing.assert_array_equal(mirror.masks[document.active.id], document.active.volume())
    unsubscribe()
    unsubscribe()


def test_measures():
    document = MaskDocument(image(spacing=(0.5, 0.25), slice_spacing=3.0))
    square = np.zeros((ROWS, COLS), bool)
    square[10:20, 10:30] = True
    document.set_frame(0, square)
    document.copy_frame(0, 1)
    first = document.active.id
    assert document.area(first) == 400
    assert document.area_mm2(first, 0) == pytest.approx(200 * 0.125)
    assert document.volume_ml(first) == pytest.approx(400 * 0.125 * 3 / 1000)
    second = document.add_mask().id
    assert document.dice(first, second, 2) is None
    square[10:20, 10:20] = False
    document.set_frame(0, square)
    assert document.dice(first, second, 0) == pytest.approx(2 * 100 / 300)
    assert document.dice(first, second) == pytest.approx(2 * 100 / 500)
    bare = MaskDocument(image())
    stroke(bare, 0, [(5, 5)])
    assert bare.area_mm2(bare.active.id, 0) is None
    assert bare.volume_ml(bare.active.id) is None


def test_what_is_drawn_while_work_runs_elsewhere_stays():
    document = MaskDocument(image())
    stroke(document, 0, [(9, 9)], radius=4)
    before = document.active.copy(id=document.active.id)
    # Meanwhile: a stroke elsewhere, and a part of the old one erased.
    stroke(document, 0, [(30, 40)], radius=2)
    stroke(document, 0, [(9, 6)], radius=1, erase=True)
    now = document.active.frame(0).copy()
    after = operations.grow(before.frame(0), 3)
    assert document.merge(before, {0: after}, "Grow")
    expected = now | (after & ~before.frame(0))
    np.testing.assert_array_equal(document.active.frame(0), expected)
    document.set_locked(before.id, True)
    with pytest.raises(MaskError, match="is locked"):
        document.merge(before, {0: now}, "Grow")
    document.set_locked(before.id, False)
    document.remove_mask(before.id)
    with pytest.raises(MaskError, match="was removed while"):
        document.merge(before, {0: now}, "Grow")
