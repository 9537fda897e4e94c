"""Networks small enough for tests to run them many times, with random weights."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import resources
from engine.evaluation.familiarity import describe, limit
from engine.images.preprocess import Preprocessing
from engine.model.architecture import Architecture
from engine.model.checkpoint import Checkpoint
from engine.model.metadata import CheckpointMetadata, TrainingData
from engine.model.network import FusionNetwork
from engine.model.presets import preset

SIZE = (96, 96)
CLASSES = ("healthy", "dystrophy")


def small_architecture(**changes: Any) -> Architecture:
    """The compact preset with a few channels."""
    settings: dict[str, Any] = {
        "classes": CLASSES,
        "global_options": {
            "channels": (8, 8, 16, 16),
            "layers": (1, 1, 1, 1),
            "stem_width": 4,
            "stem_type": "deep",
        },
        # Not 4: oneDNN 3.12 (torch 2.14) writes beyond its buffers in the gradient of the weights
        # of a 1 x 1 convolution of 4 channels at stride 2, on processors without AVX-512.
        "local_stem": 8,
        "local_widths": (4, 4, 4, 4),
        "local_blocks": (1, 1, 1, 1),
        "fuse_channels": 2,
        "input_size": SIZE,
    }
    return preset("compact", **(settings | changes))


def described(architecture: Architecture, **changes: Any) -> CheckpointMetadata:
    """What a checkpoint of the architecture says of itself, as far as no test cares."""
    settings: dict[str, Any] = {
        "name": "Test",
        "version": "1.2",
        "date": "2025-01-31",
        "licence": "Apache-2.0",
        "preprocessing": Preprocessing(size=architecture.input_size, keep_aspect=False),
        "training_data": (),
        "metrics": (),
        "intended_use": "Tests.",
        "limits": "None of its answers mean anything.",
    }
    return CheckpointMetadata(architecture=architecture, **(settings | changes))


def small_checkpoint(*, background: bool = True, **changes: Any) -> Checkpoint:
    """Make a checkpoint of the small architecture, the same every time."""
    architecture = small_architecture(**changes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = FusionNetwork(architecture)
        with torch.no_grad():
            for _ in range(20):  # gives batch normalisation something to remember
                network(torch.randn(4, 3, *SIZE))
        shipped = torch.randint(0, 255, (6, 3, 24, 24), dtype=torch.uint8)
        with torch.no_grad():
            pooled = network.eval()(torch.randn(24, 3, *SIZE)).pooled.numpy()
    reference = describe(pooled[:16])
    metadata = described(
        architecture,
        preprocessing=Preprocessing(size=SIZE, keep_aspect=True),
        temperature={"global": 1.5, "local": 2.0, "fusion": 0.5},
        familiarity=limit(reference.distance(pooled[16:]), "noise, held out"),
    )
    return Checkpoint.from_network(network, metadata, shipped if background else None, reference)


def write_models(folder: Path) -> Path:
    """Write models of limb MRI and breast ultrasound into a new folder, beside the demo's."""
    folder.mkdir()
    small = small_checkpoint()
    for name, modality, data in (("Limb MRI", "MR", "sts"), ("Breast ultrasound", "US", "busi")):
        about = replace(
            small.metadata,
            name=name,
            modalities=(modality,),
            training_data=(TrainingData(data, ""),),
        )
        path = folder / f"{name.lower().replace(' ', '-')}.safetensors"
        replace(small, metadata=about).save(path)
    shutil.copy(resources.path("models", "demo.safetensors"), folder)
    return folder


def install(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the models of a folder be those that came with the program."""
    shipped = resources.path

    def path(*parts: str) -> Path:
        return models.joinpath(*parts[1:]) if parts[0] == "models" else shipped(*parts)

    monkeypatch.setattr(resources, "path", path)
