"""Checkpoints come back exactly, and what is not one is refused in one clear sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import CheckpointError, InvalidInputError
from engine.model.checkpoint import Checkpoint, load
from engine.model.network import FusionNetwork
from tests.engine.model.stored import parts, refused
from tests.engine.networks import SIZE, described, small_architecture


def _outputs(network: FusionNetwork) -> list[torch.Tensor]:
    torch.manual_seed(4)
    x = torch.randn(2, 3, *SIZE)
    with torch.no_grad():
        return [value for value in network(x) if value is not None]


def test_round_trip_is_bitwise(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "folder" / "model.safetensors"
    digest = checkpoint.save(path)
    loaded = load(path)
    assert loaded.sha256 == digest == checkpoint.sha256
    expected = replace(checkpoint.metadata, tensors_sha256=loaded.metadata.tensors_sha256)
    assert loaded.metadata == expected
    assert len(loaded.metadata.tensors_sha256) == 64
    assert loaded.shap_background is not None and checkpoint.shap_background is not None
    assert torch.equal(loaded.shap_background, checkpoint.shap_background)
    for a, b in zip(_outputs(checkpoint.network()), _outputs(loaded.network()), strict=True):
        assert torch.equal(a, b)
    assert list(path.parent.iterdir()) == [path]  # no temporary file is left


def test_saving_again_gives_the_same_file(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "a.safetensors")
    load(tmp_path / "a.safetensors").save(tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_half_precision_is_smaller_and_close(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "full.safetensors")
    checkpoint.save(tmp_path / "half.safetensors", half=True)
    full = (tmp_path / "full.safetensors").stat().st_size
    assert (tmp_path / "half.safetensors").stat().st_size < 0.75 * full
    loaded = load(tmp_path / "half.safetensors")
    assert {value.dtype for value in loaded.network().parameters()} == {torch.float32}
    for a, b in zip(_outputs(checkpoint.network()), _outputs(loaded.network()), strict=True):
        torch.testing.assert_close(a, b, rtol=2e-2, atol=2e-2)


def test_networks_of_a_checkpoint_share_nothing(checkpoint: Checkpoint) -> None:
    first, second = checkpoint.network(), checkpoint.network()
    for value in first.parameters():
        value.data.zero_()
    assert any(value.any() for value in second.parameters())
    assert all(value.requires_grad for value in second.parameters())


def test_a_backbone_with_computed_buffers_comes_back() -> None:
    architecture = small_architecture(
        global_backbone="resnetblur50", global_options={}, input_size=(64, 64)
    )
    network = FusionNetwork(architecture).eval()
    again = Checkpoint.from_network(network, described(architecture)).network()
    with torch.no_grad():
        x = torch.randn(1, 3, 64, 64)
        assert torch.equal(network(x).fusion_logits, again(x).fusion_logits)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda t: t.pop("network.project.0.bias"), "lacks project.0.bias"),
        (lambda t: t.update({"network.extra": torch.zeros(1)}), "unknown extra"),
        (lambda t: t.update({"extra": torch.zeros(1)}), "unknown tensor extra"),
        (lambda t: t.update({"network.project.0.bias": torch.zeros(3)}), "[3] where [2]"),
        (lambda t: t["network.project.0.bias"].fill_(float("nan")), "not finite"),
        (lambda t: t["network.project.0.bias"].fill_(float("inf")), "not finite"),
        (lambda t: t.update({"network.project.0.bias": torch.zeros(2).double()}), "float64"),
        (lambda t: t["network.project.0.bias"].add_(1), "have changed"),
        (lambda t: t["shap.background"].add_(1), "have changed"),
        (lambda t: t.update({"shap.background": torch.zeros(2, 8)}), "SHAP background"),
    ],
)
def test_wrong_tensors(
    checkpoint: Checkpoint,
    tmp_path: Path,
    damage: Callable[[dict[str, torch.Tensor]], object],
    reason: str,
) -> None:
    path = tmp_path / "model.safetensors"
    checkpoint.save(path)
    metadata = parts(path)[0]["__metadata__"]
    tensors = {name: value.clone() for name, value in load_file(path).items()}
    damage(tensors)
    save_file(tensors, path, metadata=metadata)
    assert reason in refused(path)


def test_what_is_not_finite_is_not_saved(checkpoint: Checkpoint, tmp_path: Path) -> None:
    state = dict(checkpoint.state)
    name = "project.0.weight"
    state[name] = torch.full_like(state[name], 1e6)
    large = replace(checkpoint, state=state)
    large.save(tmp_path / "full.safetensors")
    with pytest.raises(CheckpointError, match="float16"):
        large.save(tmp_path / "half.safetensors", half=True)
    state[name] = torch.full_like(state[name], float("nan"))
    with pytest.raises(CheckpointError, match="not finite"):
        replace(checkpoint, state=state).save(tmp_path / "nan.safetensors")
    assert [p.name for p in tmp_path.glob("*.safetensors")] == ["full.safetensors"]


def test_metadata_must_describe_the_network() -> None:
    with pytest.raises(InvalidInputError, match="another architecture"):
        Checkpoint.from_network(
            FusionNetwork(small_architecture()), described(small_architecture(fusion="concat"))
        )
