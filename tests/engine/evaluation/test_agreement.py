import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, f1_score, jaccard_score

from engine.errors import InvalidInputError
from engine.evaluation.agreement import (
    cohen_kappa,
    fleiss_kappa,
    mean_pairwise_dice,
    overlap,
)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_overlap_and_kappa_are_scikit_learn_s(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.random((2, 6, 7)) < 0.4
    a[0, 0] = b[0, 1] = True
    found = overlap(a, b)
    assert found.dice == pytest.approx(f1_score(a.ravel(), b.ravel()))
    assert found.jaccard == pytest.approx(jaccard_score(a.ravel(), b.ravel()))
    first, second = rng.integers(0, 4, (2, 30))
    assert cohen_kappa(first, second) == pytest.approx(cohen_kappa_score(first, second))
    assert cohen_kappa(first, second, quadratic=True, categories=4) == pytest.approx(
        cohen_kappa_score(first, second, weights="quadratic", labels=range(4))
    )


def test_fleiss_by_a_published_example() -> None:
    # Ten cases, fourteen readers, five categories: the example commonly worked through, 0.210.
    counts = [
        *([0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1]),
        *([7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]),
    ]
    ratings = [np.repeat(np.arange(5), row) for row in counts]
    assert fleiss_kappa(ratings) == pytest.approx(0.210, abs=5e-4)
    # Neither the names of the categories nor the order of the readers matter.
    shuffled = [np.random.default_rng(i).permutation(row) * 7 for i, row in enumerate(ratings)]
    assert fleiss_kappa(shuffled) == pytest.approx(fleiss_kappa(ratings))


def test_what_cannot_agree_has_no_figure() -> None:
    empty = np.zeros((3, 3), bool)
    assert overlap(empty, empty).dice is None
    assert overlap(empty, ~empty).dice == 0
    assert fleiss_kappa(np.ones((4, 3), int)) is None
    assert cohen_kappa([1, 1], [1, 1]) is None
    assert fleiss_kappa([[0, 0], [1, 1]]) == 1
    assert mean_pairwise_dice([empty, empty]) is None
    assert mean_pairwise_dice([empty, ~empty, ~empty]) == pytest.approx(1 / 3)
    with pytest.raises(InvalidInputError, match="not of one image"):
        overlap(empty, np.zeros((2, 3), bool))
    with pytest.raises(InvalidInputError, match="at least two readers"):
        fleiss_kappa([[1], [2]])
    with pytest.raises(InvalidInputError, match="same cases"):
        cohen_kappa([1, 2], [1])
