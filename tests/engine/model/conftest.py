"""The checkpoint that the tests of files damage."""

from __future__ import annotations

import pytest
import torch

from engine.model.checkpoint import Checkpoint
from engine.model.metadata import Metrics, TrainingData
from engine.model.network import FusionNetwork
from tests.engine.networks import SIZE, described, small_architecture


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    torch.manual_seed(3)
    architecture = small_architecture()
    network = FusionNetwork(architecture)
    network(torch.randn(4, 3, *SIZE))  # gives batch normalisation something to remember
    background = torch.randint(0, 255, (2, 3, 8, 8), dtype=torch.uint8)
    about = described(
        architecture,
        training_data=(TrainingData("phantoms", "none", "CC0-1.0", images=12, patients=4),),
        metrics=(Metrics("fusion", "out of fold, 3 folds by patient", {"auroc": 0.75}),),
        limits="Nothing else · überhaupt.",
        temperature={"global": 1.5, "local": 2.0, "fusion": 0.5},
    )
    return Checkpoint.from_network(network.eval(), about, background)
