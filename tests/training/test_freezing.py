"""Frozen layers neither learn nor count; all others do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.errors import InvalidInputError
from engine.model.backbone import Backbone
from tests.training import tiny
from training import freezing
from training.loop import Trainer
from training.recipes import recipe


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("resnet18", "conv1.weight", "layer2.1.bn2.bias"),
        ("densenet121", "features.conv0.weight", "features.denseblock2.denselayer12.conv2.weight"),
        ("tf_efficientnet_lite0", "conv_stem.weight", "blocks.2.1.bn3.bias"),
    ],
)
def test_what_is_frozen_is_all_up_to_those_features(name: str, first: str, last: str) -> None:
    branch = Backbone(name)
    freezing.freeze(freezing.first_layers(branch, 8))
    frozen = [n for n, p in branch.network.named_parameters() if not p.requires_grad]
    everything = [n for n, _ in branch.network.named_parameters()]
    assert frozen[0] == first and frozen[-1] == last
    assert frozen == everything[: len(frozen)] and len(frozen) < len(everything)


def test_features_that_there_are_not_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="1/3 of the input"):
        freezing.first_layers(Backbone("resnet18"), 3)


def test_training_leaves_them_as_they_were(tmp_path: Path) -> None:
    network = tiny.network()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    trainer = Trainer(
        network,
        tiny.samples(16),
        np.arange(12),
        np.arange(12, 16),
        replace(recipe("compact"), epochs=2, batch=6),
        tmp_path,
        seed=0,
        freeze=8,
    )
    trainer.run()
    branch = network.global_branch.network
    assert any(layer.training is False for layer in freezing.first_layers(network.global_branch, 8))
    changed = {
        name
        for name, value in network.state_dict().items()
        if not torch.equal(value, before[name]) and "num_batches" not in name
    }
    assert branch is network.global_branch.network
    for name in before:
        inside = name.startswith("global_branch.network.")
        early = inside and name.split(".")[2] in ("conv1", "bn1", "layer1", "layer2")
        if "num_batches" not in name:
            assert (name in changed) is not early, name
