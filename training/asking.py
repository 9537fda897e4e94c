"""Asking a network about many images, batch by batch, by all the processes that share them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.model.network import Outputs
from training.samples import Samples
from training.team import Team, total

EVALUATION_BATCH = 32

Pick = Callable[[Outputs], dict[str, Tensor]]
"""Takes what is wanted of a batch's outputs, by name: (n, width) each."""


@torch.no_grad()
def ask(
    forward: Callable[[Tensor], Outputs],
    samples: Samples,
    team: Team,
    indices: NDArray[np.int64],
    widths: dict[str, int],
    pick: Pick,
) -> dict[str, NDArray[np.float64]]:
    """Return what ``pick`` takes of all images, by name (N, width), in every process.

    forward: takes normalised images (n, C, H, W) to outputs. widths: of what is picked, by name.
    """
    parts: dict[str, list[Tensor]] = {name: [] for name in widths}
    for number, start in enumerate(range(0, len(indices), EVALUATION_BATCH)):
        here = torch.from_numpy(np.asarray(indices[start : start + EVALUATION_BATCH]))
        if number % team.size != team.rank:
            # Another process's; adding nothing leaves its values as they are, bit for bit.
            for name, width in widths.items():
                parts[name].append(torch.zeros(len(here), width, dtype=torch.float64))
            continue
        inputs = samples.pixels.normalise(samples.images(here.to(samples.device)))
        for name, values in pick(forward(inputs)).items():
            parts[name].append(values.double().cpu())
    joined = {
        name: torch.cat(values) if values else torch.zeros(0, widths[name], dtype=torch.float64)
        for name, values in parts.items()
    }
    if team.many:
        joined = {name: total(v.to(samples.device)).cpu() for name, v in joined.items()}
    return {name: values.numpy() for name, values in joined.items()}
