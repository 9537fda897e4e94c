"""What a gate that stays shut says of an image, and how well it is known to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.errors import InvalidInputError
from engine.evaluation.presence import GateOpening, Presence
from engine.report.doubt import no_lesion
from engine.session import Prediction

KNOWN = Presence(100, 20, 0.9, 0.95, 0.6, "out of fold, 5 folds of BUSI")


@pytest.mark.parametrize(("opening", "is_open"), [(0.02, False), (0.5, False), (0.51, True)])
def test_a_gate_that_opens_nowhere_by_more_than_half_makes_doubt(
    opening: float, is_open: bool
) -> None:
    gate = GateOpening(opening, KNOWN)
    assert gate.to_json() == {"opening": opening, "open": is_open}
    assert bool(no_lesion(Prediction(("a", "b"), {}, 0, gate))) is not is_open


def test_the_doubt_says_on_how_many_held_out_images_the_gate_did_the_same() -> None:
    said = no_lesion(Prediction(("a", "b"), {}, 0, GateOpening(0.024, KNOWN)))
    assert "may be no lesion" in said and "by 2 % at most" in said
    assert "on 12 of 20 held-out images without a lesion, and on 4 of 80 with one" in said
    assert no_lesion(Prediction(("a", "b"), {}, 0)) == no_lesion(None) == ""


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
