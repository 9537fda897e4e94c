"""What a depthwise convolution's step forward and backward costs, against torch's own.

Run with ``python -m pytest -s tests/benchmarks/test_depthwise.py --override-ini norecursedirs=``.
The layers of the preset ``light`` (EfficientNet-Lite0), 16 images, channels last, turn by turn in
the same run, the best of a few; ``SPEED_THREADS`` (1: more wait for one another on a busy machine).
"""

from __future__ import annotations

import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor

import pytest
import torch
from rich.console import Console
from rich.table import Table
from timm.layers.conv2d_same import Conv2dSame
from torch import Tensor, nn

from engine.model.device import choose_training_precision
from training import depthwise, memory

IMAGES, ROUNDS = 16, 8
# Channels, side, kernel, stride.
LAYERS = (
    (32, 112, 3, 1),
    (96, 112, 3, 2),
    (144, 56, 3, 1),
    (144, 56, 5, 2),
    (240, 28, 5, 1),
    (240, 28, 3, 2),
    (480, 14, 3, 1),
    (480, 14, 5, 1),
    (672, 14, 5, 1),
    (672, 14, 5, 2),
    (1152, 7, 5, 1),
    (1152, 7, 3, 1),
)


def seconds(module: nn.Module, x: Tensor) -> float:
    began = time.perf_counter()
    y = module(x)
    y.backward(torch.ones_like(y))
    return time.perf_counter() - began


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_step_of_each_layer(dtype: torch.dtype) -> None:
    # In a process of its own, whose memory and threads are no other benchmark's.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        times = pool.submit(measure, dtype).result()
    table = Table(f"{dtype}: layer", "torch, ms", "ours, ms", "torch / ours")
    whole = tuple(sum(column) for column in zip(*times, strict=True))
    for (channels, side, kernel, stride), (theirs, ours) in zip(LAYERS, times, strict=True):
        table.add_row(
            f"{channels} x {side} x {side}, {kernel} x {kernel}, stride {stride}",
            f"{1e3 * theirs:.2f}",
            f"{1e3 * ours:.2f}",
            f"{theirs / ours:.1f}",
        )
    table.add_row("together", *(f"{1e3 * t:.1f}" for t in whole), f"{whole[0] / whole[1]:.1f}")
    Console(width=90).print(table)
    if choose_training_precision("cpu", "auto").name == str(dtype).removeprefix("torch."):
        assert whole[1] < 1.2 * whole[0]


def measure(dtype: torch.dtype) -> list[tuple[float, float]]:
    """Return the best seconds of each of LAYERS, torch's and ours."""
    # As the commands do; else both wait for pages most of the time.
    memory.keep()
    torch.set_num_threads(int(os.environ.get("SPEED_THREADS", "1")))
    found = []
    for channels, side, kernel, stride in LAYERS:
        if stride == 1:
            made: nn.Conv2d = nn.Conv2d(
                channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False
            )
        else:
            made = Conv2dSame(channels, channels, kernel, stride, groups=channels, bias=False)
        theirs = nn.Sequential(made.to(dtype))
        ours = nn.Sequential(*theirs)
        depthwise.use(ours)
        x = torch.randn(IMAGES, channels, side, side).to(dtype)
        x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
        best = [float("inf")] * 2
        for turn in range(ROUNDS + 1):
            for which, module in enumerate((theirs, ours)):
                took = seconds(module, x)
                best[which] = min(best[which], took if turn else float("inf"))
        found.append((best[0], best[1]))
    return found
