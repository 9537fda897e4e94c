"""The native maps: what each branch holds on its grid, summed over channels, and where it lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.errors import InvalidInputError
from engine.model.architecture import Architecture
from engine.model.bagnet import BagNet
from engine.model.network import FusionNetwork, Outputs
from engine.saliency.grid import Grid
from engine.saliency.map import Sign
from engine.saliency.tracing import AGREEMENT_PX, evaluating, measured_offset, trace

# Receptive fields up to this many pixels are measured where their paths disagree. The gradients of
# wider ones scatter over so many pixels that their centroid would need thousands of inputs.
_MEASURED_PX = 64


class RawMap(NamedTuple):
    """A branch's own grid: float32 (rows, cols) of cells, and whether it can be negative."""

    values: NDArray[np.float32]
    sign: Sign


def native_names(architecture: Architecture) -> tuple[str, ...]:
    """Names of the maps that one forward pass gives, in the order that they are shown."""
    attention = ("attention",) if architecture.fusion == "gate" else ()
    return ("global", "local", architecture.fusion, *attention)


def raw_maps(outputs: Outputs, architecture: Architecture) -> dict[str, RawMap]:
    """Return all native maps of the first input of a batch.

    ``global``: sum over channels of X_g; ``local``: of X_l; ``gate``, ``concat``, ``product``: of
    the fused z; ``attention``: alpha itself.
    """
    sources: dict[str, Tensor | None] = {
        "global": outputs.global_features,
        "local": outputs.local_features,
        architecture.fusion: outputs.fused,
        "attention": outputs.attention,
    }
    maps = {}
    for name in native_names(architecture):
        source = sources[name]
        assert source is not None
        cells = source[0].detach().float()
        # What ends in a ReLU or sigmoid is never negative; the channels tell, not their sum.
        sign: Sign = "nonnegative" if bool((cells >= 0).all()) else "signed"
        maps[name] = RawMap(cells.sum(dim=0).cpu().numpy(), sign)
    return maps


def grids(network: FusionNetwork, size: tuple[int, int], device: str = "cpu") -> dict[str, Grid]:
    """Return where the cells of every native map look, for inputs of this size.

    The gate passes the local branch's features, weighed, so its cells lie where the pooled local
    cells do; so does the attention, which says how much of each of these cells is let through.
    Concat and product take from both branches alike, whose aligned cells do not look at quite the
    same place (at 224 px the pooled BagNet-33 cells lie 0 to 24 px further on than the resized
    ResNet-50 cells): theirs lie half way. ``disagreement`` is the largest distance to a branch
    that had a say.

    Raises ``InvalidInputError`` where a branch's cells have no receptive field.
    """
    wide = _grid(network.global_branch, size, device)
    local = _grid(_Local(network.local_branch), size, device)
    shape = (network.architecture.fusion_grid,) * 2
    pooled, resized = local.pooled(shape), wide.resized(shape)
    if network.architecture.global_levels > 1:
        # The global levels are sampled where the local cells look (``engine.model.pyramid``).
        resized = pooled
    middle = pooled.between(resized)
    return {
        "global": wide,
        "local": local,
        "gate": pooled,
        "concat": middle,
        "product": middle,
        "attention": replace(pooled, disagreement=2 * middle.disagreement),
    }


class _Local(nn.Module):
    """The local branch up to its grid."""

    def __init__(self, branch: BagNet) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Tensor) -> Tensor:
        return self.branch.features(x)


def _grid(branch: nn.Module, size: tuple[int, int], device: str) -> Grid:
    grid = trace(branch, size)
    field = max(float(np.max(axis.high - axis.low)) for axis in (grid.rows, grid.cols)) + 1
    if grid.disagreement <= AGREEMENT_PX or field > _MEASURED_PX:
        return grid
    measured = (int(2 * field) + 1,) * 2
    with evaluating(branch):
        offset = measured_offset(branch, trace(branch, measured), measured, device=device)
    # What was measured is no longer in dispute.
    return replace(grid.shifted(offset), disagreement=0.0)


def check_name(name: str, names: Mapping[str, object] | tuple[str, ...]) -> None:
    """Raise ``InvalidInputError`` for a map that this model does not have."""
    if name not in names:
        raise InvalidInputError(f"There is no map {name} of this model; it has {', '.join(names)}.")
