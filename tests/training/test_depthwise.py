"""Depthwise convolutions that train fast: the same numbers as torch's own, under the same names."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from timm.layers.conv2d_same import Conv2dSame
from torch import Tensor, nn

from engine.model.backbone import Backbone
from engine.saliency.maps import grids
from tests.training import tiny
from training import depthwise
from training.loop import Trainer
from training.recipes import recipe

sides = st.tuples(st.integers(3, 7), st.integers(3, 7))


@st.composite
def convolutions(draw: st.DrawFn) -> nn.Conv2d:
    """Kernels, strides and paddings that are not the same along both sides."""
    channels, kernel = draw(st.sampled_from((2, 3, 8, 16, 24, 40))), draw(sides)
    stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    if draw(st.booleans()):
        return Conv2dSame(channels, channels, kernel, stride, groups=channels, bias=False)
    padding = draw(st.tuples(st.integers(0, kernel[0] - 1), st.integers(0, kernel[1] - 1)))
    return nn.Conv2d(channels, channels, kernel, stride, padding, groups=channels, bias=False)


def _gradients(module: nn.Module, x: Tensor, by: Tensor | None) -> tuple[Tensor, ...]:
    x = x.detach().clone().requires_grad_()
    y = module(x)
    y.backward(torch.ones_like(y) if by is None else by)
    (weight,) = module.parameters()
    assert x.grad is not None and weight.grad is not None
    return y.detach(), x.grad, weight.grad


@pytest.mark.parametrize(
    ("dtype", "bound"), [(torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 0.05)]
)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_output_and_both_gradients_are_those_of_torch(
    dtype: torch.dtype, bound: float, data: st.DataObject
) -> None:
    convolution = data.draw(convolutions())
    reference = nn.Sequential(convolution)
    rows, cols = data.draw(st.tuples(st.integers(7, 15), st.integers(7, 15)))
    ours = copy.deepcopy(reference)
    depthwise.use(ours)
    assert type(ours[0]) is depthwise.DepthwiseConv2d
    ours, reference = ours.to(dtype), reference.to(dtype).double()
    torch.manual_seed(data.draw(st.integers(0, 99)))
    x = torch.randn(2, convolution.in_channels, rows, cols).to(dtype)
    if data.draw(st.booleans()):
        x = x.contiguous(memory_format=torch.channels_last)
    by = torch.randn_like(reference(x.double())).to(dtype)
    found, true = _gradients(ours, x, by), _gradients(reference, x.double(), by.double())
    for a, b in zip(found, true, strict=True):
        assert a.dtype == dtype and a.shape == b.shape
        # Of the largest: where terms cancel, little is left but their roundings.
        assert (a - b).abs().max() <= bound * b.abs().max().clamp_min(1.0)


def test_a_network_keeps_its_parameters_their_names_and_its_outputs() -> None:
    torch.manual_seed(0)
    branch = Backbone("tf_efficientnet_lite0").eval()
    before, x = copy.deepcopy(branch), torch.randn(2, 3, 97, 97)
    held = dict(branch.named_parameters())
    depthwise.use(branch)
    kinds = [type(m) for m in branch.modules()]
    assert kinds.count(depthwise.DepthwiseConv2d) == 16
    assert list(branch.state_dict()) == list(before.state_dict())
    assert all(held[name] is parameter for name, parameter in branch.named_parameters())
    for a, b in zip(branch.pyramid(x), before.pyramid(x), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
    with torch.no_grad():
        torch.testing.assert_close(branch.pyramid(x)[0], before.pyramid(x)[0], rtol=1e-4, atol=1e-4)


def test_in_autocast_it_computes_in_bfloat16_and_learns_in_float32() -> None:
    torch.manual_seed(0)
    made = nn.Sequential(nn.Conv2d(16, 16, 5, 2, 2, groups=16, bias=False))
    reference = copy.deepcopy(made)
    depthwise.use(made)
    x = torch.randn(2, 16, 12, 12)
    with torch.autocast("cpu", torch.bfloat16):
        assert made(x).dtype == torch.bfloat16
        found = _gradients(made, x, None)
    true = _gradients(reference, x, None)
    for a, b in zip(found[1:], true[1:], strict=True):
        assert a.dtype == torch.float32
        assert (a - b).abs().max() <= 0.05 * b.abs().max()


def test_a_trainer_learns_by_them_with_every_kind_of_guidance(tmp_path: Path) -> None:
    network = tiny.network(global_backbone="tf_efficientnet_lite0", global_options={})
    # Of arrays; as text they can be compared.
    before_use = repr(grids(network, (tiny.SIDE, tiny.SIDE)))
    before = {name: value.clone() for name, value in network.named_parameters()}
    trainer = Trainer(
        network,
        tiny.samples(8),
        np.arange(6),
        np.arange(6, 8),
        replace(recipe("compact"), epochs=1, batch=6),
        tmp_path,
        seed=0,
        precision="bfloat16",
        guidance=1.0,
        self_guidance=1.0,
        presence=1.0,
    )
    trainer.run()
    found = {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, depthwise.DepthwiseConv2d)
    }
    assert len(found) == 16
    assert repr(grids(network, (tiny.SIDE, tiny.SIDE))) == before_use
    for name, module in found.items():
        assert torch.isfinite(module.weight).all()
        assert not torch.equal(module.weight, before[f"{name}.weight"]), name


def test_others_are_left_as_they_are() -> None:
    kept = nn.Sequential(
        nn.Conv2d(8, 8, 3),
        nn.Conv2d(8, 16, 3, groups=8),
        nn.Conv2d(8, 8, 3, groups=8),  # with a bias
        nn.Conv2d(8, 8, 1, groups=8, bias=False),
        nn.Conv2d(8, 8, 3, dilation=2, groups=8, bias=False),
        nn.Conv2d(8, 8, 3, padding="same", groups=8, bias=False),
        nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect", groups=8, bias=False),
    )
    before = list(kept)
    depthwise.use(kept)
    assert all(a is b for a, b in zip(before, kept, strict=True))
