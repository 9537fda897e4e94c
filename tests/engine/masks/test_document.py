"""The document: strokes, steps, names, rules, and any sequence of operations undone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.errors import MaskError
from engine.images.image import Geometry, Image
from engine.masks import operations, shapes
from engine.masks.change import Change
from engine.masks.document import MaskDocument
from engine.masks.mask import COLOURS, ImageReference, Mask
from engine.masks.threshold import IntensityRange

ROWS, COLS, FRAMES = 40, 56, 3


def image(frames: int = FRAMES, rows: int = ROWS, cols: int = COLS, **geometry) -> Image:
    pixels = np.arange(frames * rows * cols, dtype=np.uint16).reshape(frames, rows, cols)
    return Image(pixels, Geometry(**geometry))


def drawn(document: MaskDocument) -> list:
    return [
        (
            m.id,
            m.label,
            m.colour,
            m.author,
            m.visible,
            m.locked,
            {i: p.tobytes() for i, p in m.frames.items() if p.any()},
        )
        for m in document.masks
    ]


def stroke(document, frame, path, radius=3.0, erase=False):
    document.begin_stroke(frame, path[0], radius, erase=erase)
    for point in path[1:]:
        document.extend_stroke(point)
    document.end_stroke()


class Mirror:
    """A listener that knows the document from its changes alone."""

    def __init__(self, document: MaskDocument) -> None:
        self.masks: dict[str, np.ndarray] = {}
        self.changes: list[Change] = []
        for mask in document.masks:
            self.masks[mask.id] = mask.volume()
        document.subscribe(self)

    def __call__(self, change: Change) -> None:
        self.changes.append(change)
        if change.kind == "added":
            self.masks[change.mask_id] = np.zeros((FRAMES, ROWS, COLS), bool)
        elif change.kind == "removed":
            del self.masks[change.mask_id]
        elif change.kind == "pixels":
            assert change.added.dtype == change.removed.dtype == np.int64
            assert change.added.size + change.removed.size > 0
            flat = self.masks[change.mask_id][change.frame].ravel()
            assert not flat[change.added].any(), "told as added, but already there"
            assert flat[change.removed].all(), "told as removed, but not there"
            for indices in (change.added, change.removed):
                assert (np.diff(indices) > 0).all()
                rows, cols = np.divmod(indices, COLS)
                assert ((rows >= change.box.top) & (rows < change.box.bottom)).all()
                assert ((cols >= change.box.left) & (cols < change.box.right)).all()
            flat[change.added] = True
            flat[change.removed] = False
            self.masks[change.mask_id][change.frame] = flat.reshape(ROWS, COLS)


class Editing(RuleBasedStateMachine):
    """Whatever is done can be undone to the start and redone to the end."""

    frames = st.integers(0, FRAMES - 1)
    point = st.tuples(st.floats(-10, ROWS + 10), st.floats(-10, COLS + 10))
    radius = st.floats(0, 12)
    pick = st.integers(0, 5)

    @initialize()
    def start(self):
        self.document = MaskDocument(image())
        self.before = drawn(self.document)
        self.mirror = Mirror(self.document)

    def chosen(self, number: int) -> str:
        masks = self.document.masks
        return masks[number % len(masks)].id

    def attempt(self, operation, *arguments):
        """A locked mask refuses, and then nothing has happened."""
        state = drawn(self.document)
        try:
            operation(*arguments)
        except MaskError as error:
            assert "locked" in str(error)
            assert drawn(self.document) == state

    @rule(
        frame=frames,
        path=st.lists(point, min_size=1, max_size=4),
        r=radius,
        erase=st.booleans(),
        end=st.sampled_from(["end", "cancel", "leave"]),
    )
    def draw(self, frame, path, r, erase, end):
        self.document.end_stroke()
        state, names = drawn(self.document), self.document.history.names
        try:
            self.document.begin_stroke(frame, path[0], r, erase=erase)
        except MaskError:
            return
        for point in path[1:]:
            self.document.extend_stroke(point)
        if end == "end":
            self.document.end_stroke()
            changed = drawn(self.document) != state
            assert (self.document.history.names != names) == changed
        elif end == "cancel":
            self.document.cancel_stroke()
            assert drawn(self.document) == state
            assert self.document.history.names == names

    @rule(frame=frames, path=st.lists(point, min_size=1, max_size=3), low=st.integers(0, 900))
    def draw_within_a_range(self, frame, path, low):
        self.document.end_stroke()
        grey = image().grey(0)
        before = self.document.active
        before = None if before is None else before.frame(frame).copy()
        within = IntensityRange(grey, low, low + 600)
        try:
            self.document.begin_stroke(frame, path[0], 7, within=within, aspect=1.4)
        except MaskError:
            return
        for point in path[1:]:
            self.document.extend_stroke(point, 4)
        self.document.end_stroke()
        after = self.document.active
        if after is not None:
            fresh = after.frame(frame) if before is None else after.frame(frame) & ~before
            assert not fresh[(grey < low) | (grey > low + 600)].any()

    @precondition(lambda self: self.document.masks)
    @rule(number=pick, seed=st.integers(0, 99))
    def merge(self, number, seed):
        self.document.end_stroke()
        if not self.document.masks:
            return
        rng = np.random.default_rng(seed)
        before = self.document.mask(self.chosen(number))
        before = before.copy(id=before.id)
        after = {i: rng.random((ROWS, COLS)) < 0.2 for i in rng.permutation(FRAMES)[:2].tolist()}
        self.attempt(self.document.merge, before, after, "Merge")

    @precondition(lambda self: self.document.masks)
    @rule(number=pick, colour=st.sampled_from(["#D55E00", "#56B4E9"]))
    def label_and_show(self, number, colour):
        self.document.end_stroke()
        if not self.document.masks:
            return
        self.document.relabel({m.id: ("Fat", colour) for m in self.document.masks[:2]})
        self.document.show_only(self.chosen(number))
        self.document.show_all()

    @precondition(lambda self: len(self.document.masks) < 5)
    @rule(frame=frames)
    def add_drawn(self, frame):
        pixels = np.eye(ROWS, COLS, dtype=bool)
        self.document.add_drawn("Hot spot", {frame: pixels}, "Mask from a hot spot")

    @rule(frame=frames, corners=st.lists(point, min_size=2, max_size=6), erase=st.booleans())
    def polygon(self, frame, corners, erase):
        def work():
            self.document.fill_polygon(frame, corners, erase=erase)

        self.document.end_stroke()
        self.attempt(work)

    @rule(frame=frames, corners=st.lists(point, min_size=2, max_size=6))
    def lasso(self, frame, corners):
        self.document.end_stroke()
        self.attempt(self.document.fill_lasso, frame, corners)

    @rule(frame=frames, row=st.integers(0, ROWS - 1), col=st.integers(0, COLS - 1))
    def fill(self, frame, row, col):
        self.document.end_stroke()
        self.attempt(self.document.fill_at, frame, (row, col))
        self.attempt(self.document.fill_holes, frame)

    @rule(
        frame=frames,
        name=st.sampled_from(["grow", "shrink", "smooth", "keep_largest", "invert", "clear"]),
    )
    def transform(self, frame, name):
        self.document.end_stroke()
        self.attempt(getattr(self.document, name), frame)

    @rule(source=frames, into=frames)
    def copy(self, source, into):
        self.document.end_stroke()
        self.attempt(self.document.copy_frame, source, into)

    @rule()
    def clear_all(self):
        self.document.end_stroke()
        self.attempt(self.document.clear)

    @precondition(lambda self: len(self.document.masks) < 5)
    @rule(label=st.sampled_from(["", "Lesion", "Müsk\n/x"]))
    def add(self, label):
        self.document.add_mask(label)

    @precondition(lambda self: len(self.document.masks) < 5)
    @rule(seed=st.integers(0, 99))
    def import_(self, seed):
        rng = np.random.default_rng(seed)
        pixels = {0: rng.random((ROWS, COLS)) < 0.3, 2: rng.random((ROWS, COLS)) < 0.01}
        self.document.import_mask(Mask(ImageReference.of(image()), "Other", frames=pixels))

    @precondition(lambda self: self.document.masks)
    @rule(number=pick)
    def duplicate(self, number):
        if len(self.document.masks) < 5:
            self.document.end_stroke()
            if self.document.masks:
                self.document.duplicate_mask(self.chosen(number))

    @rule(
        number=pick,
        what=st.sampled_from(
            [
                ("rename", "Edema"),
                ("rename", "Mass"),
                ("recolour", "#123456"),
                ("set_author", "AB"),
                ("set_visible", False),
                ("set_visible", True),
                ("set_locked", True),
                ("set_locked", False),
                ("move_mask", 0),
                ("move_mask", 2),
                ("set_active", None),
                ("remove_mask", None),
            ]
        ),
    )
    def attributes(self, number, what):
        self.document.end_stroke()
        if self.document.masks:
            name, value = what
            arguments = (self.chosen(number),) if value is None else (self.chosen(number), value)
            self.attempt(getattr(self.document, name), *arguments)

    @rule()
    def remove_all(self):
        self.document.end_stroke()
        self.attempt(self.document.remove_all)

    @rule(times=st.integers(1, 3))
    def undo(self, times):
        for _ in range(times):
            self.document.undo()

    @rule(times=st.integers(1, 3))
    def redo(self, times):
        for _ in range(times):
            self.document.redo()

    @invariant()
    def listeners_know_the_masks(self):
        if not hasattr(self, "mirror"):
            return
        assert self.mirror.masks.keys() == {m.id for m in self.document.masks}
        for mask in self.document.masks:
            np.testing.assert_array_equal(self.mirror.masks[mask.id], mask.volume())
        assert (self.document.active is None) == (not self.document.masks)

    def teardown(self):
        if not hasattr(self, "document"):
            return
        self.document.end_stroke()
        end, names = drawn(self.document), self.document.history.names
        while self.document.can_undo:
            assert self.document.undo()
        assert drawn(self.document) == self.before
        while len(self.document.history.names) < len(names):
            assert self.document.redo()
        assert drawn(self.document) == end
        assert self.document.history.names == names
        self.listeners_know_the_masks()


Editing.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestEditing = Editing.TestCase


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
