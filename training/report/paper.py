"""The paper's own figures, as far as they are known here.

Abbaspour Onari et al., "Multimodal attention-aware fusion for diagnosing distal myopathy:
evaluating model interpretability and clinician trust", 2025: the attention gate on BUSI. Nothing
is filled in where the figure is not at hand.
"""

from __future__ import annotations

from collections.abc import Sequence

NAME = "Paper (2025), gate"

CITATION = (
    "Abbaspour Onari M et al. Multimodal attention-aware fusion for diagnosing distal myopathy: "
    "evaluating model interpretability and clinician trust. arXiv:2508.01316, 2025."
)

BUSI_GATE = {
    "accuracy": 0.828,
    "auc": 0.874,
    "rma": 0.114,
    "rra": 0.151,
    "ds": 0.081,
    "dsc": 0.055,
}


def comparable(dataset: str, classes: Sequence[str]) -> bool:
    """Return whether a run is on the paper's public data set and its two classes."""
    return dataset == "busi" and set(classes) == {"benign", "malignant"}
