"""Depthwise convolutions that a processor trains fast, where torch's own kernels do not.

oneDNN has kernels of their own for depthwise convolutions, but not for every gradient: in bfloat16
those of the weights of kernels larger than 3 x 3, and those of the input at a stride, go to kernels
made for grouped convolutions, which take a channel for sixteen and are ten to fifty times slower
than the pass forward. Both can be had from the fast kernels: the gradient of the weights from
3 x 3 pieces of the kernel, and that of the input from a convolution, at stride 1, of the output's
gradient with zeros between its cells. (In float32 the former goes astray as well, but by little:
pieces are faster there on some processors and slower on others.)

TensorFlow's "same" padding, which is uneven at a stride, costs timm a padded copy of the input
forward and another backward. Here the same numbers come of padding both ends alike, by a stride
more, and dropping the first row and column of the output, which is the smaller.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple, TypeGuard

import torch
from timm.layers.conv2d_same import Conv2dSame
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

# The largest kernel for whose weights' gradient oneDNN has a depthwise kernel.
_PIECE = 3


def use(network: nn.Module) -> None:
    """Replace the network's depthwise convolutions by such as train fast on a processor.

    They hold the same parameters under the same names and compute the same, of batches, to be
    differentiated once. Hooks on the convolutions themselves are lost.
    """
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if _replaceable(child):
                setattr(parent, name, DepthwiseConv2d(child))


def _replaceable(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Return whether this is a depthwise convolution of the kind that ``DepthwiseConv2d`` does."""
    return (
        type(module) in (nn.Conv2d, Conv2dSame)
        and isinstance(module, nn.Conv2d)
        and 1 < module.groups == module.in_channels == module.out_channels
        and module.bias is None
        and module.dilation == (1, 1)
        and module.padding_mode == "zeros"
        and not isinstance(module.padding, str)
        and min(module.kernel_size) >= _PIECE
        and all(p < k for p, k in zip(module.padding, module.kernel_size, strict=True))
    )


