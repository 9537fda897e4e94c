"""The distance is Mahalanobis', small enough to ship, and refuses what it cannot measure."""

from dataclasses import replace

import numpy as np
import pytest

from engine.errors import InvalidInputError
from engine.evaluation.familiarity import (
    MAX_COMPONENTS,
    PERCENTILE,
    Familiarity,
    Limit,
    describe,
    from_arrays,
    limit,
)


def _features(count: int, size: int, seed: int, rank: int = 6) -> np.ndarray:
    """A few strong directions and weak noise in all others, around a mean that is not 0."""
    draw = np.random.default_rng(seed)
    directions = np.random.default_rng(99).normal(size=(rank, size))
    return 5 + draw.normal(size=(count, rank)) @ directions + 0.3 * draw.normal(size=(count, size))


def test_it_is_mahalanobis_where_all_directions_are_kept() -> None:
    draw = np.random.default_rng(0)
    mix = draw.normal(size=(4, 4))
    known, new = draw.normal(size=(4000, 4)) @ mix, draw.normal(size=(50, 4)) @ mix
    # Of four directions three are kept and the fourth is what is left: nothing is approximated
    # but the floor of the scale and half precision.
    inverse = np.linalg.inv(np.cov(known.T))
    offset = new - known.mean(axis=0)
    expected = np.sqrt(np.einsum("ni,ij,nj->n", offset, inverse, offset) / 4)
    np.testing.assert_allclose(describe(known).distance(new), expected, rtol=0.02)


def test_the_limit_keeps_nineteen_of_twenty_of_the_same_kind() -> None:
    reference = describe(_features(400, 200, seed=0))
    bound = limit(reference.distance(_features(2000, 200, seed=1)), "held out")
    assert (bound.percentile, bound.images, bound.source) == (PERCENTILE, 2000, "held out")
    again = reference.distance(_features(2000, 200, seed=2))
    assert 0.03 < (again > bound.distance).mean() < 0.07


def test_what_lies_off_the_training_images_directions_is_far() -> None:
    reference = describe(_features(400, 200, seed=0))
    same = _features(100, 200, seed=1)
    furthest = reference.distance(same).max()
    spread = same.std()
    draw = np.random.default_rng(3)
    # The same mean and the same spread in all, in other directions.
    other = 5 + spread * draw.normal(size=(100, 200))
    assert reference.distance(other).min() > 2 * furthest
    assert reference.distance(np.zeros((1, 200)))[0] > furthest


def test_a_feature_that_no_training_image_moves_does_not_decide_alone() -> None:
    known = _features(400, 200, seed=0)
    known[:, 7] = 1.0
    reference = describe(known)
    new = _features(20, 200, seed=1)
    new[:, 7] = 1.0
    moved = new.copy()
    moved[:, 7] += 0.01
    np.testing.assert_allclose(reference.distance(moved), reference.distance(new), rtol=1e-3)


def test_it_takes_less_than_200_kb_for_the_paper_s_network() -> None:
    reference = describe(_features(300, 4096, seed=0))
    assert sum(array.nbytes for array in reference.arrays().values()) < 200_000
    assert len(describe(_features(1000, 100, seed=0)).basis) == MAX_COMPONENTS
    # Few images are described by few directions.
    assert len(describe(_features(16, 100, seed=0)).basis) == 2


def test_it_comes_back_from_its_arrays_and_damage_is_refused() -> None:
    reference = describe(_features(60, 20, seed=0))
    new = _features(5, 20, seed=1)
    arrays = reference.arrays()
    np.testing.assert_array_equal(from_arrays(arrays).distance(new), reference.distance(new))
    broken = [
        {k: v for k, v in arrays.items() if k != "scale"},
        arrays | {"more": arrays["mean"]},
        arrays | {"mean": arrays["mean"][:-1]},
        arrays | {"scale": np.zeros_like(arrays["scale"])},
        arrays | {"variance": -arrays["variance"]},
        arrays | {"variance": arrays["variance"][:-1]},
        arrays | {"basis": arrays["basis"].astype(np.float32)},
        arrays | {"basis": arrays["basis"] * np.float16("nan")},
        arrays | {"mean": arrays["mean"].astype(np.float64)},
    ]
    for one in broken:
        with pytest.raises(InvalidInputError):
            from_arrays(one)


def test_what_cannot_be_measured_is_refused() -> None:
    reference = describe(_features(60, 20, seed=0))
    for wrong in (np.zeros((1, 19)), np.full((1, 20), np.nan), np.zeros(20)):
        with pytest.raises(InvalidInputError, match="features"):
            reference.distance(wrong)
    with pytest.raises(InvalidInputError, match="at least two"):
        describe(np.zeros((1, 20)))
    with pytest.raises(InvalidInputError, match="the same features"):
        describe(np.ones((9, 20)))
    with pytest.raises(InvalidInputError, match="no held-out"):
        limit([], "none")
    good = Limit(2.0, 95.0, 10, "held out")
    for change in ({"distance": 0.0}, {"distance": float("inf")}, {"images": 0}):
        with pytest.raises(InvalidInputError, match="positive"):
            replace(good, **change)


def test_the_ratio_says_how_much_of_the_limit() -> None:
    assert Familiarity(1.4, 2.0).ratio == pytest.approx(0.7)
    assert Familiarity(2.0, 2.0).familiar and not Familiarity(2.1, 2.0).familiar
