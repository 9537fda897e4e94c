"""Any sequence of operations on a document can be undone, and listeners know all of it."""

from __future__ import annotations

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.errors import MaskError
from engine.masks.document import MaskDocument
from engine.masks.mask import ImageReference, Mask
from engine.masks.threshold import IntensityRange
from tests.engine.masks.documents import COLS, FRAMES, ROWS, Mirror, drawn, image


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
