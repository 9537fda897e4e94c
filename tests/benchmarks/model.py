"""What the model costs: ``python -m tests.benchmarks.model [--threads N] [--preset compact]``.

Prints, for 224 x 224: images a second in training (forward, joint loss, backward; batch 16),
milliseconds for one image, the size of the checkpoint, and milliseconds to draw one map on
1024 x 1024 pixels. The best of several runs, since other work on the machine only ever adds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from engine.model.network import FusionNetwork, Outputs
from engine.model.presets import PRESETS, preset
from engine.saliency.maps import grids
from engine.saliency.placement import place

_BATCH = 16
_SIZE = (224, 224)


def _best(work: Callable[[], object], runs: int) -> float:
    work()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--preset", choices=sorted(PRESETS), default="compact")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    network = FusionNetwork(preset(arguments.preset, ("a", "b")))
    network.to(memory_format=torch.channels_last)
    state = network.state_dict().values()
    print(f"{arguments.preset}, {torch.get_num_threads()} threads")
    print(f"weights: {sum(v.numel() * v.element_size() for v in state) / 1e6:.1f} MB in float32")

    x = torch.randn(_BATCH, 3, *_SIZE).contiguous(memory_format=torch.channels_last)
    y = torch.arange(_BATCH) % 2

    def train() -> None:
        out: Outputs = network(x)
        loss = (
            0.3 * functional.cross_entropy(out.global_logits, y)
            + 0.3 * functional.cross_entropy(out.local_logits, y)
            + 0.4 * functional.cross_entropy(out.fusion_logits, y)
        )
        loss.backward()

    print(f"training: {_BATCH / _best(train, arguments.runs):.1f} images/s")
    network.eval()
    with torch.inference_mode():
        seconds = _best(lambda: network(x[:1]), arguments.runs)
    print(f"one image: {1000 * seconds:.1f} ms")

    start = time.perf_counter()
    placed = grids(network, _SIZE)
    print(f"tracing and measuring where cells look: {time.perf_counter() - start:.2f} s, once")
    to_image = np.array([[1024 / 224, 0, 1.8], [0, 1024 / 224, 1.8], [0, 0, 1.0]])
    raw = np.random.default_rng(0).random(placed["local"].shape, np.float32)
    seconds = _best(lambda: place(raw, placed["local"], to_image, (1024, 1024)), 20)
    print(f"drawing a map on 1024 x 1024: {1000 * seconds:.2f} ms")


if __name__ == "__main__":
    main()
