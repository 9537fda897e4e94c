"""What a gate that stays shut says of an image, and how well it is known to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.errors import InvalidInputError
from engine.evaluation.presence import Presence, Seen

KNOWN = Presence(100, 20, 0.9, 0.95, 0.6, "out of fold, 5 folds of BUSI")


@pytest.mark.parametrize(("opening", "lesion"), [(0.02, False), (0.5, False), (0.51, True)])
def test_a_gate_that_opens_nowhere_by_more_than_a_half_sees_no_lesion(
    opening: float, lesion: bool
) -> None:
    seen = Seen(opening, KNOWN)
    assert seen.lesion is lesion
    assert bool(seen.doubt) is not lesion


def test_the_doubt_says_how_often_the_gate_was_right_and_wrong() -> None:
    said = Seen(0.024, KNOWN).doubt
    assert "may be no lesion" in said and "by 2 % at most" in said
    assert "60 % of held-out images without a lesion" in said and "5 % of those with one" in said
    assert "by <1 % at most" in Seen(0.0, KNOWN).doubt


@pytest.mark.parametrize(
    "change",
    [
        {"images": 0},
        {"images": 20},
        {"images": 100.0},
        {"without_lesion": True},
        {"auc": float("nan")},
        {"auc": 1},
        {"sensitivity": 1.2},
        {"specificity": "0.5"},
        {"source": " "},
        {"source": None},
    ],
)
def test_what_is_no_such_measurement_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match="presence is not"):
        replace(KNOWN, **change)
