"""Coherence of a saliency map with a clinician's mask: RMA and RRA (paper, eqs. 8-10).

``coherence`` scores one map against one mask; ``LiveCoherence`` (one map) and ``LiveScores``
(several, cheaper together) keep the same scores, to the last bit, while the mask is being drawn.
The rules that the paper leaves open are in ``scores``.
"""

from engine.evaluation.coherence.live import LiveCoherence, LiveScores
from engine.evaluation.coherence.prior import CENTRE_PRIOR, GaussianPrior
from engine.evaluation.coherence.ranked import RankedMap
from engine.evaluation.coherence.scores import Coherence, Sign, coherence, relevance

__all__ = [
    "CENTRE_PRIOR",
    "Coherence",
    "GaussianPrior",
    "LiveCoherence",
    "LiveScores",
    "RankedMap",
    "Sign",
    "coherence",
    "relevance",
]
