"""Checkpoints come back exactly, and what is not one is refused in one clear sentence."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import CheckpointError, InvalidInputError
from engine.images.preprocess import Preprocessing
from engine.model import checkpoint as checkpoints
from engine.model.architecture import Architecture
from engine.model.checkpoint import Checkpoint, CheckpointMetadata, Metrics, TrainingData, load
from engine.model.network import FusionNetwork
from engine.model.presets import preset

SIZE = (96, 96)


def small_architecture(**changes: Any) -> Architecture:
    return preset(
        "compact",
        ("healthy", "dystrophy"),
        **{
            "global_options": {
                "channels": (8, 8, 16, 16),
                "layers": (1, 1, 1, 1),
                "stem_width": 4,
                "stem_type": "deep",
            },
            "local_stem": 4,
            "local_widths": (4, 4, 4, 4),
            "local_blocks": (1, 1, 1, 1),
            "fuse_channels": 2,
            "input_size": SIZE,
            **changes,
        },
    )


def make_metadata(architecture: Architecture) -> CheckpointMetadata:
    return CheckpointMetadata(
        name="Test",
        version="1.2",
        date="2025-01-31",
        licence="Apache-2.0",
        architecture=architecture,
        preprocessing=Preprocessing(size=architecture.input_size, keep_aspect=False),
        training_data=(TrainingData("phantoms", "none", "CC0-1.0", images=12, patients=4),),
        metrics=(Metrics("fusion", "out of fold, 3 folds by patient", {"auroc": 0.75}),),
        intended_use="Tests.",
        limits="Nothing else · überhaupt.",
        temperature={"global": 1.5, "local": 2.0, "fusion": 0.5},
    )


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    torch.manual_seed(3)
    architecture = small_architecture()
    network = FusionNetwork(architecture)
    network(torch.randn(4, 3, *SIZE))  # gives batch normalisation something to remember
    background = torch.randint(0, 255, (2, 3, 8, 8), dtype=torch.uint8)
    return Checkpoint.from_network(network.eval(), make_metadata(architecture), background)


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
    again = Checkpoint.from_network(network, make_metadata(architecture)).network()
    with torch.no_grad():
        x = torch.randn(1, 3, 64, 64)
        assert torch.equal(network(x).fusion_logits, again(x).fusion_logits)


def _parts(path: Path) -> tuple[dict[str, Any], bytes]:
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def _rewrite(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the JSON metadata of a stored checkpoint."""
    header, body = _parts(path)
    metadata = json.loads(header["__metadata__"]["saliscope"])
    change(metadata)
    header["__metadata__"]["saliscope"] = json.dumps(metadata)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def _refused(path: Path) -> str:
    with pytest.raises(CheckpointError) as error:
        load(path)
    sentence = str(error.value)
    assert sentence.startswith(f"{path.name} cannot be opened as a checkpoint: ")
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    "name",
    [
        *("name", "version", "date", "licence", "architecture", "preprocessing", "training_data"),
        *("metrics", "intended_use", "limits", "temperature", "tensors_sha256"),
    ],
)
def test_missing_field(checkpoint: Checkpoint, tmp_path: Path, name: str) -> None:
    path = tmp_path / "model.safetensors"
    checkpoint.save(path)
    _rewrite(path, lambda m: m.pop(name))
    assert f"{name} is missing" in _refused(path)
    checkpoint.save(path)
    _rewrite(path, lambda m: m.update({name: 7}))
    _refused(path)
    checkpoint.save(path)
    _rewrite(path, lambda m: m.update({name: [{"x": None}]}))
    _refused(path)


