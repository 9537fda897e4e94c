"""Erasing lesions, or all but lesions, while training: what the deletion scores will ask for.

A classifier that was only ever shown whole images may answer from anything in them, and answers
something when the lesion is taken away. Shown images with the lesion blurred away, whose answer is
to be "cannot say", and images with everything but the lesion blurred, whose answer is the image's,
it has to answer from the lesion.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

SIGMA = 10 / 224
"""Of the Gaussian blur, in parts of the image's side: as in ``training.evaluate``'s deletion."""

MARGIN = 0.12
"""Most that is kept, or erased, around a lesion, in parts of the image's side; drawn an image. A
lesion's rim and the shadow behind it are part of what readers judge it by."""

MARKED = 0.5
"""Share of a pixel above which a mask, turned and scaled with its image, marks it."""

WHOLE, WITHOUT, ONLY = 0, 1, 2
"""An image as it is; without its lesion; only its lesion."""


def draw(known: Tensor, masks: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Return (n,), of WHOLE, WITHOUT, ONLY: half of ``share`` each of the latter two.

    Only images with a known lesion are erased, and none whose lesion was left outside.
    """
    u = torch.rand(len(known), generator=generator)
    kind = torch.full((len(known),), WHOLE)
    kind[u < share] = ONLY
    kind[u < share / 2] = WITHOUT
    lesion = known.cpu().bool() & (masks > MARKED).flatten(1).any(1).cpu()
    return torch.where(lesion, kind, WHOLE)


def erase(images: Tensor, masks: Tensor, kind: Tensor, generator: torch.Generator) -> Tensor:
    """Return images (n, C, H, W) with what ``kind`` says replaced by their blurred selves.

    masks: (n, 1, H, W), 0 to 1.
    """
    margins = torch.rand(len(kind), generator=generator) * MARGIN
    result = images.clone()
    for index in torch.nonzero(kind != WHOLE)[:, 0].tolist():
        image, mask = (
            images[index : index + 1],
            (masks[index : index + 1] > MARKED).to(images.dtype),
        )
        reach = round(float(margins[index]) * image.shape[-1])
        grown = functional.max_pool2d(mask, 2 * reach + 1, 1, reach) if reach else mask
        # A soft rim: a sharp one would be a contour to learn.
        soft = _blur(grown, 0.2 * SIGMA)
        taken = soft if int(kind[index]) == WITHOUT else 1 - soft
        result[index : index + 1] = image + taken * (_blur(image, SIGMA) - image)
    return result


def _blur(images: Tensor, sigma: float) -> Tensor:
    """Return (n, C, H, W) convolved with a Gaussian of ``sigma`` sides, edges repeated."""
    for axis in (-2, -1):
        width = sigma * images.shape[axis]
        reach = max(1, math.ceil(3 * width))
        offsets = torch.arange(-reach, reach + 1, dtype=images.dtype, device=images.device)
        kernel = torch.exp(-0.5 * (offsets / width) ** 2)
        kernel = kernel / kernel.sum()
        channels = images.shape[1]
        shape = (-1, 1) if axis == -2 else (1, -1)
        weight = kernel.view(1, 1, *shape).expand(channels, 1, *kernel.view(shape).shape)
        pad = (0, 0, reach, reach) if axis == -2 else (reach, reach, 0, 0)
        images = functional.conv2d(
            functional.pad(images, pad, mode="replicate"), weight, groups=channels
        )
    return images
