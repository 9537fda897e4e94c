"""Which device a network runs on, and in which precision."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from engine.errors import InvalidInputError
from engine.model.network import FusionNetwork, Outputs

PRECISIONS = ("float32", "bfloat16")

# What bfloat16 (8 bits of mantissa) may change before it is refused: the probability of any
# class, and any cell of a map as a share of that map's largest cell.
PROBABILITY_TOLERANCE = 0.01
MAP_TOLERANCE = 0.03
# On a processor float32, which gives the same answers on every machine, must be worth leaving: an
# image through a network of this many multiplications and additions takes a core about a second.
WORTHWHILE_WORK = 4e9


@dataclass(frozen=True)
class Device:
    """A device to choose from. key: what torch calls it. label: what the user reads."""

    key: str
    label: str


@dataclass(frozen=True)
class Precision:
    """The precision chosen, "float32" or "bfloat16", and why, as a sentence."""

    name: str
    reason: str


def available() -> tuple[Device, ...]:
    """Devices that this machine has, the best first."""
    devices = []
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            devices.append(Device(f"cuda:{index}", torch.cuda.get_device_name(index)))
    if torch.backends.mps.is_available():
        devices.append(Device("mps", "Apple GPU"))
    devices.append(Device("cpu", f"CPU, {torch.get_num_threads()} threads"))
    return tuple(devices)


def choose_device(request: str = "auto") -> str:
    """Return the torch name of a device: CUDA, else MPS, else the CPU; or the one asked for.

    Raises ``InvalidInputError`` where the machine lacks it.
    """
    devices = available()
    if request == "auto":
        return devices[0].key
    wanted = "cuda:0" if request == "cuda" else request
    if wanted not in [device.key for device in devices]:
        raise InvalidInputError(
            f"The device {request} is not on this machine; choose auto or one of "
            f"{', '.join(device.key for device in devices)}."
        )
    return wanted


def choose_precision(device: str, network: FusionNetwork, request: str = "auto") -> Precision:
    """Choose the precision for a network that is already on its device.

    "auto" takes bfloat16 only where the hardware has instructions for it, and (on a processor)
    the network is large enough to keep the user waiting, and its outputs on a fixed probe agree
    with float32 within ``PROBABILITY_TOLERANCE`` and ``MAP_TOLERANCE``. No clock decides, so a
    machine always chooses the same. A precision asked for by name is taken as it is. Raises
    ``InvalidInputError`` for any other.
    """
    settled = _settled(request, device)
    if settled is not None:
        return settled
    probe = _probe(network, device)
    with FlopCounterMode(display=False) as counter:
        exact = _run(network, probe, device, half=False)
    work = counter.get_total_flops() / 2  # it counts a multiplication and its addition as two
    if device == "cpu" and work < WORTHWHILE_WORK:
        return Precision(
            "float32", f"float32: this network is quick in it ({work / 1e9:.1f} billion steps)."
        )
    probability, cell = differences(exact, _run(network, probe, device, half=True))
    if not (probability <= PROBABILITY_TOLERANCE and cell <= MAP_TOLERANCE):
        return Precision(
            "float32",
            f"float32: in bfloat16 probabilities would differ by up to {probability:.3f} and maps "
            f"by up to {cell:.1%}.",
        )
    return Precision(
        "bfloat16",
        f"bfloat16: this device computes in it, probabilities within {probability:.3f} and maps "
        f"within {cell:.1%} of float32.",
    )


def choose_training_precision(device: str, request: str = "auto") -> Precision:
    """Choose the precision of training's passes; weights and their steps stay in float32.

    "auto" takes bfloat16 wherever the hardware has instructions for it: no probe can say what a
    network that is still to be trained will answer, and what it answers in the end is computed in
    float32. Raises ``InvalidInputError`` for an unknown request.
    """
    return _settled(request, device) or Precision(
        "bfloat16", "bfloat16: this device computes in it."
    )


def _settled(request: str, device: str) -> Precision | None:
    """Return what was asked for by name, or the only one there is; None where "auto" can choose."""
    if request in PRECISIONS:
        return Precision(request, f"{request}, as asked for.")
    if request != "auto":
        raise InvalidInputError(
            f"The precision {request} is unknown; choose auto, {' or '.join(PRECISIONS)}."
        )
    if not _has_bfloat16(device):
        return Precision("float32", "float32: this device does not compute in bfloat16.")
    return None


def differences(exact: Outputs, rough: Outputs) -> tuple[float, float]:
    """Largest difference of a probability, and of a map's cell as a share of its largest cell."""
    probability = max(
        float((a.float().softmax(1) - b.float().softmax(1)).abs().max())
        for a, b in (
            (exact.global_logits, rough.global_logits),
            (exact.local_logits, rough.local_logits),
            (exact.fusion_logits, rough.fusion_logits),
        )
    )
    cell = 0.0
    for a, b in (
        (exact.global_features, rough.global_features),
        (exact.local_features, rough.local_features),
        (exact.fused, rough.fused),
    ):
        a, b = a.float().sum(1), b.float().sum(1)
        cell = max(cell, float((a - b).abs().max() / a.abs().max().clamp_min(1e-12)))
    return probability, cell


def _has_bfloat16(device: str) -> bool:
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device == "cpu":
        # Without these instructions oneDNN emulates it, slower than float32.
        return any(
            bool(getattr(torch.cpu, name, lambda: False)())
            for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        )
    return False


def _probe(network: FusionNetwork, device: str) -> torch.Tensor:
    """Smooth noise, which is closer to a picture than white noise is; always the same."""
    rows, cols = network.architecture.input_size
    coarse = torch.randn(1, 3, rows // 8, cols // 8, generator=torch.Generator().manual_seed(0))
    probe = torch.nn.functional.interpolate(coarse, size=(rows, cols), mode="bicubic")
    return probe.to(device).contiguous(memory_format=torch.channels_last)


def _run(network: FusionNetwork, probe: torch.Tensor, device: str, *, half: bool) -> Outputs:
    with (
        torch.inference_mode(),
        torch.autocast(device.split(":")[0], dtype=torch.bfloat16, enabled=half),
    ):
        outputs: Outputs = network(probe)
    return outputs