class DepthwiseConv2d(nn.Conv2d):
    """The depthwise convolution that ``module`` is, with its very parameters."""

    def __init__(self, module: nn.Conv2d) -> None:
        super().__init__(
            module.in_channels,
            module.out_channels,
            module.kernel_size,  # type: ignore[arg-type]
            module.stride,  # type: ignore[arg-type]
            module.padding,  # type: ignore[arg-type]
            groups=module.groups,
            bias=False,
            device="meta",
        )
        self.weight = module.weight
        self.same = isinstance(module, Conv2dSame)
        self.train(module.training)

    def forward(self, x: Tensor) -> Tensor:
        """Take (N, C, h, w) to (N, C, h', w')."""
        weight, device = self.weight, x.device.type
        # Grids are traced on torch's meta device, which has no autocast to be asked of.
        cast = torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)
        if cast and x.dtype != torch.float64:
            dtype = torch.get_autocast_dtype(device)
            x, weight = x.to(dtype), weight.to(dtype)
        y: Tensor = _Convolution.apply(x, weight, self._side(x, 0), self._side(x, 1))
        return y

    def _side(self, x: Tensor, which: int) -> _Side:
        size, kernel, stride = x.shape[2 + which], self.kernel_size[which], self.stride[which]
        if not self.same:
            padding = self.padding[which]
            assert isinstance(padding, int)
            return _Side(size, kernel, stride, padding, padding)
        whole = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        return _Side(size, kernel, stride, whole // 2, whole - whole // 2)


class _Side(NamedTuple):
    """The rows, or the columns, of a convolution; zeros before and after them are its padding."""

    size: int
    kernel: int
    stride: int
    before: int
    after: int

    @property
    def cells(self) -> int:
        """The output's cells."""
        return (self.size + self.before + self.after - self.kernel) // self.stride + 1

    @property
    def drop(self) -> int:
        """The cells that come before the output's first where both ends are padded alike."""
        return -(-max(self.after - self.before, 0) // self.stride)

    @property
    def padding(self) -> int:
        """That padding, of each end."""
        return self.before + self.drop * self.stride


class _Convolution(torch.autograd.Function):
    """A depthwise convolution."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, rows: _Side, cols: _Side) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.rows, ctx.cols = rows, cols
        y = functional.conv2d(
            x,
            weight,
            stride=(rows.stride, cols.stride),
            padding=(rows.padding, cols.padding),
            groups=len(weight),
        )
        if max(rows.drop, cols.drop) > 0:
            # A copy always, lest an activation in place find a view.
            y = y[:, :, rows.drop :, cols.drop :].clone(memory_format=torch.channels_last)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        (x, weight), rows, cols = ctx.saved_tensors, ctx.rows, ctx.cols
        of_x, of_weight, *_ = ctx.needs_input_grad
        # Elsewhere oneDNN computes in float32, and is no slower for it.
        half = x.dtype == torch.bfloat16 and _in_bfloat16()
        piece = [min(side.kernel, _PIECE) if half else side.kernel for side in (rows, cols)]
        own_x = of_x and half and max(rows.stride, cols.stride) > 1
        # oneDNN's fast kernel for the weights wants no more padding than half a kernel.
        own_weight = of_weight and (
            piece != [rows.kernel, cols.kernel] or max(rows.drop, cols.drop) > 0
        )
        by_x = _of_input(x, weight, gradient, rows, cols) if own_x else None
        by_weight = _of_weight(x, weight, gradient, rows, cols, piece) if own_weight else None
        torchs = (of_x and not own_x, of_weight and not own_weight)
        if any(torchs):
            # What forward dropped has no gradient.
            if max(rows.drop, cols.drop) > 0:
                gradient = functional.pad(gradient, (cols.drop, 0, rows.drop, 0))
            padding = (rows.padding, cols.padding)
            found = _by_torch(x, weight, gradient, rows, cols, padding, torchs)
            by_x = found[0] if torchs[0] else by_x
            by_weight = found[1] if torchs[1] else by_weight
        return by_x, by_weight, None, None


def _by_torch(
    x: Tensor,
    weight: Tensor,
    gradient: Tensor,
    rows: _Side,
    cols: _Side,
    padding: tuple[int, int],
    wanted: tuple[bool, bool],
) -> tuple[Tensor | None, Tensor | None]:
    """Return the gradients of input and weights that torch computes, those that are wanted."""
    by_x, by_weight, _ = torch.ops.aten.convolution_backward(
        gradient,
        x,
        weight,
        None,
        [rows.stride, cols.stride],
        padding,
        [1, 1],
        False,
        [0, 0],
        len(weight),
        [*wanted, False],
    )
    return by_x, by_weight


@cache
def _in_bfloat16() -> bool:
    """Return whether oneDNN has kernels for bfloat16 on this processor."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _of_input(x: Tensor, weight: Tensor, gradient: Tensor, rows: _Side, cols: _Side) -> Tensor:
    """Return the gradient of the input: the turned kernel over the gradient, spread out."""
    size = (rows.size + rows.kernel - 1, cols.size + cols.kernel - 1)
    spread = torch.empty(
        (*x.shape[:2], *size),
        dtype=x.dtype,
        device=x.device,
        memory_format=torch.channels_last,
    ).zero_()
    spread[:, :, _spread(rows), _spread(cols)] = gradient
    return functional.conv2d(spread, weight.flip(2, 3), groups=len(weight))


def _spread(side: _Side) -> slice:
    """Return where the gradient's cells lie among the zeros."""
    first = side.kernel - 1 - side.before
    return slice(first, first + (side.cells - 1) * side.stride + 1, side.stride)


def _of_weight(
    x: Tensor, weight: Tensor, gradient: Tensor, rows: _Side, cols: _Side, piece: list[int]
) -> Tensor:
    """Return the gradient of the weights, a piece of the kernel at a time."""
    padded = functional.pad(x, (cols.before, cols.after, rows.before, rows.after))
    gradient = gradient.contiguous(memory_format=torch.channels_last)
    found = torch.empty_like(weight)
    part = weight.new_empty((len(weight), 1, *piece))
    height, width = (
        (side.cells - 1) * side.stride + n for side, n in zip((rows, cols), piece, strict=True)
    )
    for row in _starts(rows.kernel, piece[0]):
        for col in _starts(cols.kernel, piece[1]):
            seen = padded[:, :, row : row + height, col : col + width]
            seen = seen.contiguous(memory_format=torch.channels_last)
            _, gained = _by_torch(seen, part, gradient, rows, cols, (0, 0), (False, True))
            assert gained is not None
            found[:, :, row : row + piece[0], col : col + piece[1]] = gained
    return found


def _starts(size: int, piece: int) -> list[int]:
    """Return where pieces begin that together cover a kernel's side."""
    return [*range(0, size - piece, piece), size - piece]
