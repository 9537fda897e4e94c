"""Starting weights load under the names they are published with, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import CheckpointError, InvalidInputError
from engine.model.backbone import Backbone
from engine.model.bagnet import BagNet
from engine.model.weights import load_global_weights, load_local_weights

from .test_bagnet import published_shapes


def _published_state() -> dict[str, torch.Tensor]:
    """Random values under the published names; variances positive."""
    generator = torch.Generator().manual_seed(0)
    state = {}
    for name, shape in published_shapes().items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(5)
        else:
            state[name] = torch.rand(shape, generator=generator) * 0.1 + 0.01
    return state


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("counters", [True, False])
def test_published_names_load(tmp_path: Path, prefix: str, counters: bool) -> None:
    path = tmp_path / "bagnet33.safetensors"
    state = _published_state()
    given = {
        prefix + name: value
        for name, value in state.items()
        if counters or not name.endswith("num_batches_tracked")
    }
    save_file(given, path)
    network = BagNet(classes=3)
    head = network.fc.weight.detach().clone()
    load_local_weights(network, path)
    own = network.state_dict()
    for name, value in state.items():
        if not name.startswith("fc.") and (counters or "num_batches" not in name):
            assert torch.equal(own[name], value), name
    assert torch.equal(network.fc.weight, head)


def test_another_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bagnet.safetensors"
    state = _published_state()
    save_file(state, path)
    with pytest.raises(CheckpointError, match="has the shape"):
        load_local_weights(BagNet("bagnet17", classes=2), path)
    with pytest.raises(InvalidInputError, match="corner"):
        load_local_weights(BagNet(classes=2, residual="centre"), path)
    del state["layer3.2.bn2.running_var"]
    save_file(state, path)
    with pytest.raises(CheckpointError, match=r"lacks layer3\.2\.bn2\.running_var"):
        load_local_weights(BagNet(classes=2), path)


def test_pickle_is_never_loaded(tmp_path: Path) -> None:
    path = tmp_path / "bagnet32-2ddd53ed.pth.tar"
    torch.save({"conv1.weight": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="never loaded; convert it"):
        load_local_weights(BagNet(classes=2), path)
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_local_weights(BagNet(classes=2), tmp_path / "missing.safetensors")
    (tmp_path / "short.safetensors").write_bytes(b"\x08\x00")
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        load_local_weights(BagNet(classes=2), tmp_path / "short.safetensors")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("densenet121", "densenet121_keras_imagenet_notop_fp16.safetensors"),
        ("tf_efficientnet_lite0", "tf_efficientnet_lite0_imagenet_fp16.safetensors"),
    ],
)
def test_shared_backbones_load_in_full(shared_weights: Path, name: str, file: str) -> None:
    backbone = Backbone(name)
    load_global_weights(backbone, shared_weights / file)
    given = load_file(shared_weights / file)
    for key, value in backbone.network.state_dict().items():
        assert torch.equal(value, given[key].to(value.dtype)), key
        assert value.dtype in (torch.float32, torch.int64)
    with pytest.raises(CheckpointError, match="global branch"):
        load_global_weights(Backbone("resnet18"), shared_weights / file)


def test_without_a_network_the_hub_says_so() -> None:
    """The tests run offline, so that nothing is fetched."""
    with pytest.raises(CheckpointError, match="connect to the network or give a file"):
        Backbone("resnet18.fb_swsl_ig1b_ft_in1k", pretrained=True)
