"""Undo over masks and measurements, in the order in which things were done."""

from __future__ import annotations

import numpy as np

from engine.images.image import Image
from engine.masks.document import MaskDocument
from engine.masks.shapes import disc
from engine.measure.document import MeasureDocument
from engine.measure.measurement import Measurement
from viewer.state.steps import Steps

IMAGE = Image(np.zeros((1, 32, 32), np.uint8))


def line():
    return Measurement("distance", 0, ((0.0, 0.0), (3.0, 4.0)))


def test_the_newest_goes_first_wherever_it_was_done():
    masks, measures = MaskDocument(IMAGE), MeasureDocument()
    steps = Steps(lambda: [masks, measures])
    assert steps.undo_text == steps.redo_text == "" and not steps.undo() and not steps.redo()
    masks.paint(0, disc((5, 5), 3, (32, 32)), name="Brush stroke")
    measures.add(line())
    masks.paint(0, disc((15, 15), 3, (32, 32)), name="Brush stroke")
    measures.add(line())
    names = []
    while steps.undo_text:
        names.append(steps.undo_text)
        assert steps.undo()
    assert names[:4] == ["Distance measurement", "Brush stroke"] * 2
    assert not measures.items and masks.masks == ()
    names = []
    while steps.redo_text:
        names.append(steps.redo_text)
        assert steps.redo()
    assert names[-4:] == ["Brush stroke", "Distance measurement"] * 2
    assert len(measures.items) == 2


def test_something_new_elsewhere_ends_what_could_be_redone():
    masks, measures = MaskDocument(IMAGE), MeasureDocument()
    steps = Steps(lambda: [masks, measures])
    measures.add(line())
    steps.undo()
    assert steps.redo_text == "Distance measurement"
    masks.paint(0, disc((5, 5), 3, (32, 32)), name="Brush stroke")
    assert steps.redo_text == ""
    steps.undo()
    assert steps.redo_text  # nothing newer is left


def test_a_stroke_under_way_is_the_newest():
    masks, measures = MaskDocument(IMAGE), MeasureDocument()
    steps = Steps(lambda: [masks, measures])
    masks.begin_stroke(0, (5.0, 5.0), 2.0)
    measures.add(line())
    assert steps.undo_text == masks.undo_text
