"""The joint loss of the three outputs, and the term that guides the gate by lesion masks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from engine.model.network import FusionNetwork, Outputs
from engine.saliency.maps import grids
from engine.saliency.placement import averages, weights
from training.presence import ABSENT, presence

GLOBAL, LOCAL, FUSION = 0.3, 0.3, 0.4
"""Weights of the three cross-entropies, equation (7)."""

DICE_SMOOTHING = 1.0
"""Cells added to both sides of the Dice ratio, so that a lesion of one cell is no cliff."""

UNLABELLED = -1
"""The target of images that belong to none of the classes, and teach none of them."""

SHARE_SMOOTHING = 1e-2
"""Cells added to both sides of alpha's share on the lesion: a closed gate is no cliff either."""


@dataclass(frozen=True)
class Loss:
    """One batch's loss and its parts, each a scalar tensor; ``total`` is what is minimised."""

    total: Tensor
    global_branch: Tensor
    local_branch: Tensor
    fusion: Tensor
    guidance: Tensor
    presence: Tensor


def joint(
    outputs: Outputs,
    target: Tensor,
    *,
    class_weights: Tensor | None = None,
    coverage: Tensor | None = None,
    known: Tensor | None = None,
    guidance_weight: float = 0.0,
    gate_norm: str = "sigmoid",
    speechless: Tensor | None = None,
    evidence: Tensor | None = None,
    self_guidance_weight: float = 0.0,
    presence_logits: Tensor | None = None,
    present: Tensor | None = None,
    presence_weight: float = 0.0,
) -> Loss:
    """Return 0.3 CE_g + 0.3 CE_l + 0.4 CE_f, equation (7), plus weighted guidance and presence.

    target: (N,) class indices, or UNLABELLED. class_weights: (C,) or None. coverage: (N, 1, h, w),
    how much of each gate cell, where it is drawn, the lesion covers; known: (N,), whether that is
    known.
    speechless: (N,) bool, images that show nothing to tell the class by (``training.erasure``):
    their target is every class alike, whatever ``target`` says. evidence: (N, 1, h, w), see
    ``OwnEvidence``; the gate is guided by it as by a mask, with its own weight. presence_logits:
    q again, (N, 1, h, w), by which the gate learns of whole images (``gate_by_global``); present:
    (N,), see ``training.presence``, with its own weight as well.
    """
    # The cross-entropies are taken in float32 whatever precision the network ran in.
    parts = [
        _cross_entropy(logits.float(), target, class_weights, speechless)
        for logits in (outputs.global_logits, outputs.local_logits, outputs.fusion_logits)
    ]
    total = GLOBAL * parts[0] + LOCAL * parts[1] + FUSION * parts[2]
    guiding = torch.zeros_like(total)
    if guidance_weight and outputs.gate_logits is not None and coverage is not None:
        if known is None:
            raise ValueError("guidance needs to know which masks are known")
        guiding = guidance(outputs.gate_logits, coverage, known, gate_norm)
        total = total + guidance_weight * guiding
    if self_guidance_weight and outputs.gate_logits is not None and evidence is not None:
        # Where there is no lesion, what the network responds to is none.
        some = torch.ones(len(evidence), dtype=torch.bool, device=evidence.device)
        if present is not None:
            some = present != ABSENT
        own = guidance(outputs.gate_logits, evidence, some, gate_norm)
        total = total + self_guidance_weight * own
    telling = torch.zeros_like(guiding)
    if presence_weight and presence_logits is not None and present is not None:
        telling = presence(presence_logits, present)
        total = total + presence_weight * telling
    return Loss(total, *(part.detach() for part in (*parts, guiding, telling)))


def _cross_entropy(
    logits: Tensor, target: Tensor, class_weights: Tensor | None, speechless: Tensor | None
) -> Tensor:
    """Return the mean over images, by their class's weight; that of the speechless is 1."""
    labelled = target != UNLABELLED
    index = target.clamp_min(0)
    weight = torch.ones_like(logits[:, 0]) if class_weights is None else class_weights[index]
    each = functional.cross_entropy(logits, index, reduction="none")
    if speechless is not None:
        # Not the targets' own weights, which would make the answer to nothing the rarer class.
        weight = weight.masked_fill(speechless, 1.0)
        each = torch.where(speechless, -functional.log_softmax(logits, dim=1).mean(dim=1), each)
    weight = weight * labelled
    # A batch may hold unlabelled images alone; then there is nothing to be right about.
    return (weight * each).sum() / weight.sum().clamp_min(1e-6)


