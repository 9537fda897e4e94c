import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import InvalidInputError
from training.folds import folds


@st.composite
def cohorts(draw: st.DrawFn) -> tuple[list[int], list[str], int]:
    """Labels and groups of a cohort in which most groups are of one class, some mixed."""
    count = draw(st.integers(2, 5))
    labels: list[int] = []
    groups: list[str] = []
    for cls in range(draw(st.integers(2, 3))):
        for number in range(draw(st.integers(count + 1, 14))):
            size = draw(st.integers(1, 5))
            labels += [cls] * size
            groups += [f"{cls}-{number}"] * size
    for number in range(draw(st.integers(0, 4))):
        labels += [0, 1]
        groups += [f"mixed-{number}"] * 2
    order = draw(st.permutations(range(len(labels))))
    return [labels[i] for i in order], [groups[i] for i in order], count


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cohorts(), st.integers(0, 5))
def test_no_group_on_both_sides_and_every_record_tested_once(
    cohort: tuple[list[int], list[str], int], seed: int
) -> None:
    labels, groups, count = cohort
    names = np.array(groups)
    try:
        made = folds(labels, groups, count, seed)
    except InvalidInputError as error:
        # A refusal is right only where a class lies in very few groups.
        assert "missing from a fold's training" in str(error)
        fewest = min(len(set(names[np.array(labels) == c].tolist())) for c in set(labels))
        assert fewest < 3 * count
        return
    assert len(made) == count
    tested = np.concatenate([fold.test for fold in made])
    assert sorted(tested.tolist()) == list(range(len(labels)))
    for fold in made:
        parts = [fold.train, fold.validation, fold.test]
        assert sorted(np.concatenate(parts).tolist()) == list(range(len(labels)))
        assert all(part.size for part in parts)
        held = [set(names[part].tolist()) for part in parts]
        assert not (held[0] & held[1] or held[0] & held[2] or held[1] & held[2])
        assert set(np.array(labels)[fold.train].tolist()) == set(labels)


def test_classes_are_spread_evenly() -> None:
    labels = [0] * 200 + [1] * 100
    groups = [str(i) for i in range(300)]
    target = np.array(labels)
    for fold in folds(labels, groups, 5, 0):
        assert target[fold.test].mean() == pytest.approx(1 / 3, abs=0.02)
        assert target[fold.validation].mean() == pytest.approx(1 / 3, abs=0.03)


def test_the_seed_decides() -> None:
    labels, groups = [0, 1] * 20, [str(i) for i in range(40)]
    first, again, other = (folds(labels, groups, 4, seed) for seed in (1, 1, 2))
    assert all((a.test == b.test).all() for a, b in zip(first, again, strict=True))
    assert any(
        a.test.shape != b.test.shape or (a.test != b.test).any()
        for a, b in zip(first, other, strict=True)
    )


def test_too_few_groups_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="too few for 5 folds"):
        folds([0] * 30 + [1] * 30, ["a"] * 30 + [str(i) for i in range(30)], 5, 0)
