"""What a checkpoint says of itself is checked field by field when it is opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.evaluation.presence import Presence
from engine.model.checkpoint import Checkpoint, load
from tests.engine.model.stored import refused, rewrite
from tests.engine.networks import small_architecture


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
    rewrite(path, lambda m: m.pop(name))
    assert f"{name} is missing" in refused(path)
    checkpoint.save(path)
    rewrite(path, lambda m: m.update({name: 7}))
    refused(path)
    checkpoint.save(path)
    rewrite(path, lambda m: m.update({name: [{"x": None}]}))
    refused(path)


def test_how_well_the_gate_tells_lesions_is_kept_and_checked(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    known = Presence(100, 20, 0.9, 0.95, 0.6, "out of fold")
    path = tmp_path / "model.safetensors"
    replace(checkpoint, metadata=replace(checkpoint.metadata, presence=known)).save(path)
    assert load(path).metadata.presence == known
    whole = path.read_bytes()
    for change in ({"auc": 2.0}, {"images": -1}, {"surprise": 1}, {"source": ["x"]}):
        path.write_bytes(whole)
        rewrite(path, lambda m, c=change: m["presence"].update(c))  # type: ignore[misc]
        assert "presence" in refused(path)
    for change in ({"fusion": "concat"}, {"gate_norm": "softmax"}):
        path.write_bytes(whole)
        rewrite(path, lambda m, c=change: m["architecture"].update(c))  # type: ignore[misc]
        assert "a gate that can close everywhere" in refused(path)
    checkpoint.save(path)
    assert load(path).metadata.presence is None and b"presence" not in path.read_bytes()


@pytest.mark.parametrize("name", sorted(small_architecture().to_json()))
def test_damaged_architecture(checkpoint: Checkpoint, tmp_path: Path, name: str) -> None:
    path = tmp_path / "model.safetensors"
    checkpoint.save(path)
    whole = path.read_bytes()
    for value in (None, -1, [[]], {"a": []}, "x"):
        if name == "gate_channels" and value is None:
            continue
        path.write_bytes(whole)
        rewrite(path, lambda m, v=value: m["architecture"].update({name: v}))  # type: ignore[misc]
        refused(path)


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
    rewrite(path, change)
    sentence = refused(path)
    assert any(part in sentence for part in reason.split("|")), sentence
