"""Which device a network runs on, and in which precision."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from engine.errors import InvalidInputError
from engine.model.network import FusionNetwork, Outputs

PRECISIONS = ("float32", "bfloat16")

# What bfloat16 (8 bits of mantissa) may change before it is refused: the probability of any
# class, and any cell of a map as a share of that map's largest cell.
PROBABILITY_TOLERANCE = 0.01
MAP_TOLERANCE = 0.03
# On a processor it must also be clearly faster, or it is all loss.
_CPU_GAIN = 1.3
# And float32 must be worth leaving: it gives the same answers on every machine.
_QUICK_SECONDS = 0.15
_TIMED_RUNS = 3
# A large network on a slow processor is timed once: the user waits for this.
_TIMED_SECONDS = 0.3


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

    "auto" takes bfloat16 only where the hardware computes in it, and (on a processor) float32
    keeps the user waiting and bfloat16 is measured to be faster, and the network's outputs on a
    fixed probe agree with float32 within ``PROBABILITY_TOLERANCE`` and ``MAP_TOLERANCE``. A
    precision asked for by name is taken as it is. Raises ``InvalidInputError`` for any other.
    """
    if request in PRECISIONS:
        return Precision(request, f"{request}, as asked for.")
    if request != "auto":
        raise InvalidInputError(
            f"The precision {request} is unknown; choose auto, {' or '.join(PRECISIONS)}."
        )
    if not _has_bfloat16(device):
        return Precision("float32", "float32: this device does not compute in bfloat16.")
    probe = _probe(network, device)
    exact, slow = _run(network, probe, device, half=False)
    if device == "cpu" and slow < _QUICK_SECONDS:
        return Precision("float32", f"float32: an image takes only {1000 * slow:.0f} ms in it.")
    rough, fast = _run(network, probe, device, half=True)
    if device == "cpu" and slow < _CPU_GAIN * fast:
        return Precision(
            "float32", f"float32: bfloat16 is only {slow / fast:.1f} times as fast on this device."
        )
    probability, cell = differences(exact, rough)
    if not (probability <= PROBABILITY_TOLERANCE and cell <= MAP_TOLERANCE):
        return Precision(
            "float32",
            f"float32: in bfloat16 probabilities would differ by up to {probability:.3f} and maps "
            f"by up to {cell:.1%}.",
        )
    return Precision(
        "bfloat16",
        f"bfloat16: {slow / fast:.1f} times as fast as float32, probabilities within "
        f"{probability:.3f} and maps within {cell:.1%} of it.",
    )


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


def _run(
    network: FusionNetwork, probe: torch.Tensor, device: str, *, half: bool
) -> tuple[Outputs, float]:
    """Return the outputs and the shortest time of a few runs, in seconds."""
    shortest = float("inf")
    with (
        torch.inference_mode(),
        torch.autocast(device.split(":")[0], dtype=torch.bfloat16, enabled=half),
    ):
        outputs: Outputs = network(probe)
        for _ in range(_TIMED_RUNS):
            _wait(device)
            start = time.perf_counter()
            outputs = network(probe)
            _wait(device)
            shortest = min(shortest, time.perf_counter() - start)
            if shortest > _TIMED_SECONDS:
                break
    return outputs, shortest


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
