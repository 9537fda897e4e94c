"""DS over many images, and DSc, which a map earns only if it serves every class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

ALPHA = 1.0
"""Weight of the difference between classes in DSc. The paper's own weight is not known here."""


@dataclass(frozen=True)
class Corrected:
    """Deletion scores of one map over many images.

    ds: their mean (13). per_class: the mean of each class's images, in the classes' order, None
    where there is none. delta: half the range of these; for two classes |DS_1 - DS_0| / 2.
    dsc: ds - alpha * delta (14).
    """

    ds: float
    per_class: tuple[float | None, ...]
    delta: float
    dsc: float


def class_corrected(
    scores: ArrayLike, labels: Sequence[int], classes: int, alpha: float = ALPHA
) -> Corrected:
    """Sum up scores (N,) of images whose class indices are ``labels``.

    Raises ``ValueError`` where there are no scores, or not as many as labels.
    """
    values, target = np.asarray(scores, np.float64), np.asarray(labels)
    if values.size == 0 or values.shape != target.shape:
        raise ValueError("there must be a score for each label, and one at least")
    means = [
        float(values[target == c].mean()) if (target == c).any() else None for c in range(classes)
    ]
    known = [mean for mean in means if mean is not None]
    delta = (max(known) - min(known)) / 2
    ds = float(values.mean())
    return Corrected(ds, tuple(means), delta, ds - alpha * delta)