@pytest.mark.parametrize("name", sorted(small_architecture().to_json()))
def test_damaged_architecture(checkpoint: Checkpoint, tmp_path: Path, name: str) -> None:
    path = tmp_path / "model.safetensors"
    checkpoint.save(path)
    whole = path.read_bytes()
    for value in (None, -1, [[]], {"a": []}, "x"):
        if name == "gate_channels" and value is None:
            continue
        path.write_bytes(whole)
        _rewrite(path, lambda m, v=value: m["architecture"].update({name: v}))  # type: ignore[misc]
        _refused(path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda m: m.update(format=99), "of format 99"),
        (lambda m: m.update(surprise=1), "surprise is not something"),
        (lambda m: m["architecture"].update(global_backbone="resnet5000"), "unknown to timm"),
        (lambda m: m["architecture"].update(global_backbone="hf-hub:a/b"), "global_backbone"),
        (lambda m: m["architecture"].update(global_backbone="resnet50"), "cannot be built|tensors"),
        (lambda m: m["architecture"].update(fusion="sum"), "fusion must be one of"),
        (lambda m: m["architecture"].update(fusion="product"), "its tensors are not those"),
        (lambda m: m["architecture"].update(fuse_channels=8000), "has the shape"),
        (lambda m: m["architecture"].update(classes=["a", "b", "c"]), "has the shape"),
        (lambda m: m["temperature"].update(fusion=0), "temperature"),
        (lambda m: m["temperature"].pop("local"), "temperature"),
        (lambda m: m["preprocessing"].update(std=[0, 1, 1]), "std"),
        (lambda m: m["preprocessing"].update(mean=[float("nan")] * 3), "damaged"),
        (lambda m: m["preprocessing"].update(size=[64, 64]), "differs"),
        (lambda m: m["preprocessing"].update(intensity="guess"), "intensity"),
        (lambda m: m["metrics"][0].update(split=""), "split"),
        (lambda m: m["metrics"][0].pop("split"), "metrics.split is missing"),
        (lambda m: m["metrics"][0]["values"].update(auroc="high"), "finite number"),
    ],
)
def test_wrong_metadata(
    checkpoint: Checkpoint, tmp_path: Path, change: Callable[[dict[str, Any]], None], reason: str
) -> None:
    path = tmp_path / "model.safetensors"
    checkpoint.save(path)
    _rewrite(path, change)
    sentence = _refused(path)
    assert any(part in sentence for part in reason.split("|")), sentence


def test_truncation_anywhere(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    checkpoint.save(path)
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    for size in (0, 1, 7, 8, 9, 100, 7 + length, 8 + length, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:size])
        _refused(path)
    path.write_bytes(data + b"more")
    _refused(path)


def test_hostile_headers(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    for start in (2**64 - 1, 2**40, checkpoints.MAX_HEADER_BYTES + 1):
        path.write_bytes(struct.pack("<Q", start) + b"{}" + bytes(100))
        assert "not a safetensors file" in _refused(path)
    for text in (b"{" * 1000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000, b'{"a": 3}', b"{}"):
        path.write_bytes(struct.pack("<Q", len(text)) + text)
        _refused(path)
    checkpoint.save(path)
    header, body = _parts(path)
    name = next(n for n in header if n.endswith("conv2.weight"))
    header[name]["shape"] = [2**31, 2**31]
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    assert "damaged" in _refused(path)


def test_pickle_is_refused(tmp_path: Path) -> None:
    for name in ("model.pth", "model.safetensors"):
        torch.save({"a": torch.zeros(1)}, tmp_path / name)
        assert "pickle" in _refused(tmp_path / name)


def test_not_a_checkpoint(tmp_path: Path) -> None:
    _refused(tmp_path / "missing.safetensors")
    _refused(tmp_path)
    (tmp_path / "note.txt").write_text("not a model at all")
    assert "not a safetensors file" in _refused(tmp_path / "note.txt")
    save_file({"a": torch.zeros(1)}, tmp_path / "plain.safetensors")
    assert "no Saliscope metadata" in _refused(tmp_path / "plain.safetensors")


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
    metadata = _parts(path)[0]["__metadata__"]
    tensors = {name: value.clone() for name, value in load_file(path).items()}
    damage(tensors)
    save_file(tensors, path, metadata=metadata)
    assert reason in _refused(path)


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
            FusionNetwork(small_architecture()), make_metadata(small_architecture(fusion="concat"))
        )
