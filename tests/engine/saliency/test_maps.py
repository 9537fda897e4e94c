"""Native maps are the sums that the design names, on cells placed by their own branch."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch
from torch import nn

from engine.model.architecture import Fusion
from engine.model.network import FusionNetwork, Outputs
from engine.model.presets import preset
from engine.saliency.maps import grids, native_names, raw_maps

from .test_placement import positive


@pytest.mark.parametrize("fusion", get_args(Fusion))
def test_raw_maps(fusion: Fusion) -> None:
    torch.manual_seed(0)
    architecture = preset("compact", ("a", "b"), fusion=fusion)
    network = FusionNetwork(architecture).eval()
    with torch.no_grad():
        out: Outputs = network(torch.randn(1, 3, 224, 224))
    maps = raw_maps(out, architecture)
    expected = {
        "global": out.global_features.sum(1)[0],
        "local": out.local_features.sum(1)[0],
        fusion: out.fused.sum(1)[0],
    }
    if out.attention is not None:
        expected["attention"] = out.attention[0, 0]
    assert tuple(maps) == native_names(architecture) == tuple(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(maps[name].values, values, rtol=1e-5)
        assert maps[name].values.dtype == np.float32
        assert maps[name].sign == "nonnegative"
    assert [m.values.shape for m in maps.values()][:3] == [(7, 7), (24, 24), (14, 14)]


def test_features_without_a_relu_are_signed() -> None:
    torch.manual_seed(0)
    architecture = preset("compact", ("a", "b"), global_backbone="convnext_atto", global_options={})
    with torch.no_grad():
        out: Outputs = FusionNetwork(architecture).eval()(torch.randn(1, 3, 96, 96))
    maps = raw_maps(out, architecture)
    assert maps["global"].sign == "signed"
    assert maps["local"].sign == "nonnegative"


def test_grids_of_the_fused_maps() -> None:
    placed = grids(FusionNetwork(preset("compact", ("a", "b"))), (224, 224))
    np.testing.assert_allclose(placed["local"].rows.centre[:3], (16, 24, 32))
    # Cell 0 of 14 pools local cells 0 and 1, cell 1 pools 1 to 3.
    np.testing.assert_allclose(placed["gate"].rows.centre[:2], (20, 32))
    # Cell 0 of 14 repeats global cell 0, cell 1 lies a quarter of the way to cell 1.
    middle = (np.array([0, 8]) + np.array([20, 32])) / 2
    np.testing.assert_allclose(placed["attention"].rows.centre, placed["gate"].rows.centre)
    for name in ("concat", "product"):
        np.testing.assert_allclose(placed[name].rows.centre[:2], middle)
        assert placed[name].disagreement == 12


@pytest.mark.parametrize("fusion", get_args(Fusion))
def test_fused_cells_lie_where_they_look(fusion: Fusion) -> None:
    """The gate's cells within a pixel; of the others both branches' ways, each for itself."""
    torch.manual_seed(2)
    network = FusionNetwork(preset("compact", ("a", "b"), fusion=fusion, dropout=0.0)).eval()
    positive(network)
    size = (224, 224)
    placed = grids(network, size)
    shape = (14, 14)
    ways = {
        "local": placed["local"].pooled(shape),
        "global": placed["global"].resized(shape),
    }
    row, col = 6, 7
    for way, grid in ways.items():
        x = torch.rand(2, 3, *size)
        still, moving = x.clone(), x.clone().requires_grad_(True)
        with torch.no_grad():
            x_g, x_l = network.global_branch(still), network.local_branch.features(still)
        if way == "local":
            x_l = network.local_branch.features(moving)
        else:
            x_g = network.global_branch(moving)
        g = nn.functional.interpolate(network.align(x_g), shape, mode="bilinear")
        z = network.fusion(nn.functional.adaptive_avg_pool2d(x_l, shape), g).z
        (gradient,) = torch.autograd.grad(z[:, :, row, col].sum(), moving)
        weight = gradient.abs().sum((0, 1)).double().numpy()
        centre = (
            weight.sum(1) @ np.arange(size[0]) / weight.sum(),
            weight.sum(0) @ np.arange(size[1]) / weight.sum(),
        )
        assert centre == pytest.approx((grid.rows.centre[row], grid.cols.centre[col]), abs=1.0)
        if way == "local" and fusion == "gate":
            own = placed["gate"]
            assert centre == pytest.approx((own.rows.centre[row], own.cols.centre[col]), abs=1.0)
