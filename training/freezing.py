"""Leaving the first layers of a pretrained global branch as they are.

Early layers tell edges and textures, which a few hundred images teach no better than a million did;
left alone they need neither gradients nor batch statistics, which is most of their cost.
"""

from __future__ import annotations

from torch import nn

from engine.errors import InvalidInputError
from engine.model.backbone import Backbone


def first_layers(branch: Backbone, reduction: int) -> list[nn.Module]:
    """Return the modules that compute, up to the deepest features of 1/``reduction`` of a side.

    Raises ``InvalidInputError`` where the backbone has no such features.
    """
    info = [
        entry
        for entry in getattr(branch.network, "feature_info", ())
        if entry["reduction"] == reduction
    ]
    if not info:
        raise InvalidInputError(
            f"This backbone has no features at 1/{reduction} of the input; "
            "give --freeze 2, 4, 8 or 16, or leave it out."
        )
    last = info[-1]["module"]
    found: list[nn.Module] = []
    inside = False
    # Modules come in the order in which they were registered, which is that of the forward pass.
    for name, module in branch.network.named_modules():
        within = name == last or name.startswith(f"{last}.")
        if inside and not within:
            break
        inside = inside or within
        # Normalisations may hold their activation as a child.
        own = next(module.parameters(recurse=False), None) is not None
        if own or next(module.children(), None) is None:
            found.append(module)
    return found


def freeze(layers: list[nn.Module]) -> None:
    """Take the layers' parameters out of training."""
    for layer in layers:
        for parameter in layer.parameters(recurse=False):
            parameter.requires_grad_(False)


def rest(layers: list[nn.Module]) -> None:
    """Let frozen layers normalise by what they remember; after every ``network.train()``."""
    for layer in layers:
        layer.eval()
