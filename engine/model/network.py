"""The fusion classifier (section 4.1): two branches, their fusion, and three outputs."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.model.architecture import Architecture
from engine.model.backbone import Backbone
from engine.model.bagnet import EXPANSION, BagNet
from engine.model.fusion import Concat, Fused, Gate, Product
from engine.model.layout import in_order
from engine.model.pyramid import Pyramid


class Outputs(NamedTuple):
    """Everything one forward pass gives; n is the fusion grid, C_l the local channels.

    global_logits, local_logits, fusion_logits: (N, classes).
    global_features: X_g (N, C_g, h, w). local_features: X_l (N, C_l, 24, 24) at 224.
    aligned_global: G (N, C_l, n, n), X_g brought to C_l channels where needed, then bilinearly to
        the fusion grid; with several levels, their sum where the local cells look.
    aligned_local: F_l (N, C_l, n, n), X_l by adaptive average pooling.
    fused: z (N, C_l, n, n). attention: alpha (N, 1, n, n), and gate_logits: q, for the gate only.
    embedding: (N, C_g + C_l + F_fuse n n), what the fusion classifier sees, eq. (6); with attended
        pooling (N, C_g + C_l + F_fuse), and for the gate C_l + C_g more.
    """

    global_logits: Tensor
    local_logits: Tensor
    fusion_logits: Tensor
    global_features: Tensor
    local_features: Tensor
    aligned_global: Tensor
    aligned_local: Tensor
    fused: Tensor
    attention: Tensor | None
    gate_logits: Tensor | None
    embedding: Tensor

    @property
    def pooled(self) -> Tensor:
        """[GAP(X_g); AAP(X_l)], (N, C_g + C_l): what the embedding says of the whole image."""
        return self.embedding[:, : self.global_features.shape[1] + self.local_features.shape[1]]


class Classifier(nn.Module):
    """Dropout and a linear layer."""

    def __init__(self, inputs: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Take (N, inputs) to logits (N, classes)."""
        logits: Tensor = self.fc(self.dropout(x))
        return logits


class FusionNetwork(nn.Module):
    """Global and local branch, fusion and the three classifiers.

    pretrained: fetch the global branch's ImageNet weights from timm's hub (needs a network); else
    it starts at random, or use ``weights.load_global_weights``.
    """

    def __init__(self, architecture: Architecture, *, pretrained: bool = False) -> None:
        super().__init__()
        a = self.architecture = architecture
        count = len(a.classes)
        self.global_branch = Backbone(
            a.global_backbone,
            a.global_options,
            input_size=a.input_size,
            levels=a.global_levels,
            pretrained=pretrained,
        )
        self.local_branch = BagNet(
            a.local_branch,
            classes=count,
            stem=a.local_stem,
            widths=a.local_widths,
            blocks=a.local_blocks,
            residual=a.local_residual,
        )
        wide, local = self.global_branch.channels, a.local_widths[-1] * EXPANSION
        self.global_head = Classifier(wide, count, 0.0)
        self.align: nn.Module
        if a.global_levels > 1:
            self.align = Pyramid(
                self.global_branch.level_channels, local, a.local_branch, a.fusion_grid
            )
        else:
            self.align = nn.Conv2d(wide, local, 1) if wide != local else nn.Identity()
        self.fusion: Gate | Concat | Product
        if a.fusion == "gate":
            self.fusion = Gate(local, a.gate_channels or local // 2, a.gate_norm)
        elif a.fusion == "concat":
            self.fusion = Concat(local, a.dropout)
        else:
            self.fusion = Product(local, a.dropout)
        # Eq. (5): Y = BN(W_fuse * z + b).
        self.project = nn.Sequential(
            nn.Conv2d(local, a.fuse_channels, 1), nn.BatchNorm2d(a.fuse_channels)
        )
        fused = a.fuse_channels * a.fusion_grid**2
        if a.pooling == "attended":
            fused = a.fuse_channels + (local + wide if a.fusion == "gate" else 0)
        self.fusion_head = Classifier(wide + local + fused, count, a.dropout)

    def forward(self, x: Tensor) -> Outputs:
        """Take (N, 3, H, W), preprocessed, to all outputs."""
        grid = (self.architecture.fusion_grid,) * 2
        levels = self.global_branch.pyramid(x)
        x_g = in_order(levels[0])
        x_l = in_order(self.local_branch.features(x))
        pooled_g, pooled_l = x_g.mean(dim=(2, 3)), x_l.mean(dim=(2, 3))
        if isinstance(self.align, Pyramid):
            g = self.align(levels, (x.shape[2], x.shape[3]), x_l)
        else:
            # The 1x1 before resizing: the same result (both are linear and the weights of the
            # resizing sum to one), on fewer cells.
            g = functional.interpolate(
                self.align(x_g), size=grid, mode="bilinear", align_corners=False
            )
        f_l = in_order(functional.adaptive_avg_pool2d(x_l, grid))
        fused: Fused = self.fusion(f_l, g)
        projected = in_order(self.project(fused.z))
        parts = [pooled_g, pooled_l]
        if self.architecture.pooling == "flatten":
            parts.append(projected.flatten(1))
        else:
            parts.append(projected.mean(dim=(2, 3)))
            if fused.attention is not None:
                parts += [_attended(g, fused.attention), _attended(x_g, fused.attention)]
        embedding = torch.cat(parts, dim=1)
        return Outputs(
            global_logits=self.global_head(pooled_g),
            local_logits=self.local_branch.fc(pooled_l),
            fusion_logits=self.fusion_head(embedding),
            global_features=x_g,
            local_features=x_l,
            aligned_global=g,
            aligned_local=f_l,
            fused=fused.z,
            attention=fused.attention,
            gate_logits=fused.gate_logits,
            embedding=embedding,
        )


def gate_by_global(network: FusionNetwork, outputs: Outputs) -> Tensor:
    """Return the gate's q again, (N, 1, n, n), the same, for learning that spares the local branch.

    What is learned by it reaches the gate and the global branch, and stops at the local features.
    """
    if not isinstance(network.fusion, Gate):
        raise ValueError(f"{network.architecture.fusion} has no gate")
    fused: Fused = network.fusion(outputs.aligned_local.detach(), outputs.aligned_global)
    assert fused.gate_logits is not None
    return fused.gate_logits


def _attended(features: Tensor, attention: Tensor) -> Tensor:
    """Return the mean of features (N, C, h, w) over the cells, weighed by the attention: (N, C)."""
    size = (features.shape[2], features.shape[3])
    weights = (
        attention
        if attention.shape[2:] == size
        else functional.adaptive_avg_pool2d(attention, size)
    )
    # A gate that closes everywhere has nothing to weigh by; the bound keeps the quotient finite.
    total = weights.sum(dim=(2, 3)).clamp_min(1e-4)
    return (features * weights).sum(dim=(2, 3)) / total
