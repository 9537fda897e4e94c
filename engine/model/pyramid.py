"""Brings several levels of the global branch to the cells where the local branch looks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn

from engine.model.bagnet import centres


class Pyramid(nn.Module):
    """G (N, channels, n, n): each level through a 1x1, sampled at the local cells, summed.

    The paper stretches X_g over the fusion grid, which lays it beside the local branch's unpadded
    cells by up to 15 px at 224. Here a level is interpolated at the pixel that each fused cell
    looks at, so that a mask, a fine level and a local cell speak of one place.
    level_channels: of the levels, coarsest first. local: the local branch, a key of ``PLANS``.
    """

    def __init__(self, level_channels: Sequence[int], channels: int, local: str, grid: int) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(
            nn.Conv2d(wide, channels, 1, bias=False) for wide in level_channels
        )
        self.norm = nn.BatchNorm2d(channels)
        self._local = local
        self._grid = grid

    def forward(self, levels: Sequence[Tensor], size: tuple[int, int], cells: Tensor) -> Tensor:
        """Join levels (N, C_k, h_k, w_k) of an input of ``size``; cells: X_l, for its shape."""
        joined: Tensor | None = None
        for lateral, level in zip(self.laterals, levels, strict=True):
            # Channels last, so that either direction is one product of large matrices.
            y = lateral(level).permute(0, 2, 3, 1)
            count, high, wide, channels = y.shape
            rows = self._sampling(size[0], cells.shape[2], high).to(y)
            cols = self._sampling(size[1], cells.shape[3], wide).to(y)
            y = (rows @ y.reshape(count, high, wide * channels)).view(count, -1, wide, channels)
            y = (cols @ y).permute(0, 3, 1, 2)
            joined = y if joined is None else joined + y
        result: Tensor = torch.relu(self.norm(joined))
        return result

    def _sampling(self, pixels: int, cells: int, level: int) -> Tensor:
        return sampling(self._local, pixels, cells, self._grid, level)


@lru_cache(maxsize=64)
def sampling(local: str, pixels: int, cells: int, grid: int, level: int) -> Tensor:
    """Return the (grid, level) matrix that interpolates a padded level at the fused cells.

    pixels: of the input along this side; cells: of the local branch; level: cells of the level,
    which lie evenly over the input. Where a fused cell is the mean of local ones, so is its place.
    """
    # Kept for all later calls, which may need gradients where the first did not.
    with torch.inference_mode(False):
        places = torch.tensor(centres(local, cells))[None]
        places = nn.functional.adaptive_avg_pool1d(places, grid)[0]
        index = ((places + 0.5) * level / pixels - 0.5).clamp(0, level - 1)
        distance = (index[:, None] - torch.arange(level)).abs()
        return (1 - distance).clamp_min(0)