class CellCoverage:
    """Brings masks of the model input to the gate's cells, each where it is drawn.

    Not by pooling the mask as if the grid were stretched over the image: a gate guided so learns to
    say yes beside the lesion (by -12 to +19 px at 224), and its map is off target by as much.
    """

    def __init__(self, network: FusionNetwork, size: tuple[int, int], device: torch.device) -> None:
        grid = grids(network, size, str(device))["gate"]
        self._rows = torch.from_numpy(averages(grid.rows, size[0])).to(device)
        self._cols = torch.from_numpy(averages(grid.cols, size[1])).T.to(device)

    def __call__(self, masks: Tensor) -> Tensor:
        """Take masks (N, 1, H, W), 0 to 1, to coverage (N, 1, h, w)."""
        coverage: Tensor = self._rows @ masks.float() @ self._cols
        return coverage


class OwnEvidence:
    """Says, without any mask, where the global branch responds most: what the gate may learn from.

    The channel sum of X_g of a trained classifier is highest on lesions but glows everywhere. Cut
    half way from its mean to its peak and brought to the gate's cells, it is a coarse mask of the
    network's own making; a gate with finer features, taught by many of them, agrees with what
    they have in common.
    """

    CUT = 0.5
    """Where between the mean and the peak an image's evidence begins."""

    def __init__(self, network: FusionNetwork, size: tuple[int, int], device: torch.device) -> None:
        placed = grids(network, size, str(device))
        gate, wide = placed["gate"], placed["global"]
        rows = averages(gate.rows, size[0]) @ weights(wide.rows, size[0], 1.0, 0.0)
        cols = averages(gate.cols, size[1]) @ weights(wide.cols, size[1], 1.0, 0.0)
        self._rows = torch.from_numpy(rows).float().to(device)
        self._cols = torch.from_numpy(cols).float().T.to(device)

    def __call__(self, x_g: Tensor) -> Tensor:
        """Take X_g (N, C, h, w) to 0 or 1 at every gate cell, (N, 1, n, n), without gradient."""
        response = self._rows @ x_g.detach().float().sum(1, keepdim=True) @ self._cols
        mean = response.mean((2, 3), keepdim=True)
        peak = response.amax((2, 3), keepdim=True)
        return (response > mean + self.CUT * (peak - mean)).float()


def guidance(logits: Tensor, coverage: Tensor, known: Tensor, gate_norm: str) -> Tensor:
    """Return how far the gate is from the lesion mask, averaged over images with a known mask.

    logits: q, (N, 1, h, w). coverage: of the same shape, see ``CellCoverage``. Images of unknown
    mask contribute nothing, neither do they dilute the mean.

    A sigmoid gate pays binary cross-entropy against the coverage of each cell plus, where there
    is a lesion, the soft Dice of alpha (without which a small lesion is cheapest ignored) and
    -log of the share of alpha on the lesion, its RMA (without which a faint glow over all the
    rest, most of the image, costs nothing); a known-empty mask pushes every cell down. A softmax
    gate, which always sums to one, pays the cross-entropy against the lesion as a distribution; a
    known-empty mask says nothing to it.
    """
    q = logits.float()
    mask = coverage.float()
    area = mask.sum((1, 2, 3))
    weight = known.to(q.dtype)
    if gate_norm == "softmax":
        share = mask / area.clamp_min(1e-6)[:, None, None, None]
        logs = functional.log_softmax(q.flatten(1), 1).view_as(q)
        each = -(share * logs).sum((1, 2, 3))
        weight = weight * (area > 0)
    else:
        each = functional.binary_cross_entropy_with_logits(q, mask, reduction="none").mean(
            (1, 2, 3)
        )
        alpha = torch.sigmoid(q)
        overlap = (alpha * mask).sum((1, 2, 3))
        dice = (2 * overlap + DICE_SMOOTHING) / (
            (alpha.square() + mask.square()).sum((1, 2, 3)) + DICE_SMOOTHING
        )
        share = (overlap + SHARE_SMOOTHING) / (alpha.sum((1, 2, 3)) + SHARE_SMOOTHING)
        each = each + (1 - dice - share.log()) * (area > 0)
    return (each * weight).sum() / weight.sum().clamp_min(1)
