"""What a fusion network is made of, as data: enough to build it, small enough to store with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, Self, get_args

from engine.errors import InvalidInputError
from engine.model.bagnet import PLANS, PUBLISHED_BLOCKS, PUBLISHED_WIDTHS, Residual

Fusion = Literal["gate", "concat", "product"]
GateNorm = Literal["sigmoid", "softmax"]
Pooling = Literal["flatten", "attended"]
FUSIONS: tuple[Fusion, ...] = get_args(Fusion)
GATE_NORMS: tuple[GateNorm, ...] = get_args(GateNorm)

# What of timm's models an architecture may set. A closed list, because architectures are read from
# files: timm's builders also take paths and addresses of weights.
GLOBAL_OPTIONS = ("channels", "layers", "stem_width", "stem_type")

# Bounds on what a file may ask for, a few times above what is of use, so that a damaged or hostile
# file cannot exhaust memory before its tensors are compared with the architecture.
MAX_CLASSES = 1000
MAX_CHANNELS = 8192
MAX_BLOCKS = 100
MAX_GRID = 64
MAX_LEVELS = 4
MIN_INPUT, MAX_INPUT = 64, 2048

# Fields that checkpoints of the first version lack; what they mean then is their default.
LATER = frozenset({"global_levels", "pooling"})

_BACKBONE_NAME = re.compile(r"[A-Za-z0-9_]{1,100}(\.[A-Za-z0-9_]{1,100})?")


@dataclass(frozen=True)
class Architecture:
    """A fusion network, completely described.

    classes: names, in the order of the logits.
    global_backbone: a timm model with a spatial output. global_options: those of
        ``GLOBAL_OPTIONS`` that differ from the model's own.
    local_branch: a key of ``bagnet.PLANS``; local_stem, local_widths, local_blocks: its size;
        local_residual: see ``bagnet.Bottleneck``.
    fusion: eqs. (1)-(3), concatenation, or eq. (4). gate_norm: eq. (2), per position or over them.
    gate_channels: channels inside the gate; None for half of the local branch's.
    fusion_grid: cells per side at which the branches meet. fuse_channels: F_fuse of eq. (5).
    dropout: before the classifiers' linear layers and after concat and product.
    input_size: (rows, cols) that the network is meant for.
    global_levels: how many of the global branch's levels, from the coarsest up, meet the local
        branch; 1 is the paper's X_g, stretched over the fusion grid. With more, each is sampled
        where the local cells look.
    pooling: what the fused classifier sees, eq. (6): "flatten", the paper's, every cell of Y; or
        "attended", Y averaged over the cells and the global levels' average where the gate looks.
    """

    classes: tuple[str, ...]
    global_backbone: str = "resnet50"
    global_options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    local_branch: str = "bagnet33"
    local_stem: int = 64
    local_widths: tuple[int, ...] = PUBLISHED_WIDTHS
    local_blocks: tuple[int, ...] = PUBLISHED_BLOCKS
    local_residual: Residual = "corner"
    fusion: Fusion = "gate"
    gate_norm: GateNorm = "sigmoid"
    gate_channels: int | None = None
    fusion_grid: int = 14
    fuse_channels: int = 2048
    dropout: float = 0.5
    input_size: tuple[int, int] = (224, 224)
    global_levels: int = 1
    pooling: Pooling = "flatten"

    def __post_init__(self) -> None:
        """Raise ``InvalidInputError`` for what cannot be built."""
        _require(
            2 <= len(self.classes) <= MAX_CLASSES
            and all(isinstance(name, str) and name for name in self.classes)
            and len(set(self.classes)) == len(self.classes),
            "classes",
            f"must be 2 to {MAX_CLASSES} different names",
        )
        _require(
            isinstance(self.global_backbone, str)
            and _BACKBONE_NAME.fullmatch(self.global_backbone) is not None,
            "global_backbone",
            "must be the plain name of a timm model, such as resnet50",
        )
        _require(
            set(self.global_options) <= set(GLOBAL_OPTIONS),
            "global_options",
            f"may only hold {', '.join(GLOBAL_OPTIONS)}",
        )
        for name, option in self.global_options.items():
            if name == "stem_type":
                valid = option in ("", "deep", "deep_tiered")
            elif name == "stem_width":
                valid = _is_count(option, MAX_CHANNELS)
            else:
                bound = MAX_CHANNELS if name == "channels" else MAX_BLOCKS
                valid = isinstance(option, tuple) and all(_is_count(n, bound) for n in option)
            _require(valid, f"global_options[{name}]", "is not of the right kind or size")
        _require(self.local_branch in PLANS, "local_branch", f"must be one of {', '.join(PLANS)}")
        _require(_is_count(self.local_stem, MAX_CHANNELS), "local_stem", "must be a channel count")
        for name, bound in (("local_widths", MAX_CHANNELS), ("local_blocks", MAX_BLOCKS)):
            counts = getattr(self, name)
            _require(
                isinstance(counts, tuple)
                and len(counts) == 4
                and all(_is_count(n, bound) for n in counts),
                name,
                f"must be four numbers from 1 to {bound}",
            )
        _require(
            self.local_residual in get_args(Residual), "local_residual", "must be corner or centre"
        )
        _require(self.fusion in FUSIONS, "fusion", f"must be one of {', '.join(FUSIONS)}")
        _require(
            self.gate_norm in GATE_NORMS, "gate_norm", f"must be one of {', '.join(GATE_NORMS)}"
        )
        _require(
            self.gate_channels is None or _is_count(self.gate_channels, MAX_CHANNELS),
            "gate_channels",
            "must be a channel count",
        )
        _require(_is_count(self.fusion_grid, MAX_GRID), "fusion_grid", f"must be 1 to {MAX_GRID}")
        _require(
            _is_count(self.fuse_channels, MAX_CHANNELS), "fuse_channels", "must be a channel count"
        )
        _require(
            isinstance(self.dropout, (int, float)) and 0 <= self.dropout < 1,
            "dropout",
            "must be at least 0 and below 1",
        )
        _require(
            isinstance(self.input_size, tuple)
            and len(self.input_size) == 2
            and all(_is_count(n, MAX_INPUT) and n >= MIN_INPUT for n in self.input_size),
            "input_size",
            f"must be two numbers of pixels from {MIN_INPUT} to {MAX_INPUT}",
        )

        _require(
            _is_count(self.global_levels, MAX_LEVELS), "global_levels", f"must be 1 to {MAX_LEVELS}"
        )
        _require(self.pooling in get_args(Pooling), "pooling", "must be flatten or attended")

    def with_classes(self, classes: tuple[str, ...]) -> Self:
        """Return the same network for other classes."""
        return replace(self, classes=classes)

    def to_json(self) -> dict[str, Any]:
        """Return plain values that ``from_json`` takes back."""
        return asdict(replace(self, global_options=dict(self.global_options)))

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Build from plain values; raise ``InvalidInputError`` for unknown or missing ones."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(values) - known)
        _require(not unknown, ", ".join(unknown), "is not something this version knows")
        missing = sorted(known - set(values) - LATER)
        _require(not missing, ", ".join(missing), "is missing")
        options = values["global_options"]
        _require(isinstance(options, Mapping), "global_options", "must be a table of options")
        _require(isinstance(values["classes"], (list, tuple)), "classes", "must be a list of names")
        converted = {name: _tuple(value) for name, value in values.items()}
        converted["global_options"] = {str(name): _tuple(value) for name, value in options.items()}
        return cls(**converted)


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _is_count(value: Any, bound: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= bound


def _require(valid: bool, name: str, rule: str) -> None:
    if not valid:
        raise InvalidInputError(f"This network cannot be built: {name} {rule}.")
