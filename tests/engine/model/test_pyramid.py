"""Several global levels meet the local branch where its cells look, and the gate pools them."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.errors import InvalidInputError
from engine.model.architecture import Architecture, Fusion
from engine.model.bagnet import PLANS, BagNet, centres
from engine.model.network import FusionNetwork, Outputs
from engine.model.presets import preset
from engine.model.pyramid import sampling
from engine.saliency.maps import grids
from engine.saliency.tracing import trace
from tests.engine.saliency.test_placement import positive

CHANGES = {"global_levels": 3, "pooling": "attended", "fusion_grid": 24}


def _network(**changes: object) -> FusionNetwork:
    torch.manual_seed(0)
    return FusionNetwork(preset("compact", ("a", "b"), **{**CHANGES, **changes}))


@pytest.mark.parametrize("kind", PLANS)
def test_centres_are_those_that_the_layers_give(kind: str) -> None:
    branch = BagNet(kind, widths=(2, 2, 2, 2), stem=2, blocks=(2, 2, 2, 2), residual="centre")

    class Features(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.branch = branch

        def forward(self, x: Tensor) -> Tensor:
            return self.branch.features(x)

    traced = trace(Features(), (96, 96)).rows.centre
    np.testing.assert_allclose(centres(kind, len(traced)), traced)


def test_a_ramp_is_sampled_at_the_place_of_each_cell() -> None:
    """A level that holds its own position in pixels gives each cell's position in pixels."""
    for level, pixels in ((28, 224), (14, 224), (7, 224), (12, 96)):
        cells = (pixels - 25) // 8
        matrix = sampling("bagnet33", pixels, cells, cells, level)
        place = (torch.arange(level) + 0.5) * pixels / level - 0.5
        low, high = place[0], place[-1]
        wanted = torch.tensor(centres("bagnet33", cells)).clamp(low, high)
        torch.testing.assert_close(matrix @ place, wanted)
        torch.testing.assert_close(matrix.sum(1), torch.ones(cells))


def test_pooled_cells_lie_at_the_mean_of_theirs() -> None:
    place = (torch.arange(56) + 0.5) * 4 - 0.5
    found = sampling("bagnet33", 224, 24, 14, 56) @ place
    torch.testing.assert_close(found[:2], torch.tensor([20.0, 32.0]))


@pytest.mark.parametrize("fusion", get_args(Fusion))
@pytest.mark.parametrize("size", [(224, 224), (160, 200)])
def test_shapes(fusion: Fusion, size: tuple[int, int]) -> None:
    network = _network(fusion=fusion, input_size=size).eval()
    with torch.no_grad():
        out: Outputs = network(torch.randn(2, 3, *size))
    assert out.aligned_global.shape == out.aligned_local.shape == (2, 256, 24, 24)
    more = 512 if fusion == "gate" else 0
    assert out.embedding.shape == (2, 256 + 256 + 16 + more)
    assert out.pooled.shape == (2, 512)


def test_x_g_is_the_same_whether_finer_levels_are_taken_or_not() -> None:
    network = _network().eval()
    x = torch.randn(2, 3, 96, 96)
    with torch.no_grad():
        levels = network.global_branch.pyramid(x)
        torch.testing.assert_close(levels[0], network.global_branch(x))
    assert [tuple(level.shape[1:]) for level in levels] == [(256, 3, 3), (128, 6, 6), (64, 12, 12)]


@pytest.mark.parametrize("name", ["densenet121", "resnet50", "tf_efficientnet_lite0"])
def test_backbones_of_the_presets_have_three_levels(name: str) -> None:
    network = _network(global_backbone=name, global_options={}).eval()
    with torch.no_grad():
        levels = network.global_branch.pyramid(torch.randn(1, 3, 64, 64))
        assert [level.shape[-1] for level in levels] == [2, 4, 8]
        assert network.global_branch.level_channels == [level.shape[1] for level in levels]


def test_too_many_levels_are_refused() -> None:
    # Its features lie as (N, h, w, C), and so do its levels.
    with pytest.raises(InvalidInputError, match="does not give 3 levels"):
        _network(global_backbone="mambaout_femto", global_options={})
    with pytest.raises(InvalidInputError, match="global_levels"):
        _network(global_levels=5)


def test_the_fused_classifier_sees_what_the_gate_lets_through() -> None:
    network = _network().eval()
    with torch.no_grad():
        out: Outputs = network(torch.randn(2, 3, 224, 224))
        assert out.attention is not None
        weights = out.attention / out.attention.sum((2, 3), keepdim=True)
        wanted = (weights * out.aligned_global).sum((2, 3))
        torch.testing.assert_close(out.embedding[:, 512 + 16 : 512 + 16 + 256], wanted)
        torch.testing.assert_close(
            out.embedding[:, 512 : 512 + 16], network.project(out.fused).mean((2, 3))
        )


def test_a_closed_gate_gives_finite_features() -> None:
    network = _network().eval()
    with torch.no_grad():
        network.fusion.psi.weight.zero_()  # type: ignore[union-attr, operator]
        network.fusion.psi.bias.fill_(-100)  # type: ignore[union-attr, operator]
        out: Outputs = network(torch.randn(1, 3, 96, 96))
    assert torch.isfinite(out.fusion_logits).all()


def test_global_levels_look_where_the_gate_is_drawn() -> None:
    """The finest level's share of a fused cell lies within a cell (8 px) of where it is drawn.

    By half a cell at the most for what the padding of the layers, taken as even, does not say, and
    a little for gradients that scatter.
    """
    network = _network(fusion="concat").eval()
    positive(network)
    drawn = grids(network, (224, 224))["concat"]
    assert drawn.disagreement == 0
    for row, col in ((3, 4), (12, 12), (20, 18)):
        x = torch.rand(1, 3, 224, 224, requires_grad=True)
        levels = network.global_branch.pyramid(x)
        only = [torch.zeros_like(levels[0]), torch.zeros_like(levels[1]), levels[2]]
        cells = torch.empty(1, 1, 24, 24)
        network.align(only, (224, 224), cells)[0, :, row, col].sum().backward()
        assert x.grad is not None
        weight = x.grad.abs().sum((0, 1))
        place = torch.arange(224.0)
        centre_row = float((weight.sum(1) * place).sum() / weight.sum())
        centre_col = float((weight.sum(0) * place).sum() / weight.sum())
        assert abs(centre_row - drawn.rows.centre[row]) < 6
        assert abs(centre_col - drawn.cols.centre[col]) < 6


def test_architectures_written_before_these_fields_still_load() -> None:
    written = preset("paper", ("a", "b")).to_json()
    for name in ("global_levels", "pooling"):
        del written[name]
    assert Architecture.from_json(written) == preset("paper", ("a", "b"))


def test_every_parameter_learns() -> None:
    network = _network(dropout=0.0)
    out: Outputs = network(torch.randn(2, 3, 96, 96))
    (out.global_logits.sum() + out.local_logits.sum() + out.fusion_logits.square().sum()).backward()
    assert all(
        value.grad is not None and torch.isfinite(value.grad).all()
        for value in network.parameters()
    )


def test_gradients_are_possible_after_a_first_pass_without_any() -> None:
    """What is kept of the first pass must not be bound to its mode."""
    network = _network(fusion_grid=23).eval()
    x = torch.randn(1, 3, 96, 96)
    with torch.inference_mode():
        network(x)
    inputs = x.clone().requires_grad_(True)
    network(inputs).fusion_logits.sum().backward()
    assert inputs.grad is not None and inputs.grad.abs().sum() > 0
