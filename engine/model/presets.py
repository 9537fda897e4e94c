"""Named architectures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine.errors import InvalidInputError
from engine.model.architecture import Architecture

_PLACEHOLDER = ("0", "1")

# A BagNet of the published cells and receptive field (33 px) that strides earlier.
_SMALL_LOCAL: dict[str, Any] = {
    "local_branch": "bagnet33-strided",
    "local_stem": 16,
    "local_widths": (16, 32, 64, 64),
    "local_blocks": (1, 2, 2, 1),
    "local_residual": "centre",
}

PRESETS: dict[str, Architecture] = {
    # The paper's: ResNet-50, BagNet-33 as published, 2048 fused channels.
    "paper": Architecture(_PLACEHOLDER),
    # For two processor cores: a ResNet-10 of half the width with a thin stem, and the small local
    # branch. Both end in 256 channels, in ReLU, and in paths that agree on where each cell looks.
    # Checkpoint below 10 MB.
    "compact": Architecture(
        _PLACEHOLDER,
        global_backbone="resnet18",
        global_options={
            "channels": (32, 64, 128, 256),
            "layers": (1, 1, 1, 1),
            "stem_width": 8,
            "stem_type": "deep",
        },
        **_SMALL_LOCAL,
        fuse_channels=16,
        dropout=0.3,
    ),
    # For few images and two processor cores: the smallest pretrained backbone that is pinned to
    # one way of looking (no squeeze-and-excitation, which would let every cell see the whole
    # image), with the local branch of `compact`. They meet on the local branch's own 24 x 24
    # cells, so that a lesion of a few millimetres is more than one cell. Below 10 MB at half
    # precision.
    "light": Architecture(
        _PLACEHOLDER,
        global_backbone="tf_efficientnet_lite0",
        **_SMALL_LOCAL,
        fusion_grid=24,
        fuse_channels=8,
        dropout=0.3,
    ),
    # What the results on real images support: a strong pretrained backbone whose finer levels
    # meet the local branch cell by cell, and a classifier that sees what the gate lets through.
    "focus": Architecture(
        _PLACEHOLDER,
        global_backbone="densenet121",
        **_SMALL_LOCAL,
        fusion_grid=24,
        fuse_channels=128,
        dropout=0.3,
        global_levels=3,
        pooling="attended",
    ),
}


def preset(name: str, classes: Sequence[str], **changes: Any) -> Architecture:
    """Return the preset ``name`` for ``classes``, with fields of ``Architecture`` changed.

    Raises ``InvalidInputError`` for an unknown preset or a change that cannot be built.
    """
    if name not in PRESETS:
        raise InvalidInputError(
            f"There is no preset {name}; choose one of {', '.join(sorted(PRESETS))}."
        )
    try:
        return replace(PRESETS[name], classes=tuple(classes), **changes)
    except TypeError as error:
        raise InvalidInputError(f"The preset {name} cannot be changed so: {error}.") from error
