"""Gradients come back laid out as the features are; cropping is slicing."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from engine.model.layout import cropped, in_order
from engine.model.network import FusionNetwork
from engine.model.presets import preset

LAST = torch.channels_last
margin = st.integers(0, 2)


@given(margin, margin, margin, margin, st.booleans())
def test_cropped_is_a_slice_with_its_gradient(top, bottom, left, right, last):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 7, 6, generator=generator)
    x = x.contiguous(memory_format=LAST if last else torch.contiguous_format)
    ours, slices = x.clone().requires_grad_(), x.clone().requires_grad_()
    sliced = slices[:, :, top : 7 - bottom, left : 6 - right]
    crop = cropped(ours, top, bottom, left, right)
    torch.testing.assert_close(crop, sliced, rtol=0, atol=0)
    weights = torch.randn(sliced.shape, generator=generator)
    (crop * weights).sum().backward()
    (sliced * weights).sum().backward()
    torch.testing.assert_close(ours.grad, slices.grad, rtol=0, atol=0)


def test_a_gradient_that_comes_channels_first_is_laid_out_as_its_features():
    x = torch.randn(2, 4, 5, 6).to(memory_format=LAST).requires_grad_()
    seen: list[Tensor] = []
    y = x * 1
    y.register_hook(seen.append)
    in_order(y)  # a tensor's hooks run in the order that they were registered in
    y.register_hook(seen.append)
    (gradient,) = torch.autograd.grad(y, x, torch.ones(2, 4, 5, 6))
    assert [g.is_contiguous(memory_format=LAST) for g in seen] == [False, True]
    torch.testing.assert_close(gradient, torch.ones(2, 4, 5, 6))
    plain = torch.randn(2, 4, 5, 6).requires_grad_() * 1
    assert in_order(plain) is plain
    (gradient,) = torch.autograd.grad(plain, plain, torch.ones(2, 4, 5, 6))
    assert gradient.is_contiguous()


@pytest.mark.parametrize("fusion", ["gate", "concat", "product"])
@pytest.mark.parametrize("name", ["compact", "light"])
def test_no_activation_of_a_network_meets_a_gradient_against_its_grain(name, fusion):
    network = FusionNetwork(preset(name, ("a", "b"), fusion=fusion)).train()
    network.to(memory_format=LAST)
    against = []

    seen = []

    def watch(place):
        def came(gradients: tuple[Tensor, ...]) -> None:
            (gradient,) = gradients
            seen.append(place)
            if not gradient.is_contiguous(memory_format=LAST):
                against.append((place, tuple(gradient.shape), gradient.stride()))

        def went(_module, _inputs, output: Tensor) -> None:
            output.grad_fn.register_prehook(came)  # after the tensor's own hooks

        return went

    for place, module in network.named_modules():
        if isinstance(module, nn.ReLU | nn.BatchNorm2d):
            module.register_forward_hook(watch(place))
    out = network(torch.rand(2, 3, 224, 224).to(memory_format=LAST))
    logits = (out.global_logits, out.local_logits, out.fusion_logits)
    sum(v.square().mean() for v in logits).backward()
    assert len(seen) > 20 and not against
