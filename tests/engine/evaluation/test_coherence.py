"""RMA and RRA: closed forms, ties, signs, empties, and agreement with Quantus."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from engine.errors import InvalidInputError
from engine.evaluation.coherence import CENTRE_PRIOR, coherence

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9))
# Few distinct values, so that ties at rank K are common.
TIED = st.integers(-3, 6).map(float)


@st.composite
def map_and_mask(draw: st.DrawFn, elements: st.SearchStrategy[float] = TIED):
    shape = draw(SHAPES)
    values = draw(hnp.arrays(np.float32, shape, elements=elements))
    return values, draw(hnp.arrays(bool, shape))


def test_closed_form():
    values = np.array([[4, 3], [2, 1]], np.float32)
    score = coherence(values, np.array([[1, 0], [1, 0]], bool))
    assert score.rma == 0.6
    assert score.rra == 0.5
    assert score.chance_rma == score.chance_rra == 0.5
    assert score.area == 2
    assert score.lift == pytest.approx(1.2)
    assert score.reason is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
def test_block_of_ties_straddling_the_edge_scores_half(dtype: type):
    """The design's example: ranked by pixel order, this block scores 0.997 or 0.003."""
    values = np.zeros((100, 100), dtype)
    values[:, 40:60] = 1
    for inside in (slice(0, 50), slice(50, 100)):
        mask = np.zeros(values.shape, bool)
        mask[20:80, inside] = values[20:80, inside] > 0
        score = coherence(values, mask)
        assert score.rma == 600 / 2000
        assert score.rra == 600 / 2000
    straddling = np.zeros(values.shape, bool)
    straddling[:, 50:70] = True
    assert coherence(values, straddling).rra == 0.5


def test_ties_have_the_expected_value_of_random_order():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 4, (8, 8)).astype(np.float32)
    mask = rng.random((8, 8)) < 0.4
    area = mask.sum()
    hits = []
    for _ in range(4000):
        order = np.lexsort((rng.random(values.size), -values.ravel()))
        hits.append(mask.ravel()[order[:area]].mean())
    spread = np.std(hits) / math.sqrt(len(hits))
    assert coherence(values, mask).rra == pytest.approx(np.mean(hits), abs=5 * spread)


def test_zeros_fill_the_ranks_that_no_relevance_claims():
    """K = 4, one relevant pixel (a hit), three ranks left among 8 zeros, 3 of them inside."""
    values = np.zeros((3, 3))
    values[0, 0] = 1
    mask = np.zeros((3, 3), bool)
    mask[:2, :2] = True
    assert coherence(values, mask).rra == pytest.approx((1 + 3 * 3 / 8) / 4)


def test_a_constant_map_scores_exactly_chance():
    mask = np.zeros((7, 9), bool)
    mask[2:5, 3:8] = True
    score = coherence(np.full((7, 9), 0.1), mask)
    assert score.rma == score.chance_rma
    assert score.rra == score.chance_rra


def test_sign():
    values = np.array([[2.0, -6.0], [1.0, 1.0]])
    mask = np.array([[0, 1], [0, 0]], bool)
    positive, absolute = coherence(values, mask), coherence(values, mask, "absolute")
    assert (positive.rma, positive.rra, positive.sign) == (0, 0, "positive")
    assert (absolute.rma, absolute.rra, absolute.sign) == (0.6, 1, "absolute")


def test_no_score_is_said_and_never_zero_or_nan():
    mask = np.ones((2, 2), bool)
    empty = coherence(np.ones((2, 2)), ~mask)
    assert empty.reason == "the mask is empty"
    assert empty.rma is empty.rra is empty.chance_rma is empty.prior_rma is empty.lift is None
    for values, sign, reason in [
        (np.zeros((2, 2)), "absolute", "the map is zero everywhere"),
        (-np.ones((2, 2)), "positive", "the map is positive nowhere"),
        (np.array([[1, np.nan], [1, 1]]), "positive", "the map holds values that are not finite"),
        (np.array([[1, -np.inf], [1, 1]]), "absolute", "the map holds values that are not finite"),
    ]:
        score = coherence(values, mask, sign)
        assert score.reason == reason
        assert score.rma is score.rra is score.lift is None
        assert score.chance_rma == score.prior_rma == score.prior_rra == 1


def test_refuses_what_is_not_a_map_and_its_mask():
    with pytest.raises(InvalidInputError, match=r"2 × 3 .* 3 × 2"):
        coherence(np.ones((3, 2)), np.ones((2, 3), bool))
    for values in (np.ones(3), np.ones((0, 2)), np.ones((2, 2), complex)):
        with pytest.raises(InvalidInputError, match="array of numbers"):
            coherence(values, np.ones((2, 2), bool))
    with pytest.raises(InvalidInputError, match="sign"):
        coherence(np.ones((2, 2)), np.ones((2, 2), bool), "negative")  # type: ignore[arg-type]


