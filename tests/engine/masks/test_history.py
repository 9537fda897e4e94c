"""Undo and redo: what is a step, what it is called, and how many are kept."""

from __future__ import annotations

import numpy as np

from engine.masks.document import MaskDocument
from tests.engine.masks.documents import COLS, ROWS, Mirror, drawn, image, stroke


def test_names_say_what_would_be_undone():
    document = MaskDocument(image())
    mask = document.add_mask("Lesion")
    document.fill_polygon(0, [(2, 2), (2, 20), (20, 20), (20, 2)])
    document.fill_polygon(0, [(4, 4), (4, 8), (8, 8), (8, 4)], erase=True)
    document.fill_at(0, (5, 5))
    document.clear(0)
    document.rename(mask.id, "Mass")
    document.recolour(mask.id, "#FFB86C")
    document.set_visible(mask.id, False)
    document.add_mask()
    document.move_mask(mask.id, 1)
    document.remove_mask(mask.id)
    assert document.history.names == [
        "Add mask “Lesion”",
        "Polygon on frame 1",
        "Erase polygon on frame 1",
        "Fill on frame 1",
        "Clear mask “Lesion” on frame 1",
        "Rename mask “Lesion”",
        "Recolour mask “Mass”",
        "Hide mask “Mass”",
        "Add mask “Lesion”",
        "Move mask “Mass”",
        "Remove mask “Mass”",
    ]
    assert document.undo_text == "Remove mask “Mass”"


def test_what_changes_nothing_is_no_step():
    document = MaskDocument(image())
    stroke(document, 0, [(5, 5)])
    count = len(document.history.names)
    stroke(document, 0, [(5, 5)])
    stroke(document, 1, [(5, 5)], erase=True)
    stroke(document, 0, [(-50, -50)])
    document.clear(2)
    document.rename(document.active.id, "Lesion")
    document.fill_holes(0)
    assert len(document.history.names) == count


def test_history_is_bounded_and_the_drawing_is_not():
    document = MaskDocument(image(), history_bytes=6000)
    rng = np.random.default_rng(0)
    for _ in range(200):
        stroke(document, 0, rng.uniform(0, 40, (3, 2)).tolist(), radius=2)
    area = document.active.area()
    assert document.history.nbytes <= 6000
    assert 0 < len(document.history.names) < 200
    while document.undo():
        pass
    assert document.history.nbytes <= 8000
    assert document.active is not None
    while document.redo():
        pass
    assert document.active.area() == area


def test_the_newest_step_can_be_undone_whatever_its_size():
    document = MaskDocument(image(), history_bytes=1)
    rng = np.random.default_rng(0)
    document.set_frame(0, rng.random((ROWS, COLS)) < 0.5)
    assert document.undo()
    assert document.masks == ()


def test_a_stroke_keeps_a_few_hundred_bytes():
    big = MaskDocument(image(1, 1024, 1024))
    stroke(big, 0, [(100, 100), (120, 900), (800, 900)], radius=60)
    assert big.active.area() > 150_000
    assert big.history.nbytes < 8_000


def test_undo_during_a_stroke_takes_the_stroke_back():
    document = MaskDocument(image())
    stroke(document, 0, [(5, 5)])
    area = document.active.area()
    document.begin_stroke(0, (20, 20), 5)
    document.extend_stroke((30, 30))
    assert document.undo_text == "Brush stroke on frame 1"
    document.undo()
    assert document.active.area() == area
    assert not document.is_drawing


def test_loading_forgets_the_history_and_keeps_ids():
    document = MaskDocument(image())
    stroke(document, 0, [(5, 5)])
    document.add_mask("B")
    kept = [m.copy(id=m.id) for m in document.masks]
    state = drawn(document)
    other = MaskDocument(image(), kept)
    assert drawn(other) == state
    assert not other.can_undo
    mirror = Mirror(other)
    other.load(kept, active=kept[0].id)
    assert other.active.id == kept[0].id
    np.testing.assert_array_equal(mirror.masks[kept[0].id], other.active.volume())


def test_a_step_over_slices_is_named_by_them_and_is_one_step():
    document = MaskDocument(image(slice_spacing=3.0))
    stroke(document, 1, [(9, 9)])
    assert document.undo_text == "Brush stroke on slice 2"
    before = document.active.copy(id=document.active.id)
    square = np.zeros((ROWS, COLS), bool)
    square[20:30, 20:30] = True
    assert document.merge(before, {0: square, 2: square}, "Interpolate")
    assert document.undo_text == "Interpolate on 2 slices"
    assert document.active.area() == before.area() + 200
    document.undo()
    assert document.active.same_pixels(before)


def test_showing_one_mask_alone_is_one_step():
    document = MaskDocument(image())
    first, second, third = (document.add_mask() for _ in range(3))
    document.set_visible(second.id, False)
    document.show_only(second.id)
    assert [m.visible for m in document.masks] == [False, True, False]
    assert document.undo_text == "Show only “Lesion 2”"
    document.undo()
    assert [m.visible for m in document.masks] == [True, False, True]
    document.relabel({first.id: ("Fat", "#F0E442"), third.id: ("Bone", "#FFFFFF")})
    assert document.undo_text == "Change labels"
    assert [(m.label, m.colour) for m in (first, third)] == [
        ("Fat", "#F0E442"),
        ("Bone", "#FFFFFF"),
    ]
    document.undo()
    assert [m.label for m in document.masks] == ["Lesion", "Lesion 2", "Lesion 3"]
