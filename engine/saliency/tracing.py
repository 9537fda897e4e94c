"""Where the cells of a network's grid look, followed through its own operations.

``trace`` runs the network on shapes alone and does the arithmetic for every cell: a window of
``kernel`` cells at ``stride``, ``padding`` and ``dilation`` is centred at the mean of its cells'
centres and reaches as far as they do. Cells beyond the edge are taken to go on at the same
distance, so zero padding moves no centre: a border cell is drawn where its whole receptive field is
centred, though part of it saw only zeros.

Where paths meet that look at different places (the corner-cropped residuals of the published
BagNet, the pooled shortcuts of ResNet-D), the widest path's centre is taken and how far the others
lie off is kept as ``disagreement``. Arithmetic cannot say then which path counts how much:
``measured_offset`` does, from the network's gradients, for fields that are small enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from engine.errors import InvalidInputError
from engine.saliency.grid import Axis, Grid

# Centres of joining paths further apart than this are measured, not assumed; half of the pixel
# that a cell may be misplaced by.
AGREEMENT_PX = 0.5


def trace(network: nn.Module, size: tuple[int, int]) -> Grid:
    """Return the grid that ``network`` makes of a (1, 3, rows, cols) input of this size.

    Nothing is computed but shapes. Raises ``InvalidInputError`` where an operation mixes places
    in a way that gives cells no receptive field (attention between positions, for one).
    """
    tensors = {
        name: value.to("meta")
        for name, value in (*network.named_parameters(), *network.named_buffers())
    }
    with evaluating(network), torch.no_grad():
        x = torch.empty(1, 3, *size, device="meta")
        tracer = _Tracer(x)
        with tracer:
            y = torch.func.functional_call(network, tensors, x)
    place = tracer.place(y)
    if place is None or place.dims != (2, 3):
        raise InvalidInputError(
            "This network's output does not lie on a grid of cells, so there is no map to draw; "
            "choose a convolutional backbone, such as resnet50."
        )
    return Grid(place.rows, place.cols, tracer.disagreement, tracer.context)


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Set all modules to evaluate, and each back to what it was."""
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


@dataclass(frozen=True, eq=False)
class _Place:
    """A tensor's axes, and which of its dimensions they are."""

    rows: Axis
    cols: Axis
    dims: tuple[int, int]

    def fits(self, tensor: Tensor) -> bool:
        """Whether the tensor has as many cells along both sides."""
        return tensor.ndim > max(self.dims) and all(
            tensor.shape[dim] == len(axis)
            for dim, axis in zip(self.dims, (self.rows, self.cols), strict=True)
        )

    def with_axes(self, change: Callable[[int, Axis], Axis]) -> _Place:
        return replace(self, rows=change(0, self.rows), cols=change(1, self.cols))