@given(map_and_mask(), st.randoms(use_true_random=False), st.sampled_from(["positive", "absolute"]))
def test_scores_do_not_depend_on_the_order_of_the_pixels(case, random, sign):
    values, mask = case
    order = list(range(values.size))
    random.shuffle(order)
    mixed = coherence(
        values.ravel()[order].reshape(values.shape), mask.ravel()[order].reshape(mask.shape), sign
    )
    score = coherence(values, mask, sign)
    assert (mixed.rma, mixed.rra, mixed.reason) == (score.rma, score.rra, score.reason)


@given(map_and_mask(st.floats(0, 2.0**100, width=32, allow_subnormal=False)))
def test_sums_do_not_depend_on_the_order_however_far_apart_the_values(case):
    values, mask = case
    score = coherence(values, mask)
    turned = coherence(np.ascontiguousarray(values[::-1, ::-1]), mask[::-1, ::-1])
    assert turned == score
    if score.rma is not None:
        exact = math.fsum(values[mask].tolist()) / math.fsum(values.ravel().tolist())
        assert score.rma == pytest.approx(exact, rel=1e-12, abs=1e-18)


@given(map_and_mask())
def test_a_mask_and_its_complement_share_all_relevance(case):
    values, mask = case
    inside, outside = coherence(values, mask), coherence(values, ~mask)
    if inside.rma is not None and outside.rma is not None:
        assert inside.rma + outside.rma == pytest.approx(1, abs=1e-15)


@given(map_and_mask(st.integers(0, 6).map(float)))
def test_rank_accuracy_sees_ranks_alone(case):
    values, mask = case
    score = coherence(values, mask)
    for transformed in (values**3, np.expm1(values), np.sqrt(values)):
        assert coherence(transformed, mask).rra == score.rra


@given(map_and_mask(), st.integers(-60, 60))
def test_scale_does_not_matter(case, exponent):
    values, mask = case
    assert coherence(values * np.float32(2.0**exponent), mask) == coherence(values, mask)


@given(map_and_mask())
def test_scores_are_fractions(case):
    values, mask = case
    score = coherence(values, mask, "absolute")
    for value in (score.rma, score.rra, score.prior_rma, score.prior_rra):
        assert value is None or 0 <= value <= 1
    assert (score.rma is None) == (score.reason is not None)


def test_float32_sums_are_exact_where_naive_ones_are_not():
    """A million ones beside one value so large that float32 and float64 sums lose them all."""
    values = np.ones((1024, 1024), np.float32)
    values[0, 0] = 2.0**60
    mask = np.ones(values.shape, bool)
    mask[0, 0] = False
    assert coherence(values, mask).rma == (2**20 - 1) / (2**20 - 1 + 2**60)


def test_centre_prior():
    square = CENTRE_PRIOR.values((224, 224))
    row = np.arange(224) - 111.5
    gauss = np.exp(-(row**2) / (2 * 45**2))
    np.testing.assert_allclose(square, gauss[:, None] * gauss, rtol=1e-12)
    tall = CENTRE_PRIOR.values((448, 224))  # sigma follows each side
    np.testing.assert_allclose(tall[223], np.exp(-(0.5**2) / (2 * 90**2)) * gauss, rtol=1e-12)
    # Pixels equally far are ties: (1, 7), (7, 1) and (5, 5) half-pixels, and their reflections.
    assert square[112, 115] == square[115, 112] == square[114, 114] == square[109, 109]
    mask = np.zeros((224, 224), bool)
    mask[100:124, 100:124] = True
    score = coherence(np.ones((224, 224)), mask)
    assert score.prior_rma == pytest.approx(square[mask].sum() / square.sum())
    assert score.prior_rma > 2 * score.chance_rma
    assert score.prior_rra == coherence(square, mask).rra


@pytest.mark.parametrize("sign", ["positive", "absolute"])
def test_agrees_with_quantus_where_its_formulas_are_unambiguous(sign):
    """Nonnegative maps without ties at rank K: there both definitions say the same."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantus = pytest.importorskip("quantus")
    mass = quantus.RelevanceMassAccuracy(disable_warnings=True)
    rank = quantus.RelevanceRankAccuracy(disable_warnings=True)
    rng = np.random.default_rng(1)
    for trial in range(20):
        rows, cols = rng.integers(5, 40, 2)
        values: NDArray[np.float64] = rng.permutation(rows * cols).reshape(rows, cols) + 1.0
        if sign == "absolute":
            values *= rng.choice([-1, 1], values.shape)
        mask = rng.random((rows, cols)) < rng.uniform(0.05, 0.9)
        mask[0, 0] = True
        batch = np.abs(values)[None, None], mask[None, None]
        score = coherence(values, mask, sign)
        if sign == "positive":
            assert (values > 0).all()
        assert score.rma == pytest.approx(float(mass.evaluate_batch(*batch)[0])), trial
        assert score.rra == pytest.approx(float(rank.evaluate_batch(*batch)[0])), trial
