"""Images on the device that they are trained on, with what is to be learned from them."""

from __future__ import annotations

import torch
from torch import Tensor

from training.cache import Pixels
from training.presence import UNKNOWN


class Samples:
    """Images, lesion masks and labels, taken by index.

    pixels: of all records. target: (N,) class indices, ``losses.UNLABELLED`` where there is none.
    flips: (N, 2) from ``flippable``. present: (N,), see ``training.presence``; None for not known.
    """

    def __init__(
        self,
        pixels: Pixels,
        target: Tensor,
        flips: Tensor,
        device: torch.device,
        present: Tensor | None = None,
    ) -> None:
        self.pixels = pixels
        self.target = target
        self.flips = flips
        self.device = device
        self._images = torch.from_numpy(pixels.images).to(device)
        self._masks = torch.from_numpy(pixels.masks).to(device)
        self._known = torch.from_numpy(pixels.known).to(device)
        self._target = target.to(device)
        unknown = torch.full_like(target, UNKNOWN)
        self._present = (unknown if present is None else present).to(device)

    def images(self, indices: Tensor) -> Tensor:
        """Return (n, C, H, W) in 0..1."""
        return self._images[indices].float().div_(255)

    def masks(self, indices: Tensor) -> Tensor:
        """Return (n, 1, H, W), 1 in a lesion."""
        return self._masks[indices].float()[:, None]

    def known(self, indices: Tensor) -> Tensor:
        """Return (n,): whether the mask is known."""
        return self._known[indices]

    def labels(self, indices: Tensor) -> Tensor:
        """Return (n,) class indices."""
        return self._target[indices]

    def present(self, indices: Tensor) -> Tensor:
        """Return (n,): whether a lesion is to be seen, see ``training.presence``."""
        return self._present[indices]
