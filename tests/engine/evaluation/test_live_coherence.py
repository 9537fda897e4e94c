"""Live scores are the scores from scratch, to the last bit, whatever was drawn and undone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine.errors import InvalidInputError
from engine.evaluation.coherence import LiveCoherence, LiveScores, RankedMap, coherence

NONE = np.empty(0, np.int64)
MAPS = {
    "smooth": lambda rng, shape: rng.random(shape, dtype=np.float32),
    "signed": lambda rng, shape: rng.normal(size=shape).astype(np.float32),
    "blocks": lambda rng, shape: rng.integers(-2, 3, shape).astype(np.float32),
    "sparse": lambda rng, shape: np.maximum(rng.normal(-2, 1, shape), 0),
    "wide": lambda rng, shape: np.exp(rng.normal(0, 20, shape)).astype(np.float32),
    "zero": lambda rng, shape: np.zeros(shape, np.float32),
    "nan": lambda rng, shape: np.where(rng.random(shape) < 0.1, np.nan, 1.0),
}


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(MAPS)),
    st.sampled_from(["positive", "absolute"]),
    st.integers(0, 2**32 - 1),
    st.lists(st.tuples(st.booleans(), st.integers(0, 60)), min_size=1, max_size=12),
)
def test_strokes_and_undo_equal_from_scratch(kind, sign, seed, strokes):
    rng = np.random.default_rng(seed)
    # Up to some 3,600 pixels: several buckets of ranks, the last one part-filled.
    shape = tuple(rng.integers(1, 60, 2))
    values = MAPS[kind](rng, shape)
    live = LiveCoherence(values, sign)
    mask = np.zeros(shape, bool)
    history = []
    for erase, radius in strokes:
        row, col = rng.integers(0, shape[0]), rng.integers(0, shape[1])
        distance = (np.arange(shape[0]) - row)[:, None] ** 2 + (np.arange(shape[1]) - col) ** 2
        touched = (distance <= radius**2) & (mask if erase else ~mask)
        changed = np.flatnonzero(touched)
        added, removed = (NONE, changed) if erase else (changed, NONE)
        live.update(added, removed)
        mask.flat[changed] = not erase
        history.append((added, removed))
        assert live.score() == coherence(values, mask, sign)
    for added, removed in reversed(history):
        live.update(removed, added)
        mask.flat[added] = False
        mask.flat[removed] = True
        assert live.score() == coherence(values, mask, sign)
    assert not mask.any()
    assert live.score().reason == "the mask is empty"


@given(
    hnp.arrays(np.float32, (5, 7), elements=st.integers(-2, 3).map(float)),
    hnp.arrays(bool, (5, 7)),
    hnp.arrays(bool, (5, 7)),
)
def test_reset_forgets_what_was_before(values, before, after):
    live = LiveCoherence(values)
    live.reset(before)
    assert live.score() == coherence(values, before)
    live.reset(after)
    assert live.score() == coherence(values, after)


def test_repeated_and_needless_changes_change_nothing():
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    live = LiveCoherence(values)
    live.update(np.array([5, 5, 7, 5]), np.array([1, 2]))
    mask = np.zeros((3, 4), bool)
    mask.flat[[5, 7]] = True
    assert live.score() == coherence(values, mask)
    live.update(np.array([7]), np.array([7, 7]))
    assert live.score() == coherence(values, mask)


def test_masks_share_a_prepared_map():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(40, 50))
    ranked = RankedMap(values, "absolute")
    masks = [rng.random((40, 50)) < share for share in (0.1, 0.6)]
    lives = [LiveCoherence(ranked), LiveCoherence(ranked)]
    for live, mask in zip(lives, masks, strict=True):
        live.reset(mask)
    for live, mask in zip(lives, masks, strict=True):
        assert live.score() == coherence(values, mask, "absolute")


def test_maps_come_and_go_while_the_mask_is_drawn():
    rng = np.random.default_rng(0)
    shape = (40, 50)
    maps = {name: MAPS[name](rng, shape) for name in ("signed", "blocks", "zero")}
    live = LiveScores(shape)
    mask = rng.random(shape) < 0.3
    live.reset(mask)
    assert live.scores() == {}
    for name, values in maps.items():
        live.add(name, RankedMap(values))
    large = rng.permutation(mask.size)[:600]  # enough for the way that large changes take
    for changed in (large, large[:50], large[30:300]):
        erase = bool(mask.flat[changed[0]])
        mask.flat[changed] = not erase
        live.update(*((NONE, changed) if erase else (changed, NONE)))
        assert live.scores() == {name: coherence(maps[name], mask) for name in maps}
    live.add("zero", RankedMap(maps["signed"], "absolute"))
    live.discard("blocks")
    live.discard("blocks")
    assert live.scores() == {
        "signed": coherence(maps["signed"], mask),
        "zero": coherence(maps["signed"], mask, "absolute"),
    }
    with pytest.raises(InvalidInputError, match="shape"):
        live.add("other", RankedMap(np.ones((50, 40))))


def test_refuses_what_lies_outside():
    live = LiveCoherence(np.ones((3, 4)))
    live.update(np.array([0]), NONE)
    before = live.score()
    for wrong in (np.array([1, 12]), np.array([-1, 1])):
        with pytest.raises(InvalidInputError, match="outside"):
            live.update(wrong, NONE)
    assert live.score() == before
    with pytest.raises(InvalidInputError, match="shape"):
        live.reset(np.ones((4, 3), bool))
