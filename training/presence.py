"""Teaching the gate where lesions are by whole images alone: which show one and which do not.

A classifier of benign and malignant may answer from anything that its images share, and its gate
has no reason to prefer the lesion: opening everywhere costs nothing. Images without any lesion give
the reason, and cost no reader a mask. What opens the gate must be something that they do not have.

Left to itself that something is whatever tells a few hundred images apart: burnt-in letters and
callipers are small, alike and telling, and a local branch that may learn them soon knows presence
by heart and fills the gate with dots. So the local features are taken as they are
(``gate_by_global``), and a pretrained global branch does best with most of it left as it is
(``--freeze 16``): it knows things from letters' strokes, and has no way to learn these by heart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from training.cache import Pixels

ABSENT, PRESENT, UNKNOWN = 0, 1, -1
"""Whether an image shows a lesion."""

THRIFT = 1.0
"""What opening costs where there is a lesion, a unit of mean alpha. Without it a gate that sees the
lesion opens around it as well; with three times as much it is cheapest to open on letters alone."""


def shown(pixels: Pixels, labels: Sequence[str], lesion_free: Sequence[str]) -> Tensor:
    """Return whether each image shows a lesion, (N,) of ABSENT, PRESENT, UNKNOWN.

    Where the mask is known, by whether there is anything in it; else by the label, where
    ``lesion_free`` names the classes that show none; else it is not known.
    """
    lesions = [bool(mask.any()) for mask in pixels.masks]
    found = []
    for known, lesion, label in zip(pixels.known.tolist(), lesions, labels, strict=True):
        if known:
            found.append(PRESENT if lesion else ABSENT)
        elif lesion_free:
            found.append(ABSENT if label in lesion_free else PRESENT)
        else:
            found.append(UNKNOWN)
    return torch.tensor(found)


def image_logits(logits: Tensor) -> Tensor:
    """Return what a gate's q, (N, 1, h, w), says of whole images: (N,), positive for a lesion.

    The logarithm of the mean of exp(q), which a few open cells raise and many closed ones do not
    lower much.
    """
    q = logits.float().flatten(1)
    return q.logsumexp(1) - math.log(q.shape[1])


def presence(logits: Tensor, present: Tensor) -> Tensor:
    """Return how badly a sigmoid gate tells images with a lesion from images without.

    logits: q, (N, 1, h, w). present: (N,) of ABSENT, PRESENT, UNKNOWN. The image's own logit
    (``image_logits``) pays binary cross-entropy. Cells of an image without a lesion pay for
    themselves too, every one for being open; those of an image with one pay THRIFT alpha. Images of
    which it is not known contribute nothing, neither do they dilute the mean.
    """
    q = logits.float().flatten(1)
    known = (present != UNKNOWN).to(q.dtype)
    shows = (present == PRESENT).to(q.dtype)
    each = functional.binary_cross_entropy_with_logits(
        image_logits(logits), shows, reduction="none"
    )
    each = each + torch.where(
        present == PRESENT, THRIFT * q.sigmoid().mean(1), functional.softplus(q).mean(1)
    )
    return (each * known).sum() / known.sum().clamp_min(1)
