"""Whether an image shows a lesion at all, where no class says so: told by how far the gate opens.

A classifier of benign and malignant answers one of them whatever it is shown. A gate that was
trained on images without a lesion as well (``--unlabelled``, ``--presence``) opens no more than
half on many of these; on how many was measured on images that it had not seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.errors import InvalidInputError

OPEN = 0.5
"""Weight of the gate above which a cell counts as open: q of eq. (4) above 0."""


@dataclass(frozen=True)
class Presence:
    """How well a gate told held-out images with a lesion from images without.

    images: how many, ``without_lesion`` of them without. auc: of the gate's largest weight.
    sensitivity: share of images with a lesion on which it opens (``OPEN``); specificity: share of
    those without on which it does not. source: in words, on what ("out of fold, 5 folds of
    BUSI"). Raises ``InvalidInputError`` for what is no such measurement.
    """

    images: int
    without_lesion: int
    auc: float
    sensitivity: float
    specificity: float
    source: str

    def __post_init__(self) -> None:
        """Check what a file says."""
        counts = (self.images, self.without_lesion)
        shares = (self.auc, self.sensitivity, self.specificity)
        if not (
            all(type(n) is int for n in counts)
            and 0 < self.without_lesion < self.images
            and all(_is_share(v) for v in shares)
            and isinstance(self.source, str)
            and self.source.strip()
        ):
            raise InvalidInputError("presence is not how well a gate told images without a lesion")


@dataclass(frozen=True)
class GateOpening:
    """How far the gate opens on one image, 0 to 1 at its widest cell, and what that tells."""

    opening: float
    known: Presence

    @property
    def open(self) -> bool:
        """Whether it opens on anything; if not, there may be no lesion to answer about."""
        return self.opening > OPEN

    def to_json(self) -> dict[str, float | bool]:
        """Return how far and whether, for files."""
        return {"opening": self.opening, "open": self.open}


def _is_share(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value) and 0 <= value <= 1
