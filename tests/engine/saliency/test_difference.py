"""A minus B: in a stated unit, with both maps' provenance."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from engine.errors import InvalidInputError
from engine.saliency.derived import difference_name, parts_of
from engine.saliency.difference import difference
from engine.saliency.map import Provenance, SaliencyMap


def saliency(values, name="gate", sha="a", frame=2) -> SaliencyMap:
    values = np.asarray(values, np.float32)
    made_by = Provenance("Demo 1", sha, name, "channel-sum", image_key="k", frame=frame)
    return SaliencyMap(name, values, values.copy(), "nonnegative", 1, "malignant", made_by)


def test_a_map_minus_itself_in_another_unit_is_zero():
    values = np.random.default_rng(0).random((9, 7))
    for normalisation in ("share", "peak", "rank"):
        found = difference(saliency(values), saliency(1000 * values, "local"), normalisation)
        np.testing.assert_allclose(found.values, 0, atol=1e-6)


def test_shares_are_multiples_of_the_mean():
    first, second = saliency([[3, 1, 0, 0]]), saliency([[5, 5, 5, 5]], "local")
    found = difference(first, second)
    np.testing.assert_allclose(found.values, [[2, 0, -1, -1]])
    assert found.values.sum() == 0 and found.sign == "signed" and found.range[0] < 0
    np.testing.assert_allclose(difference(first, second, "peak").values, [[0, -2 / 3, -1, -1]])
    ranks = difference(first, second, "rank").values
    np.testing.assert_allclose(ranks, [[0.5, 2 / 3 - 0.5, 1 / 6 - 0.5, 1 / 6 - 0.5]], atol=1e-6)


def test_it_is_a_map_like_any_other_and_says_what_made_it():
    first, second = saliency(np.eye(4)), saliency(np.ones((4, 4)), "local", sha="b")
    found = difference(first, second, "peak")
    assert found.name == "gate-minus-local-by-peak" == difference_name("gate", "local", "peak")
    assert parts_of(found.name) == ("gate", "local", "peak")
    assert parts_of(difference_name("gate", "local")) == ("gate", "local", "share")
    for name in ("shap-gate", "gate-minus-", "gate-minus-local-by-loud", "-minus-gate"):
        assert parts_of(name) is None
    made = found.provenance
    assert (made.method, made.branch, made.image_key, made.frame) == (
        *("difference", "gate − local", "k", 2),
    )
    assert made.checkpoint_sha256 == "a-b"
    assert made.parameters["normalisation"] == "peak"
    assert made.parameters["first"] == {"name": "gate", **asdict(first.provenance)}
    json.dumps(asdict(made), allow_nan=False)
    assert difference(first, saliency(np.ones((4, 4)), "local")).provenance.checkpoint_sha256 == "a"


def test_what_cannot_be_compared_is_refused():
    good = saliency(np.ones((4, 4)))
    for other, words in (
        (saliency(np.ones((4, 4)), frame=3), "same frame"),
        (saliency(np.ones((4, 5))), "same frame"),
        (
            replace(good, provenance=replace(good.provenance, image_key="other")),
            "same frame",
        ),
        (saliency(np.zeros((4, 4))), "zero everywhere"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            difference(good, other)
    with pytest.raises(InvalidInputError, match="share, peak, rank"):
        difference(good, good, "loud")  # type: ignore[arg-type]
