"""What speaks against taking an answer at its word, the same in the window, figures and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.report.numbers import probability

if TYPE_CHECKING:
    from engine.session import Prediction


def no_lesion(prediction: Prediction | None) -> str:
    """Return a sentence where the gate opens on nothing, else ""; see ``evaluation.presence``."""
    gate = prediction.gate if prediction is not None else None
    if gate is None or gate.open:
        return ""
    known = gate.known
    without, with_one = known.without_lesion, known.images - known.without_lesion
    return (
        "There may be no lesion here to answer about: the gate opens by "
        f"{probability(gate.opening)} at most. In cross-validation it opened no more than half on "
        f"{known.specificity * without:.0f} of {without} held-out images without a lesion, and on "
        f"{(1 - known.sensitivity) * with_one:.0f} of {with_one} with one."
    )
