"""The global branch: any timm network whose last features still lie on a grid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import timm
import torch
from torch import Tensor, nn

from engine.errors import InvalidInputError


class Backbone(nn.Module):
    """A timm network without its head: X_g (N, channels, h, w).

    levels: how many levels ``pyramid`` gives; ``level_channels`` of each, the coarsest (X_g) first.

    Raises ``InvalidInputError`` where timm does not know the name, does not take the options, has
    not so many levels, or the network's output is a sequence of tokens rather than a grid;
    ``CheckpointError`` where ``pretrained`` weights cannot be fetched or do not fit.
    """

    def __init__(
        self,
        name: str,
        options: Mapping[str, Any] | None = None,
        *,
        input_size: tuple[int, int] = (224, 224),
        levels: int = 1,
        pretrained: bool = False,
    ) -> None:
        super().__init__()
        if not timm.is_model(name):
            raise InvalidInputError(
                f"The backbone {name} is unknown to timm {timm.__version__}; choose one of "
                "timm.list_models(), such as resnet50."
            )
        network: Any
        try:
            network = timm.create_model(
                name, pretrained=False, num_classes=0, global_pool="", **dict(options or {})
            )
        except TypeError as error:
            raise InvalidInputError(
                f"The backbone {name} does not take {', '.join(options or {})}; leave these out."
            ) from error
        self.network = network
        self.channels = int(network.num_features)
        self._channels_last = False
        self._channels_last = self._layout(name, input_size)
        self._finer: list[int] = []
        self.level_channels = [self.channels]
        if levels > 1:
            self._choose_levels(name, levels)
        if pretrained:
            # Only here: weights knows the networks, the networks need weights only when asked.
            from engine.model.weights import fetch_global_weights

            fetch_global_weights(self, name)

    def _choose_levels(self, name: str, count: int) -> None:
        """Find the finer levels: of every resolution below the last, the deepest features."""
        info = list(getattr(self.network, "feature_info", ()))
        deepest: dict[int, int] = {entry["reduction"]: i for i, entry in enumerate(info)}
        finer = sorted(deepest, reverse=True)[1:count]
        if (
            len(finer) < count - 1
            or self._channels_last
            or not hasattr(self.network, "forward_intermediates")
        ):
            raise InvalidInputError(
                f"The backbone {name} does not give {count} levels of features; choose fewer "
                "(global_levels), or densenet121 or resnet50."
            )
        self._finer = sorted(deepest[reduction] for reduction in finer)
        self.level_channels += [info[deepest[r]]["num_chs"] for r in finer]

    def _layout(self, name: str, size: tuple[int, int]) -> bool:
        """Whether features come as (N, h, w, C), found without computing anything."""
        tensors = {
            key: value.to("meta")
            for key, value in (*self.named_parameters(), *self.named_buffers())
        }
        probe = torch.empty(1, 3, *size, device="meta")
        training = self.training
        self.eval()
        try:
            with torch.no_grad():
                features = torch.func.functional_call(self, tensors, probe)
            shape = tuple(features.shape)
        except (RuntimeError, AssertionError, AttributeError, NotImplementedError) as error:
            raise InvalidInputError(
                f"The backbone {name} does not take images of {size[0]}×{size[1]} pixels; choose "
                "a convolutional network, such as resnet50."
            ) from error
        finally:
            self.train(training)
        if len(shape) == 4 and shape[1] == self.channels:
            return False
        if len(shape) == 4 and shape[3] == self.channels:
            return True
        raise InvalidInputError(
            f"The backbone {name} gives features of shape {shape[1:]}, which do not lie on a "
            "grid, so there is no map to draw; choose a convolutional network, such as resnet50."
        )

    def forward(self, x: Tensor) -> Tensor:
        """Take (N, 3, H, W) to X_g (N, channels, h, w)."""
        features: Tensor = self.network.forward_features(x)
        return features.permute(0, 3, 1, 2) if self._channels_last else features

    def pyramid(self, x: Tensor) -> list[Tensor]:
        """Take (N, 3, H, W) to the levels' features, X_g first, each finer than the last."""
        if not self._finer:
            return [self(x)]
        last, finer = self.network.forward_intermediates(x, indices=self._finer)
        return [last, *reversed(finer)]


def normalisation(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the (mean, std) of R, G, B in 0 to 1 that the backbone's pretrained weights expect.

    timm's own record of it; ImageNet's where timm has none.
    """
    config = timm.models.get_pretrained_cfg(name, allow_unregistered=True)
    if config is None:
        return timm.data.IMAGENET_DEFAULT_MEAN, timm.data.IMAGENET_DEFAULT_STD
    return tuple(config.mean), tuple(config.std)
