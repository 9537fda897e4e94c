"""The processes that train one network together, by Lightning Fabric; one is the usual number.

However many they are, they take the same steps as one would: all see the same batches in the same
order, each computes its share of a batch, normalisation takes its statistics over the whole batch,
and the loss is that of the whole batch. What differs is the order in which sums are rounded, and
dropout, whose draws each process makes for its share.

With ``--devices N`` the first process starts the others. On several nodes, start the same command
on each, with MASTER_ADDR, MASTER_PORT and NODE_RANK set; torchrun's and Slurm's settings are
found. All nodes must see the folder of the run.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import MethodType
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as distributed
from torch import Tensor, nn

from engine.errors import InvalidInputError
from engine.model.device import choose_device

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Team:
    """Several processes, each with a device, on one or more nodes; one needs no Fabric.

    device: as ``engine.model.device.choose_device`` takes it. devices: processes on each node.
    Call ``launch`` before anything else.
    """

    def __init__(self, device: str = "auto", devices: int = 1, nodes: int = 1) -> None:
        chosen = choose_device(device)
        kind = chosen.partition(":")[0]
        self.many = devices * nodes > 1
        if self.many and kind == "mps":
            raise InvalidInputError("An Apple GPU trains alone; leave --devices out.")
        if self.many and kind == "cuda" and device.partition(":")[2]:
            raise InvalidInputError(
                f"--device {device} is one GPU; give --device cuda with --devices {devices}."
            )
        if kind == "cuda" and devices > torch.cuda.device_count():
            raise InvalidInputError(
                f"This machine has {torch.cuda.device_count()} GPUs; give --devices no higher."
            )
        self._chosen = chosen
        self._fabric: Fabric | None = None
        if self.many:
            # Takes a second to import, which only those who ask for it should wait.
            from lightning_fabric import Fabric
            from lightning_fabric.strategies.ddp import DDPStrategy

            logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
            # Normalisation is synchronised, so the buffers are the same everywhere already.
            strategy = DDPStrategy(broadcast_buffers=False)
            self._fabric = Fabric(
                accelerator=kind, devices=devices, num_nodes=nodes, strategy=strategy
            )

    def launch(self) -> None:
        """Start the other processes, or join those that were started together."""
        if self._fabric is not None:
            self._fabric.launch()

    @property
    def size(self) -> int:
        """The number of processes."""
        return self._fabric.world_size if self._fabric is not None else 1

    @property
    def rank(self) -> int:
        """This process's number, from 0."""
        return self._fabric.global_rank if self._fabric is not None else 0

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    @property
    def device(self) -> str:
        """This process's device."""
        return self._chosen if self._fabric is None else str(self._fabric.device)

    def wait(self) -> None:
        """Go on when all processes have come here."""
        if self._fabric is not None:
            self._fabric.barrier()

    @contextmanager
    def first_ahead(self) -> Iterator[None]:
        """Let the first process through before the others: what it leaves, they find.

        Where it stops at an error, they come to the same one, rather than wait for ever.
        """
        if not self.first:
            self.wait()
        try:
            yield
        except Exception:
            if self.first:
                self.wait()
            raise
        if self.first:
            self.wait()

    def prepare(self, network: nn.Module) -> nn.Module:
        """Return the module to call in training steps; its parameters are the network's own.

        After ``backward`` of the whole batch's loss, every process has the same gradients.
        """
        if self._fabric is None:
            return network
        synchronise(network)
        with warnings.catch_warnings():
            # The option's newer name is not in every torch that this runs with.
            warnings.filterwarnings("ignore", ".*broadcast_buffers.*", FutureWarning)
            warnings.filterwarnings("ignore", ".*broadcast_buffers.*", DeprecationWarning)
            warnings.filterwarnings("ignore", ".*broadcast_buffers.*", UserWarning)
            module: nn.Module = self._fabric.setup_module(network, move_to_device=False)
        return module

    def share(self, count: int) -> slice:
        """Return this process's part of ``count`` images, in nearly equal parts."""
        return slice(count * self.rank // self.size, count * (self.rank + 1) // self.size)

    def whole(self, part: Tensor, count: int) -> Tensor:
        """Put all processes' shares of ``count`` rows together; gradients find their way back."""
        if self._fabric is None:
            return part
        full = part.new_zeros((count, *part.shape[1:]))
        full[self.share(count)] = part
        return total(full)


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        result = values.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(result)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        result = gradient.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(result)
        return result


def total(values: Tensor) -> Tensor:
    """Return the sum over all processes.

    Each process takes the gradient of the same loss, so the gradients that come back are
    ``size`` times as large; averaging them, as distributed training does, sets that right.
    """
    result: Tensor = _Total.apply(values)
    return result


def synchronise(network: nn.Module) -> None:
    """Let every batch normalisation take its statistics over all processes' images.

    torch's SyncBatchNorm needs a GPU, and would drop the activation that timm's normalisations
    hold. Parameters, buffers and their names stay.
    """
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.forward = MethodType(_synchronised, module)  # type: ignore[method-assign]


def _synchronised(self: nn.BatchNorm2d, x: Tensor) -> Tensor:
    if not self.training:
        return type(self).forward(self, x)
    values = x.float()
    count = x.numel() // x.shape[1]
    sums = torch.cat([values.sum((0, 2, 3)), values.new_full((1,), count)])
    sums = total(sums)
    n = sums[-1].detach()
    mean = sums[:-1] / n
    offset = values - mean[:, None, None]
    # In two passes: the difference of two large sums would lose what is left.
    variance = total(offset.square().sum((0, 2, 3))) / n
    if self.track_running_stats and self.running_mean is not None and self.running_var is not None:
        with torch.no_grad():
            assert self.num_batches_tracked is not None
            self.num_batches_tracked.add_(1)
            momentum = self.momentum
            if momentum is None:
                momentum = 1 / float(self.num_batches_tracked)
            self.running_mean.lerp_(mean.detach(), momentum)
            self.running_var.lerp_(variance.detach() * n / (n - 1).clamp_min(1), momentum)
    result = offset * torch.rsqrt(variance + self.eps)[:, None, None]
    if self.affine:
        result = result * self.weight[:, None, None] + self.bias[:, None, None]
    result = result.to(x.dtype)
    # timm's normalisations hold the activation that follows them.
    for name in ("drop", "act"):
        if hasattr(self, name):
            result = getattr(self, name)(result)
    return result
