"""Scores that follow the changes of a document are those from scratch, whatever was done."""

from __future__ import annotations

import random

import numpy as np
import pytest

from engine.evaluation.coherence import LiveScores, RankedMap, coherence
from engine.masks import operations
from engine.masks.document import MaskDocument
from engine.masks.interpolation import interpolate
from engine.masks.region import region
from engine.masks.threshold import IntensityRange
from tests.engine.masks.saving import act, child


@pytest.mark.parametrize("seed", range(6))
def test_scores_follow_every_change_exactly(seed):
    rng = random.Random(seed)
    noise = np.random.default_rng(seed)
    values = noise.gamma(1.0, 1.0, (child.ROWS, child.COLS)).astype(np.float32)
    values[values < 0.4] = 0  # ties, too
    live = LiveScores(values.shape)
    live.add("map", RankedMap(values, "positive"))
    document = MaskDocument(child.image())
    mask = document.add_mask()
    live.reset(mask.frame(0))
    watched = mask.id

    def follow(change):
        if change.kind == "added" and change.mask_id == watched:
            live.reset(np.zeros(values.shape, bool))
        if change.kind == "pixels" and change.mask_id == watched and change.frame == 0:
            live.update(change.added, change.removed)

    document.subscribe(follow)
    grey = child.image().grey(0)

    def all_tools():
        document.begin_stroke(0, (20, 20), 6, within=IntensityRange(grey, 500, 9000), aspect=1.3)
        document.extend_stroke((70, 100), 4)
        document.end_stroke()
        document.fill_lasso(0, [(5, 5), (5, 60), (40, 30)], name="Livewire")
        document.paint(0, region(grey, (30, 30), 2000, 6000), name="Region growing")
        before = document.active.copy(id=document.active.id)
        grown = {0: operations.grow(before.frame(0), 3, (1.2, 0.7))}
        document.merge(before, grown | interpolate(before, document.geometry), "Grow")
        document.copy_frame(0, 1)
        document.copy_frame(1, 0)

    compared = 0
    for number in range(40):
        while watched not in {m.id for m in document.masks}:
            assert document.undo()
        if number % 8 == 0 and not document.mask(watched).locked:
            document.set_active(watched)
            all_tools()
        else:
            act(document, rng)
        if watched in {m.id for m in document.masks}:
            pixels = document.mask(watched).frame(0)
            assert live.scores()["map"] == coherence(values, pixels)
            compared += bool(pixels.any())
    assert compared > 10
