"""How the two branches' grids become one: the paper's gate, concatenation and product.

All take the local grid x (N, F_l, n, n) and the global grid g of the same shape.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from engine.model.architecture import GateNorm


class Fused(NamedTuple):
    """The fused grid and, for the gate, what gated it.

    z: (N, F_l, n, n). attention: alpha (N, 1, n, n), and gate_logits: q, of the same shape.
    """

    z: Tensor
    attention: Tensor | None = None
    gate_logits: Tensor | None = None


class Gate(nn.Module):
    """Attention gate, eqs. (1)-(3).

    q = psi(ReLU(W_x x + W_g g + b)) + b_psi; alpha = sigmoid(q), or softmax of q over all
    positions; z = alpha * x.
    """

    def __init__(self, channels: int, inner: int, norm: GateNorm) -> None:
        super().__init__()
        self.w_x = nn.Conv2d(channels, inner, 1, bias=False)
        self.w_g = nn.Conv2d(channels, inner, 1)
        self.psi = nn.Conv2d(inner, 1, 1)
        self._norm = norm

    def forward(self, x: Tensor, g: Tensor) -> Fused:
        """Gate x by what x and g agree on."""
        q: Tensor = self.psi(torch.relu(self.w_x(x) + self.w_g(g)))
        alpha = q.sigmoid() if self._norm == "sigmoid" else q.flatten(1).softmax(1).view_as(q)
        return Fused(alpha * x, alpha, q)


class Concat(nn.Module):
    """[x; g] -> 1x1 -> ReLU -> dropout."""

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.mix = nn.Conv2d(2 * channels, channels, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, g: Tensor) -> Fused:
        """Mix the stacked channels."""
        return Fused(self.dropout(torch.relu(self.mix(torch.cat([x, g], dim=1)))))


class Product(nn.Module):
    """x * g, eq. (4), -> 1x1 -> ReLU -> dropout."""

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.mix = nn.Conv2d(channels, channels, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, g: Tensor) -> Fused:
        """Mix the elementwise product."""
        return Fused(self.dropout(torch.relu(self.mix(x * g))))
