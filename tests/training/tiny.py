"""A network and images small enough to train in a test: a bright disc is the positive class."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from engine.images.preprocess import Preprocessing
from engine.model.architecture import Architecture
from engine.model.network import FusionNetwork
from tests.engine.networks import small_architecture
from training.augment import flippable
from training.cache import Pixels
from training.datasets.record import Record
from training.samples import Samples

SIDE = 64


def architecture(**changes: Any) -> Architecture:
    settings: dict[str, Any] = {
        "classes": ("no", "yes"),
        "fusion_grid": 4,
        "fuse_channels": 4,
        "input_size": (SIDE, SIDE),
    }
    return small_architecture(**(settings | changes))


def network(seed: int = 0, **changes: Any) -> FusionNetwork:
    torch.manual_seed(seed)
    return FusionNetwork(architecture(**changes))


def pixels(count: int, seed: int = 0) -> tuple[Pixels, list[int]]:
    """Noise, with a bright disc in every second image; masks of all are known."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 90, (count, 1, SIDE, SIDE), np.uint8)
    masks = np.zeros((count, SIDE, SIDE), np.uint8)
    labels = [i % 2 for i in range(count)]
    y, x = np.mgrid[:SIDE, :SIDE]
    for i in np.flatnonzero(labels):
        row, col = rng.integers(14, SIDE - 14, 2)
        masks[i] = (y - row) ** 2 + (x - col) ** 2 < 9**2
        images[i, 0] += masks[i] * np.uint8(150)
    preprocessing = Preprocessing(size=(SIDE, SIDE))
    return Pixels(images, masks, np.ones(count, bool), preprocessing), labels


def samples(count: int, seed: int = 0) -> Samples:
    data, labels = pixels(count, seed)
    record = Record(
        path=None,
        frame=0,
        label="",
        patient="",
        modality="MR",
        sequence="",  # type: ignore[arg-type]
        mask_paths=(),
        group="",
    )
    target = torch.tensor(labels)
    flips = flippable([record] * count)
    return Samples(data, target, flips, torch.device("cpu"), present=target)
