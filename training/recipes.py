"""How a network is trained: rates, decay, schedule, stopping; the paper's Table 1 and ours."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields, replace
from typing import Any

from engine.errors import InvalidInputError


@dataclass(frozen=True)
class Recipe:
    """Everything of a run that is neither data nor architecture.

    rates, weight_decays: of the global branch, the local branch, and the fusion with the final
    classifier. optimiser: "sgd" (momentum 0.9) or "adamw". schedule: "step" multiplies the rates
    by ``gamma`` every ``step`` epochs; "cosine" warms up over ``warmup`` of all steps, then
    falls along a cosine to nothing at the last. patience: epochs without a better fused
    validation loss before stopping. keep: "best", the weights of the epoch with the least fused
    validation loss, or "last", which a falling schedule has brought to rest and no luck of a few
    validation images has chosen. average: 0, or the decay a step of the running mean of the weights
    that is validated and kept in place of the weights themselves (its memory is about
    1 / (1 - average) steps). dropout: None leaves the architecture's.
    """

    name: str
    rates: tuple[float, float, float]
    weight_decays: tuple[float, float, float]
    optimiser: str = "sgd"
    momentum: float = 0.9
    schedule: str = "step"
    step: int = 5
    gamma: float = 0.1
    warmup: float = 0.1
    batch: int = 16
    epochs: int = 60
    patience: int = 10
    keep: str = "best"
    average: float = 0.0
    dropout: float | None = None
    augmentation: str = "minimal"
    balance: bool = False

    def factor(self, epoch: float) -> float:
        """Return what the rates are multiplied by at ``epoch``, counted in parts from 0.

        A function of the epoch alone, so that a resumed run needs no scheduler's state.
        """
        if self.schedule == "step":
            return float(self.gamma ** (int(epoch) // self.step))
        done = min(epoch / self.epochs, 1.0)
        if done < self.warmup:
            return max(done / self.warmup, 0.01)
        return 0.5 * (1 + math.cos(math.pi * (done - self.warmup) / (1 - self.warmup)))

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)


def completed(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe that an older version wrote as JSON with what it did not know yet."""
    known = {f.name: f.default for f in fields(Recipe) if f.default is not MISSING}
    return {**known, **stored}


def agree(one: Mapping[str, Any], other: Mapping[str, Any], name: str) -> bool:
    """Whether two runs' settings, as JSON, are the same in one of them.

    What an older run does not say was not there to be asked for: nothing, or 0. Where both say it,
    nothing and 0 are two things (no ``dropout``, or the architecture's; no ``masks``, or all).
    """
    if name in one and name in other:
        return bool(one[name] == other[name])
    return not one.get(name) and not other.get(name)


RECIPES = {
    # Table 1 of the paper.
    "busi": Recipe(
        name="busi",
        rates=(0.0010, 0.005, 0.0011),
        weight_decays=(2.6e-4, 5.0e-4, 4.4e-4),
        dropout=0.25,
    ),
    "myopathy": Recipe(
        name="myopathy",
        rates=(0.0046, 0.0050, 0.0037),
        weight_decays=(1.15e-4, 5.0e-4, 4.17e-4),
        dropout=0.29,
    ),
    # For networks from scratch: rates that fall tenfold every five epochs are spent before
    # such a network has learned anything. The fusion's classifier sees every cell of Y by itself
    # and at the branches' rate fits noise (its training loss stays above chance); a tenth of
    # it does not.
    "compact": Recipe(
        name="compact",
        rates=(1e-3, 1e-3, 1e-4),
        weight_decays=(0.05, 0.05, 0.05),
        optimiser="adamw",
        schedule="cosine",
        epochs=24,
        patience=24,
    ),
    # For a pretrained global branch beside a local branch and a fusion from scratch.
    "light": Recipe(
        name="light",
        rates=(4e-4, 2e-3, 5e-4),
        weight_decays=(0.05, 0.05, 0.05),
        optimiser="adamw",
        schedule="cosine",
        epochs=10,
        patience=10,
        augmentation="strong",
    ),
}
# For a few hundred images and a strong pretrained global branch.
RECIPES["focus"] = replace(
    RECIPES["light"], name="focus", rates=(4e-4, 2e-3, 1e-3), epochs=9, patience=9
)


def recipe(name: str, **changes: Any) -> Recipe:
    """Return a named recipe with the ``changes`` that are not None."""
    if name not in RECIPES:
        raise InvalidInputError(f"There is no recipe {name!r}; there are {', '.join(RECIPES)}.")
    return replace(RECIPES[name], **{k: v for k, v in changes.items() if v is not None})
