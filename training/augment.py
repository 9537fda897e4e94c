"""Augmentation of a whole batch at once, images and their masks alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from training.datasets.record import Record


@dataclass(frozen=True)
class Augmentation:
    """How far an image is changed; every draw is uniform, symmetric and one an image.

    flip: whether to mirror, along the axes that the image's modality allows, with even odds.
    rotate: degrees to either side. scale: largest zoom in or out, as a factor. shift: of the
    side. contrast: largest factor. brightness: of the grey range. gamma: largest exponent.
    noise: standard deviation, of the grey range.
    """

    flip: bool = True
    rotate: float = 0.0
    scale: float = 1.0
    shift: float = 0.0
    contrast: float = 1.0
    brightness: float = 0.0
    gamma: float = 1.0
    noise: float = 0.0


AUGMENTATIONS = {
    "none": Augmentation(flip=False),
    # The paper's is "minimal" and not further described: mirroring alone changes nothing that
    # a reader would call a feature.
    "minimal": Augmentation(),
    "strong": Augmentation(
        rotate=15,
        scale=1.2,
        shift=0.08,
        contrast=1.25,
        brightness=0.08,
        gamma=1.3,
        noise=0.02,
    ),
}


def flippable(records: Sequence[Record]) -> Tensor:
    """Return (N, 2) bool: whether each record may be mirrored top to bottom, left to right.

    Axial limb MRI may both ways. Ultrasound has its probe on top: shadows fall downwards, so it
    may left to right only; so may what is of unknown modality.
    """
    return torch.tensor([[record.modality == "MR", True] for record in records])


def augment(
    images: Tensor,
    masks: Tensor,
    allowed: Tensor,
    augmentation: Augmentation,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Return changed images (N, C, H, W; float in 0 to 1) and masks (N, 1, H, W), same shapes.

    allowed: (N, 2) from ``flippable``. generator: on the CPU, whatever device the batch is on, so
    that the draws are the same everywhere.
    """
    a, count, device = augmentation, len(images), images.device

    def draw(spread: float) -> Tensor:
        return (torch.rand(count, generator=generator) * 2 - 1).mul(spread)

    mirror = torch.ones(count, 2)
    if a.flip:
        mirror[(torch.rand(count, 2, generator=generator) < 0.5) & allowed.cpu()] = -1
    if a.rotate or a.scale != 1 or a.shift:
        # One bilinear resampling does it all. Output (x, y) in -1..1 is taken from
        # theta @ (x, y, 1); rotation must act on pixels, not on a stretched square.
        angle = draw(math.radians(a.rotate))
        zoom = torch.exp(draw(math.log(a.scale)))
        height, width = images.shape[-2:]
        theta = torch.zeros(count, 2, 3)
        cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
        theta[:, 0, 0] = cos * mirror[:, 1]
        theta[:, 0, 1] = -sin * height / width * mirror[:, 0]
        theta[:, 1, 0] = sin * width / height * mirror[:, 1]
        theta[:, 1, 1] = cos * mirror[:, 0]
        theta[:, :, 2] = torch.stack([draw(2 * a.shift), draw(2 * a.shift)], 1)
        grid = functional.affine_grid(
            theta.to(device), [count, 1, height, width], align_corners=False
        )
        both = torch.cat([images, masks.to(images.dtype)], 1)
        both = functional.grid_sample(both, grid, align_corners=False)
        images, masks = both[:, :-1], both[:, -1:]
    else:
        for axis, dim in ((0, -2), (1, -1)):
            turned = (mirror[:, axis] < 0).to(device)[:, None, None, None]
            images = torch.where(turned, images.flip(dim), images)
            masks = torch.where(turned, masks.flip(dim), masks)

    def each(values: Tensor) -> Tensor:
        return values.to(device)[:, None, None, None]

    if a.gamma != 1:
        images = images.clamp(0, 1) ** each(torch.exp(draw(math.log(a.gamma))))
    if a.contrast != 1 or a.brightness:
        factor = each(torch.exp(draw(math.log(a.contrast))))
        mean = images.mean((1, 2, 3), keepdim=True)
        images = (images - mean) * factor + mean + each(draw(a.brightness))
    if a.noise:
        level = each(torch.rand(count, generator=generator) * a.noise)
        noise = torch.randn(images[:, :1].shape, generator=generator).to(device)
        images = images + level * noise
    if a.gamma != 1 or a.contrast != 1 or a.brightness or a.noise:
        images = images.clamp(0, 1)
    return images, masks
