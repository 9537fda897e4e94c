"""What speaks against taking an answer at its word, the same in the window, figures and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.report.numbers import probability

if TYPE_CHECKING:
    from engine.session import Prediction


def no_lesion(prediction: Prediction | None) -> str:
    """Return a sentence where the gate opens on nothing, else ""; see ``evaluation.presence``."""
    seen = prediction.seen if prediction is not None else None
    if seen is None or seen.open:
        return ""
    known = seen.known
    return (
        "There may be no lesion here to answer about: the gate opens by "
        f"{probability(seen.opening)} at most. In cross-validation it opened no more than half on "
        f"{known.specificity:.0%} of {known.without_lesion} held-out images without a lesion, and "
        f"on {1 - known.sensitivity:.0%} of {known.images - known.without_lesion} with one."
    )
