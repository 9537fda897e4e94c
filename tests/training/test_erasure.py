"""Lesions, or all but lesions, are blurred away; whose lesion is gone is taught no class."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from tests.training import tiny
from training import erasure, losses
from training.erasure import ONLY, WHOLE, WITHOUT


def _batch(count: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.rand(count, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    masks = torch.zeros(count, 1, 64, 64)
    masks[:, :, 20:32, 30:44] = 1
    return images, masks


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_only_images_with_a_known_lesion_are_erased() -> None:
    _, masks = _batch(400)
    known = torch.arange(400) % 2 == 0
    masks[:100] = 0
    masks[:50, :, 0, 0] = 0.4  # what is left of a lesion that was turned out of the image
    kind = erasure.draw(known, masks, 0.5, _generator())
    assert (kind[~known] == WHOLE).all() and (kind[:100] == WHOLE).all()
    eligible = kind[100:][known[100:]]
    assert 0.15 < (eligible == WITHOUT).float().mean() < 0.35
    assert 0.15 < (eligible == ONLY).float().mean() < 0.35
    assert (erasure.draw(known, masks, 0.0, _generator()) == WHOLE).all()


def test_each_kind_changes_what_it_says_and_nothing_else() -> None:
    images, masks = _batch(3)
    kind = torch.tensor([WHOLE, WITHOUT, ONLY])
    result = erasure.erase(images, masks, kind, _generator(1))
    torch.testing.assert_close(result[0], images[0])
    inside = masks[0, 0].bool()
    far = torch.ones_like(inside)
    far[8:44, 18:56] = False
    changed = (result - images).abs()[:, 0]
    assert changed[1][inside].mean() > 0.1 and changed[1][far].max() == 0
    # The soft rim may reach a pixel or two into the lesion, not to its middle.
    assert changed[2][far].mean() > 0.1 and changed[2][23:29, 34:40].max() < 1e-3


def test_what_is_erased_becomes_the_blurred_image() -> None:
    images, masks = _batch(1)
    masks[:] = 1
    result = erasure.erase(images, masks, torch.tensor([WITHOUT]), _generator())
    wanted = gaussian_filter(
        images[0, 0].double().numpy(), erasure.SIGMA * 64, mode="nearest", radius=9
    )
    np.testing.assert_allclose(result[0, 0].numpy(), wanted, atol=1e-4)


def test_speechless_images_are_taught_every_class_alike() -> None:
    outputs = tiny.network().eval()(torch.randn(4, 3, tiny.SIDE, tiny.SIDE))
    target = torch.tensor([0, 1, 1, 0])
    none = losses.joint(outputs, target, speechless=torch.zeros(4, dtype=torch.bool))
    assert none.total.item() == pytest.approx(losses.joint(outputs, target).total.item())
    all_of_them = losses.joint(outputs, target, speechless=torch.ones(4, dtype=torch.bool))
    logs = torch.log_softmax(outputs.fusion_logits, 1)
    assert all_of_them.fusion.item() == pytest.approx(-logs.mean().item(), rel=1e-5)
