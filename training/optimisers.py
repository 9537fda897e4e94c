"""Three optimisers: the global branch, the local branch, and the fusion with its classifier."""

from __future__ import annotations

from itertools import chain

import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer

from engine.model.network import FusionNetwork
from training.recipes import Recipe


def parts(network: FusionNetwork) -> tuple[list[nn.Parameter], ...]:
    """Return the parameters of the global branch, the local branch, and all the rest.

    Each branch goes with its own classifier; the rest is the alignment, the fusion, the
    projection and the fused classifier. Every parameter is in exactly one.
    """
    branch_g = list(chain(network.global_branch.parameters(), network.global_head.parameters()))
    branch_l = list(network.local_branch.parameters())
    taken = {id(p) for p in chain(branch_g, branch_l)}
    rest = [p for p in network.parameters() if id(p) not in taken]
    return branch_g, branch_l, rest


def optimisers(network: FusionNetwork, recipe: Recipe) -> list[Optimizer]:
    """Return the three optimisers of a recipe, rates not yet scaled by its schedule."""
    made: list[Optimizer] = []
    for parameters, rate, decay in zip(
        parts(network), recipe.rates, recipe.weight_decays, strict=True
    ):
        trained = [p for p in parameters if p.requires_grad]
        if not trained:
            continue
        if recipe.optimiser == "sgd":
            made.append(SGD(trained, rate, recipe.momentum, weight_decay=decay, foreach=True))
        else:
            # Decay is for weights that multiply; biases and normalisation keep their scale.
            groups = [
                {"params": [p for p in trained if p.ndim > 1], "weight_decay": decay},
                {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
            ]
            made.append(AdamW([g for g in groups if g["params"]], rate, foreach=True))
        for group in made[-1].param_groups:
            group["initial_lr"] = rate
    return made


def set_rates(made: list[Optimizer], factor: float) -> None:
    """Set every rate to its recipe's times ``factor``."""
    for optimiser in made:
        for group in optimiser.param_groups:
            group["lr"] = group["initial_lr"] * factor


def state_tensors(made: list[Optimizer]) -> dict[str, Tensor]:
    """Return the optimisers' state as named tensors: ``NUMBER.PARAMETER.NAME``."""
    return {
        f"{number}.{index}.{name}": value
        for number, optimiser in enumerate(made)
        for index, state in optimiser.state_dict()["state"].items()
        for name, value in state.items()
        if isinstance(value, Tensor)
    }


def load_state_tensors(made: list[Optimizer], tensors: dict[str, Tensor]) -> None:
    """Undo ``state_tensors`` for freshly made optimisers of the same network and recipe."""
    states: list[dict[int, dict[str, Tensor]]] = [{} for _ in made]
    for key, value in tensors.items():
        number, parameter, name = key.split(".")
        states[int(number)].setdefault(int(parameter), {})[name] = value
    for optimiser, state in zip(made, states, strict=True):
        flat = [p for group in optimiser.param_groups for p in group["params"]]
        for index, values in state.items():
            for name, value in values.items():
                # In the parameter's memory layout, which a file does not keep.
                same = value.shape == flat[index].shape
                values[name] = torch.empty_like(flat[index]).copy_(value) if same else value.clone()
        optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
