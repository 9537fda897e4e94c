"""Starting weights for the two branches, from files. Pickle is never loaded."""

from __future__ import annotations

from pathlib import Path

import timm
import torch
from huggingface_hub import hf_hub_download
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from engine.errors import CheckpointError, InvalidInputError
from engine.model.backbone import Backbone
from engine.model.bagnet import BagNet
from engine.model.header import looks_like_pickle
from engine.model.network import FusionNetwork

# Written by torch.nn.DataParallel, which the published BagNets were trained with.
_PARALLEL_PREFIX = "module."
# A count that batch normalisation keeps but does not use here; older files lack it.
_COUNTER = "num_batches_tracked"


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read named tensors from a safetensors file; raise ``CheckpointError`` otherwise."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
        return load_file(path)
    except OSError as error:
        raise CheckpointError(
            f"{path.name} cannot be read: {error.strerror or error}; check the path."
        ) from error
    except SafetensorError as error:
        if looks_like_pickle(path, start):
            raise CheckpointError(
                f"{path.name} is a PyTorch pickle, which can run code when it is opened and so is "
                "never loaded; convert it where you trust it, with safetensors.torch.save_file("
                'torch.load(path, weights_only=True, map_location="cpu"), "weights.safetensors").'
            ) from error
        raise CheckpointError(
            f"{path.name} is not a whole safetensors file ({error}); fetch it again."
        ) from error


def load_local_weights(network: FusionNetwork | BagNet, path: Path) -> None:
    """Load a published BagNet-33 file's weights into the local branch, in place.

    Names may start with ``module.``; the ImageNet classifier ``fc`` is left out. Half-precision
    weights become the network's own precision. Raises ``CheckpointError`` where the file does not
    hold exactly this network, ``InvalidInputError`` where the branch is not as published.
    """
    branch = network.local_branch if isinstance(network, FusionNetwork) else network
    if branch.residual != "corner":
        raise InvalidInputError(
            "Published BagNet weights belong to residuals cropped at the corner, and this network "
            "crops them at the centre; use the preset paper or set local_residual to corner."
        )
    _load(branch, _plain_names(read_weights(path)), path, "the local branch", ("fc.",))


def load_global_weights(network: FusionNetwork | Backbone, path: Path) -> None:
    """Load a timm file's weights into the global branch, in place; its classifier is left out.

    Raises ``CheckpointError`` where the file does not hold exactly this backbone.
    """
    branch = network.global_branch if isinstance(network, FusionNetwork) else network
    heads = ("classifier.", "fc.", "head.")
    _load(branch.network, _plain_names(read_weights(path)), path, "the global branch", heads)


def fetch_global_weights(network: FusionNetwork | Backbone, name: str) -> None:
    """Load a backbone's ImageNet weights from timm's hub: fetched once, then kept.

    Only safetensors are fetched. Raises ``CheckpointError`` where there are none, no network, or
    the weights are those of another width or depth.
    """
    config = timm.models.get_pretrained_cfg(name, allow_unregistered=False)
    if config is None or not config.hf_hub_id:
        raise CheckpointError(
            f"There are no weights of {name} in timm's hub; give a file or start at random."
        )
    try:
        path = Path(hf_hub_download(config.hf_hub_id, "model.safetensors"))
    except (OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"The weights of {name} cannot be fetched from {config.hf_hub_id} "
            f"({type(error).__name__}); connect to the network or give a file instead."
        ) from error
    load_global_weights(network, path)


def _plain_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(_PARALLEL_PREFIX): tensor for name, tensor in tensors.items()}


def _load(
    module: nn.Module, given: dict[str, Tensor], path: Path, what: str, heads: tuple[str, ...]
) -> None:
    own = module.state_dict()
    needed = {name: value for name, value in own.items() if not name.startswith(heads)}
    problem = describe_mismatch(
        {name: tuple(value.shape) for name, value in needed.items() if _COUNTER not in name},
        {
            name: tuple(value.shape)
            for name, value in given.items()
            if _COUNTER not in name and not (name.startswith(heads) and name not in needed)
        },
    )
    if problem:
        raise CheckpointError(
            f"{path.name} does not hold the weights of {what}: {problem}; choose the file of the "
            "same network."
        )
    for name, value in needed.items():
        if name in given:
            if not torch.isfinite(given[name]).all():
                raise CheckpointError(
                    f"{path.name} holds values in {name} that are not finite; fetch it again."
                )
            value.copy_(given[name])


def describe_mismatch(
    needed: dict[str, tuple[int, ...]], given: dict[str, tuple[int, ...]]
) -> str | None:
    """Say how given names and shapes differ from those needed, naming one; None if they agree."""
    for text, names in (
        ("lacks", sorted(set(needed) - set(given))),
        ("has the unknown", sorted(set(given) - set(needed))),
    ):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            return f"it {text} {names[0]}{more}"
    for name, shape in needed.items():
        if given[name] != shape:
            return f"{name} has the shape {list(given[name])} where {list(shape)} is needed"
    return None
