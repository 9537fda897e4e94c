"""The fusion network follows the equations, on every fusion and for any input shape."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from torch import nn
from torch.nn import functional

from engine.errors import InvalidInputError
from engine.model.architecture import Architecture, Fusion
from engine.model.backbone import Backbone, normalisation
from engine.model.fusion import Gate
from engine.model.network import FusionNetwork, Outputs
from engine.model.presets import preset


def _small(**changes: object) -> Architecture:
    """The compact preset, narrower, with different channel counts in the two branches."""
    return preset(
        "compact",
        ("benign", "malignant", "normal"),
        **{"local_widths": (4, 4, 8, 8), "local_stem": 8, "fuse_channels": 4, **changes},
    )


@pytest.mark.parametrize("fusion", get_args(Fusion))
@pytest.mark.parametrize("size", [(224, 224), (160, 200)])
def test_shapes_of_all_outputs(fusion: Fusion, size: tuple[int, int]) -> None:
    network = FusionNetwork(_small(fusion=fusion, input_size=size)).eval()
    with torch.no_grad():
        out: Outputs = network(torch.randn(2, 3, *size))
    for logits in (out.global_logits, out.local_logits, out.fusion_logits):
        assert logits.shape == (2, 3)
    assert out.global_features.shape == (2, 256, -(-size[0] // 32), -(-size[1] // 32))
    assert out.local_features.shape == (2, 32, (size[0] - 25) // 8, (size[1] - 25) // 8)
    for grid in (out.aligned_global, out.aligned_local, out.fused):
        assert grid.shape == (2, 32, 14, 14)
    assert out.embedding.shape == (2, 256 + 32 + 4 * 14 * 14)
    if fusion == "gate":
        assert out.attention is not None and out.attention.shape == (2, 1, 14, 14)
    else:
        assert out.attention is None and out.gate_logits is None


@pytest.mark.parametrize("norm", ["sigmoid", "softmax"])
def test_gate_follows_equations_1_to_3(norm: str) -> None:
    torch.manual_seed(1)
    gate = Gate(3, 2, norm)  # type: ignore[arg-type]
    x, g = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 4, 5)
    z, alpha, q = gate(x, g)
    assert alpha is not None and q is not None
    w_x, w_g = gate.w_x.weight[:, :, 0, 0], gate.w_g.weight[:, :, 0, 0]
    psi = gate.psi.weight[0, :, 0, 0]
    for n, i, j in ((0, 0, 0), (1, 3, 4), (0, 2, 1)):
        inner = torch.relu(w_x @ x[n, :, i, j] + w_g @ g[n, :, i, j] + gate.w_g.bias)
        torch.testing.assert_close(q[n, 0, i, j], psi @ inner + gate.psi.bias[0])
    expected = torch.sigmoid(q) if norm == "sigmoid" else q.exp() / q.exp().sum((2, 3), True)
    torch.testing.assert_close(alpha, expected)
    torch.testing.assert_close(z, alpha * x)


def test_fusion_input_and_projection_follow_equations_5_and_6() -> None:
    network = FusionNetwork(_small(fusion="product")).eval()
    with torch.no_grad():
        out: Outputs = network(torch.randn(2, 3, 224, 224))
        conv, norm = network.project
        projected = norm(conv(out.fused)).flatten(1)
        pooled = torch.cat([out.global_features.mean((2, 3)), out.local_features.mean((2, 3))], 1)
        torch.testing.assert_close(out.embedding, torch.cat([pooled, projected], 1))
        torch.testing.assert_close(
            out.aligned_global,
            # The design's order: resize, then bring the channels together.
            network.align(functional.interpolate(out.global_features, (14, 14), mode="bilinear")),
        )
        assert isinstance(network.fusion.mix, nn.Conv2d)
        mixed = torch.relu(network.fusion.mix(out.aligned_local * out.aligned_global))
        torch.testing.assert_close(out.fused, mixed)


def test_equal_channels_need_no_alignment() -> None:
    network = FusionNetwork(preset("compact", ("a", "b")))
    assert isinstance(network.align, nn.Identity)


@pytest.mark.parametrize("fusion", get_args(Fusion))
def test_every_parameter_learns(fusion: Fusion) -> None:
    torch.manual_seed(0)
    network = FusionNetwork(_small(fusion=fusion, dropout=0.0, local_residual="corner"))
    out: Outputs = network(torch.randn(2, 3, 96, 96))
    (out.global_logits.sum() + out.local_logits.sum() + out.fusion_logits.square().sum()).backward()
    without = [
        name
        for name, value in network.named_parameters()
        if value.grad is None or not torch.isfinite(value.grad).all()
    ]
    assert without == []


def test_runs_under_autocast_and_channels_last() -> None:
    network = FusionNetwork(_small()).eval()
    x = torch.randn(1, 3, 128, 128)
    with torch.no_grad():
        plain: Outputs = network(x)
        network.to(memory_format=torch.channels_last)
        last: Outputs = network(x.contiguous(memory_format=torch.channels_last))
        torch.testing.assert_close(last.fusion_logits, plain.fusion_logits, rtol=1e-4, atol=1e-5)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half: Outputs = network(x)
        torch.testing.assert_close(
            half.fusion_logits.float(), plain.fusion_logits, rtol=0.1, atol=0.05
        )


def test_paper_preset_is_the_paper() -> None:
    architecture = preset("paper", ("benign", "malignant"))
    with torch.device("meta"):
        network = FusionNetwork(architecture).eval()
        out: Outputs = network(torch.empty(1, 3, 224, 224))
    assert out.global_features.shape == (1, 2048, 7, 7)
    assert out.local_features.shape == (1, 2048, 24, 24)
    assert out.fused.shape == (1, 2048, 14, 14)
    assert out.embedding.shape == (1, 2048 + 2048 + 2048 * 14 * 14)
    assert isinstance(network.align, nn.Identity)


def test_compact_preset_fits_in_ten_megabytes() -> None:
    state = FusionNetwork(preset("compact", ("a", "b"))).state_dict()
    assert sum(value.numel() * value.element_size() for value in state.values()) < 8e6


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "mixer_s32_224"])
def test_a_backbone_without_a_grid_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError, match="do not lie on a grid"):
        Backbone(name)


def test_channels_last_backbone_is_turned_around() -> None:
    backbone = Backbone("swin_tiny_patch4_window7_224").eval()
    with torch.no_grad():
        assert backbone(torch.zeros(1, 3, 224, 224)).shape == (1, 768, 7, 7)


@pytest.mark.parametrize(
    "changes",
    [
        {"classes": ("one",)},
        {"classes": ("a", "a")},
        {"global_backbone": "hf-hub:someone/something"},
        {"global_backbone": "local-dir:/tmp"},
        {"global_options": {"pretrained_cfg": {}}},
        {"global_options": {"channels": (1e9,)}},
        {"local_branch": "bagnet34"},
        {"local_widths": (1, 2, 3)},
        {"local_widths": (10**9, 2, 3, 4)},
        {"fusion": "sum"},
        {"gate_norm": "relu"},
        {"fuse_channels": True},
        {"fusion_grid": 0},
        {"dropout": 1.0},
        {"input_size": (224, 10**6)},
        {"nonsense": 1},
    ],
)
def test_what_cannot_be_built_is_refused_before_building(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError):
        preset("compact", **{"classes": ("a", "b"), **changes})  # type: ignore[arg-type]


def test_unknown_names_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="compact, focus, light, paper"):
        preset("huge", ("a", "b"))
    with pytest.raises(InvalidInputError, match="unknown to timm"):
        Backbone("resnet5000")


def test_json_round_trip() -> None:
    for name in ("paper", "compact", "light"):
        architecture = preset(name, ("a", "b"), input_size=(224, 256))
        assert Architecture.from_json(architecture.to_json()) == architecture
    values = architecture.to_json()
    del values["fusion"]
    with pytest.raises(InvalidInputError, match="fusion is missing"):
        Architecture.from_json(values)


def test_light_preset_is_small_and_normalised_as_its_backbone_expects() -> None:
    network = FusionNetwork(preset("light", ("a", "b")))
    half_precision = 2 * sum(p.numel() for p in network.parameters())
    assert half_precision < 9_000_000
    # EfficientNet-Lite takes -1 to 1, ResNet the ImageNet statistics.
    assert normalisation("tf_efficientnet_lite0") == ((0.5,) * 3, (0.5,) * 3)
    assert normalisation("resnet50")[0] == (0.485, 0.456, 0.406)
    assert normalisation("a_network_that_timm_does_not_know")[1] == (0.229, 0.224, 0.225)