class _Tracer(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Carries places along the operations that torch runs on meta tensors."""

    def __init__(self, x: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._places: dict[int, _Place] = {
            id(x): _Place(Axis.pixels(x.shape[2]), Axis.pixels(x.shape[3]), (2, 3))
        }
        # Kept alive so that no id is used twice.
        self._alive: list[Tensor] = [x]
        self.disagreement = 0.0
        self.context = False

    def place(self, tensor: Tensor) -> _Place | None:
        """Where the tensor's cells look; None where it has none (weights, whole-image values)."""
        return self._places.get(id(tensor))

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        inputs = [tensor for tensor in _tensors(args) if id(tensor) in self._places]
        outputs = list(_tensors([result]))
        self._alive += outputs
        if inputs:
            place = self._follow(func, args, kwargs or {}, inputs, outputs[0])
            for output in outputs:
                if place is not None and place.fits(output):
                    self._places[id(output)] = place
                else:
                    self._places.pop(id(output), None)
        return result

    def _follow(
        self,
        func: Any,
        args: Sequence[Any],
        kwargs: dict[str, Any],
        inputs: list[Tensor],
        output: Tensor,
    ) -> _Place | None:
        packet = func.overloadpacket
        first = self._places[id(inputs[0])]
        if torch.Tag.pointwise in func.tags or packet in _SAME_PLACE:
            return self._join(inputs, output)
        handler = _HANDLERS.get(packet)
        if handler is not None:
            given = _arguments(func, args, kwargs)
            if handler is _reduce:
                kept = _reduce(first, given, output)
                self.context |= kept is None
                return kept
            return handler(first, given, output)
        if packet is torch.ops.aten.cat:
            dim = args[1] if len(args) > 1 else 0
            if dim % output.ndim not in first.dims:
                return self._join(inputs, output)
        raise _no_field(packet)

    def _join(self, inputs: list[Tensor], output: Tensor) -> _Place:
        """Where tensors of one place, or smaller ones broadcast over it, meet."""
        places = []
        for tensor in inputs:
            place = self._places[id(tensor)]
            lead = output.ndim - tensor.ndim
            place = replace(place, dims=(place.dims[0] + lead, place.dims[1] + lead))
            if place.fits(output):
                places.append(place)
        if not places or any(place.dims != places[0].dims for place in places):
            raise _no_field("broadcasting")
        rows, off_rows = places[0].rows.joined(place.rows for place in places[1:])
        cols, off_cols = places[0].cols.joined(place.cols for place in places[1:])
        self.disagreement = max(self.disagreement, off_rows, off_cols)
        return _Place(rows, cols, places[0].dims)


def _tensors(values: Any) -> Iterable[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors(value)


def _arguments(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Name an operation's arguments, defaults included."""
    named = {}
    for index, argument in enumerate(func._schema.arguments):
        if index < len(args):
            named[argument.name] = args[index]
        else:
            named[argument.name] = kwargs.get(argument.name, argument.default_value)
    return named


def _no_field(what: Any) -> InvalidInputError:
    name = str(what).removeprefix("aten.")
    return InvalidInputError(
        f"This backbone mixes places by {name}, so its cells have no receptive field and no map "
        "of them can be placed; choose a convolutional backbone, such as resnet50."
    )


def _pair(values: Any, default: int) -> tuple[int, int]:
    if not values:
        return default, default
    return (int(values[0]), int(values[-1]))


def _window(place: _Place, given: dict[str, Any], output: Tensor) -> _Place:
    """Convolution and pooling."""
    if given.get("transposed"):
        raise _no_field("transposed convolution")
    kernel = given.get("kernel_size") or given["weight"].shape[2:]
    kernels = _pair(kernel, 1)
    strides = _pair(given.get("stride") or kernel, 1)
    paddings = _pair(given.get("padding"), 0)
    dilations = _pair(given.get("dilation"), 1)

    def change(side: int, axis: Axis) -> Axis:
        count = output.shape[place.dims[side]]
        starts = np.arange(count) * strides[side] - paddings[side]
        return axis.windows(
            starts, np.arange(kernels[side]) * dilations[side], float(strides[side])
        )

    return place.with_axes(change)


def _adaptive(place: _Place, given: dict[str, Any], output: Tensor) -> _Place:
    return place.with_axes(lambda side, axis: axis.pooled(output.shape[place.dims[side]]))


def _bilinear(place: _Place, given: dict[str, Any], output: Tensor) -> _Place:
    align = bool(given.get("align_corners"))
    return place.with_axes(lambda side, axis: axis.resized(output.shape[place.dims[side]], align))


def _pad(place: _Place, given: dict[str, Any], output: Tensor) -> _Place:
    # Pairs (before, after) from the last dimension backwards; negative ones crop.
    pads = {output.ndim - 1 - i // 2: given["pad"][i] for i in range(0, len(given["pad"]), 2)}
    return place.with_axes(
        lambda side, axis: axis.pick(
            np.arange(output.shape[place.dims[side]]) - pads.get(place.dims[side], 0)
        )
    )


def _slice(place: _Place, given: dict[str, Any], output: Tensor) -> _Place:
    dim = given["dim"] % output.ndim
    step = given.get("step") or 1

    def change(side: int, axis: Axis) -> Axis:
        if place.dims[side] != dim:
            return axis
        start = given.get("start") or 0
        start = max(start + len(axis), 0) if start < 0 else start
        return axis.pick(start + step * np.arange(output.shape[dim]), float(step))

    return place.with_axes(change)


def _permute(place: _Place, given: dict[str, Any], output: Tensor) -> _Place:
    order = [dim % output.ndim for dim in given["dims"]]
    return replace(place, dims=(order.index(place.dims[0]), order.index(place.dims[1])))


def _transpose(place: _Place, given: dict[str, Any], output: Tensor) -> _Place:
    order = list(range(output.ndim))
    a, b = given["dim0"] % output.ndim, given["dim1"] % output.ndim
    order[a], order[b] = order[b], order[a]
    return replace(place, dims=(order.index(place.dims[0]), order.index(place.dims[1])))


def _layer_norm(place: _Place, given: dict[str, Any], output: Tensor) -> _Place:
    if max(place.dims) >= output.ndim - len(given["normalized_shape"]):
        raise _no_field("normalisation over places")
    return place


def _reduce(place: _Place, given: dict[str, Any], output: Tensor) -> _Place | None:
    """Means and sums: over both sides a whole-image value, over channels still a grid."""
    dims = given.get("dim")
    if dims is None or not isinstance(dims, (list, tuple, int)) or dims == []:
        return None
    ndim = output.ndim if given.get("keepdim") else output.ndim + len(np.atleast_1d(dims))
    gone = {int(dim) % ndim for dim in np.atleast_1d(dims)}
    if gone >= set(place.dims):
        return None
    if gone & set(place.dims):
        raise _no_field("a mean along one side")
    if given.get("keepdim"):
        return place
    a, b = (dim - sum(g < dim for g in gone) for dim in place.dims)
    return replace(place, dims=(a, b))


def _split(place: _Place, given: dict[str, Any], output: Tensor) -> _Place:
    if given["dim"] % output.ndim in place.dims:
        raise _no_field("splitting the grid")
    return place


_ATEN = torch.ops.aten
_SAME_PLACE = {
    *(_ATEN.native_batch_norm, _ATEN._native_batch_norm_legit_no_training),
    *(_ATEN._native_batch_norm_legit, _ATEN.batch_norm, _ATEN.native_group_norm),
    *(_ATEN.clone, _ATEN.detach, _ATEN.alias, _ATEN.contiguous, _ATEN._to_copy, _ATEN.dropout),
    *(_ATEN.hardswish_, _ATEN.hardsigmoid_, _ATEN.silu_, _ATEN.dropout_),
}
_HANDLERS: dict[Any, Callable[[_Place, dict[str, Any], Tensor], _Place | None]] = {
    _ATEN.convolution: _window,
    _ATEN.max_pool2d_with_indices: _window,
    _ATEN.max_pool2d: _window,
    _ATEN.avg_pool2d: _window,
    _ATEN._adaptive_avg_pool2d: _adaptive,
    _ATEN.adaptive_avg_pool2d: _adaptive,
    _ATEN.upsample_bilinear2d: _bilinear,
    _ATEN.constant_pad_nd: _pad,
    _ATEN.reflection_pad2d: lambda place, given, output: _pad(
        place, {**given, "pad": given["padding"]}, output
    ),
    _ATEN.slice: _slice,
    _ATEN.permute: _permute,
    _ATEN.transpose: _transpose,
    _ATEN.native_layer_norm: _layer_norm,
    _ATEN.split: _split,
    _ATEN.split_with_sizes: _split,
    _ATEN.mean: _reduce,
    _ATEN.sum: _reduce,
}


def measured_offset(
    features: Callable[[Tensor], Tensor],
    grid: Grid,
    size: tuple[int, int],
    *,
    samples: int = 8,
    seed: int = 0,
    device: str = "cpu",
) -> tuple[float, float]:
    """Measure how far off its arithmetic centre an interior cell looks, (rows, cols) in pixels.

    The centroid of |d cell / d input|, the cell being the sum over channels, over ``samples``
    inputs of white noise, which ``seed`` settles. ``grid`` must be the features' own for inputs of
    this size. (0, 0) where the cell answers to nothing.
    """
    row, col = grid.shape[0] // 2, grid.shape[1] // 2
    noise = torch.randn(samples, 3, *size, generator=torch.Generator().manual_seed(seed))
    with torch.enable_grad():
        x = noise.to(device).requires_grad_(True)
        (gradient,) = torch.autograd.grad(features(x)[:, :, row, col].sum(), x)
    weight = gradient.abs().sum(dim=(0, 1)).double().cpu().numpy()
    total = weight.sum()
    if total == 0:
        return 0.0, 0.0
    centroid_row = float(weight.sum(axis=1) @ np.arange(size[0]) / total)
    centroid_col = float(weight.sum(axis=0) @ np.arange(size[1]) / total)
    return (
        centroid_row - float(grid.rows.centre[row]),
        centroid_col - float(grid.cols.centre[col]),
    )
