"""Gradients laid out in memory as the features are that they belong to.

A network trained channels last is slowed by every gradient that comes back channels first: what
multiplies the two walks one of them against its grain, ten to thirty times slower than along it.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def cropped(x: Tensor, top: int, bottom: int, left: int, right: int) -> Tensor:
    """Return x (N, C, H, W) without so many rows and columns at its sides.

    A slice's gradient would be channels first whatever x is; that of padding, which this is by
    less than nothing, is as x.
    """
    if not (top or bottom or left or right):
        return x
    return functional.pad(x, (-left, -right, -top, -bottom))


def in_order(x: Tensor) -> Tensor:
    """Return x (N, C, H, W), whose gradient will be laid out as x is."""
    if x.requires_grad and x.is_contiguous(memory_format=torch.channels_last):
        x.register_hook(_channels_last)  # type: ignore[no-untyped-call]
    return x


def _channels_last(gradient: Tensor) -> Tensor:
    return gradient.contiguous(memory_format=torch.channels_last)
