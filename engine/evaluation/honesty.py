"""Can a map be believed? Everything measured about one map of one image, and one sentence."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from engine.evaluation.coherence.scores import Coherence, Sign, relevance
from engine.saliency.scale import CLOSED

if TYPE_CHECKING:
    from engine.evaluation.deletion.single import Deletion
    from engine.evaluation.randomisation import Randomisation

MOSTLY_OUTSIDE = 0.5
"""Share of the relevance outside the body from which a map is not of the body: the larger part."""

HARDLY_CHANGED = 0.7
"""Rank correlation with the map of a fully shuffled network from which nothing learned shows: at
0.7 half of the variance of the ranks (0.7 squared) is there without any learning."""

TOO_NOISY = 0.3
"""Agreement of two runs of the same sampled map below which it is mostly noise: less than a tenth
of the variance of the ranks (0.3 squared) comes back. Nothing can be said by shuffling then."""

BY_CHANCE = 2.0
"""Standard deviations of DS under random orders that a map must exceed: chance alone gets there
in fewer than one of ten images, with the few random orders there are."""

NO_EFFECT = 0.01
"""DS below this is nothing, however small the spread of chance: a hundredth of probability."""

SPREAD_OUT = 0.4
"""Share of the pixels that hold half of the relevance from which a map points nowhere; 0.5 is a
map that is the same everywhere."""


@dataclass(frozen=True)
class Facts:
    """What is known of a map; None where it has not been measured or cannot be.

    reason: why the map shows nothing at all (zero, not finite), or None. outside: share of its
    relevance outside the body. spread: smallest share of the pixels that holds half of its
    relevance. opening: largest weight of the gate, for maps of what it lets through.
    """

    reason: str | None = None
    outside: float | None = None
    spread: float | None = None
    coherence: Coherence | None = None
    deletion: Deletion | None = None
    randomisation: Randomisation | None = None
    opening: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain values, with the doubts."""
        coherence = self.coherence
        return {
            "outside_anatomy": self.outside,
            "half_of_relevance_on": self.spread,
            "gate_opening": self.opening,
            "coherence": None
            if coherence is None
            else {
                **asdict(coherence),
                "lift_over_chance": coherence.lift,
                "lift_over_centre": lift_over_centre(coherence),
            },
            "deletion": None if self.deletion is None else self.deletion.to_json(),
            "randomisation": None if self.randomisation is None else self.randomisation.to_json(),
            "doubts": list(doubts(self)),
            "verdict": verdict(self),
        }


def spread(values: ArrayLike, sign: Sign = "positive") -> float | None:
    """Return the smallest share of the pixels that holds half of the relevance; None without any.

    0.5 for a map that is the same everywhere, near 0 for one that points.
    """
    relevant, reason = relevance(values, sign)
    if reason is not None:
        return None
    summed = np.cumsum(np.sort(relevant, axis=None)[::-1], dtype=np.float64)
    return (int(np.searchsorted(summed, summed[-1] / 2)) + 1) / relevant.size


def lift_over_centre(score: Coherence) -> float | None:
    """Return how many times a centred blob's RMA a map's is; None without a score."""
    if score.rma is None or not score.prior_rma:
        return None
    return score.rma / score.prior_rma


def beats_centre(score: Coherence) -> bool:
    """Whether a map says more about the mask than chance and a blob in the image's centre do."""
    return (
        score.rma is not None
        and score.prior_rma is not None
        and score.chance_rma is not None
        and score.rma > max(score.prior_rma, score.chance_rma)
    )


def doubts(facts: Facts) -> tuple[str, ...]:
    """Return why a map should not be believed, a sentence each, the gravest first."""
    if facts.reason is not None:
        return (f"This map shows nothing: {facts.reason}.",)
    found = []
    if facts.opening is not None and facts.opening < CLOSED:
        found.append(
            "The gate is shut on this image: it lets next to nothing through, and this map shows "
            "differences of almost nothing."
        )
    shuffled = facts.randomisation
    if shuffled is not None and shuffled.repeat < TOO_NOISY:
        found.append("This map is mostly noise: computed again, it is another one.")
    elif shuffled is not None and shuffled.similarity >= HARDLY_CHANGED:
        found.append(
            "This map hardly changes when the model's weights are shuffled: "
            "it shows the image, not what the model has learned."
        )
    if facts.outside is not None and facts.outside >= MOSTLY_OUTSIDE:
        found.append("This map lies mostly outside the body.")
    score = facts.coherence
    if score is not None and score.rma is not None and not beats_centre(score):
        found.append(
            "This map finds the marked area no better than a blob in the image's centre would."
        )
    deleted = facts.deletion
    if deleted is not None and deleted.score <= max(BY_CHANCE * deleted.random, NO_EFFECT):
        found.append(
            "Removing what this map marks changes the answer no more than removing pixels "
            "at random does."
        )
    elif deleted is not None and deleted.score <= deleted.centre:
        found.append(
            "Removing what this map marks changes the answer no more than removing the image's "
            "centre does."
        )
    if facts.spread is not None and facts.spread >= SPREAD_OUT:
        found.append("This map is spread over the whole image and points nowhere.")
    return tuple(found)


def verdict(facts: Facts) -> str:
    """Return the one sentence: the gravest doubt, or that none was found in what was measured."""
    found = doubts(facts)
    if found:
        return found[0]
    missing = [
        name
        for name, value in (
            ("shuffled weights", facts.randomisation),
            ("deletion", facts.deletion),
            ("a mask", facts.coherence),
        )
        if value is None
    ]
    if not missing:
        return "Nothing that was measured speaks against this map."
    listed = missing[0] if len(missing) == 1 else f"{', '.join(missing[:-1])} and {missing[-1]}"
    return f"Nothing speaks against this map so far; not checked against {listed}."
