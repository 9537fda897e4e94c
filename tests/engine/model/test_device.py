"""Devices and precisions are chosen for reasons, and the reasons are told."""

from __future__ import annotations

import time
from typing import Any

import pytest
import torch
from torch import nn

from engine.errors import InvalidInputError
from engine.model import device as devices
from engine.model.device import (
    available,
    choose_device,
    choose_precision,
    choose_training_precision,
    differences,
)
from engine.model.network import FusionNetwork
from engine.model.presets import preset


@pytest.fixture(scope="module")
def network() -> FusionNetwork:
    torch.manual_seed(0)
    return FusionNetwork(preset("compact", ("a", "b"), input_size=(96, 96))).eval()


def test_the_processor_is_always_there_and_comes_last() -> None:
    assert available()[-1].key == "cpu"
    assert choose_device("auto") == available()[0].key
    assert choose_device("cpu") == "cpu"


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="choose auto or one of"):
        choose_device("cuda:17")
    with pytest.raises(InvalidInputError):
        choose_device("abacus")


def test_precision_by_name(network: FusionNetwork) -> None:
    assert choose_precision("cpu", network, "bfloat16").name == "bfloat16"
    assert choose_precision("cpu", network, "float32").name == "float32"
    with pytest.raises(InvalidInputError, match="choose auto, float32 or bfloat16"):
        choose_precision("cpu", network, "float8")


@pytest.mark.parametrize(("has", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_training_takes_bfloat16_wherever_the_device_computes_in_it(
    monkeypatch: pytest.MonkeyPatch, has: bool, expected: str
) -> None:
    monkeypatch.setattr(devices, "_has_bfloat16", lambda device: has)
    assert choose_training_precision("cpu").name == expected
    assert choose_training_precision("cpu", "float32").name == "float32"
    assert choose_training_precision("cpu", "bfloat16").name == "bfloat16"
    with pytest.raises(InvalidInputError, match="unknown"):
        choose_training_precision("cpu", "float8")


def test_automatic_precision_keeps_its_word(network: FusionNetwork) -> None:
    chosen = choose_precision("cpu", network)
    assert chosen.reason.startswith(chosen.name) and chosen.reason.endswith(".")
    if not devices._has_bfloat16("cpu"):
        assert chosen.name == "float32"


def test_outputs_that_differ_are_not_traded_for_speed(
    network: FusionNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "_has_bfloat16", lambda device: True)
    chosen = choose_precision("cpu", network)
    assert chosen.name == "float32" and "quick" in chosen.reason
    monkeypatch.setattr(devices, "WORTHWHILE_WORK", 0.0)
    assert choose_precision("cpu", network).name == "bfloat16"
    monkeypatch.setattr(devices, "MAP_TOLERANCE", 1e-6)
    chosen = choose_precision("cpu", network)
    assert chosen.name == "float32" and "would differ" in chosen.reason


def test_the_same_machine_always_chooses_the_same(
    network: FusionNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However busy it is: here float32 seems slow in one call and bfloat16 in the next."""
    monkeypatch.setattr(devices, "_has_bfloat16", lambda device: True)
    monkeypatch.setattr(devices, "WORTHWHILE_WORK", 0.0)
    run, slow = devices._run, [False, True]

    def busy(*args: Any, half: bool) -> Any:
        if half == slow[0]:
            time.sleep(0.5)
        return run(*args, half=half)

    monkeypatch.setattr(devices, "_run", busy)
    first = choose_precision("cpu", network)
    slow.reverse()
    assert choose_precision("cpu", network) == first


def test_work_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_has_bfloat16", lambda device: True)
    compact = FusionNetwork(preset("compact", ("a", "b"))).eval()
    assert "0.4 billion" in choose_precision("cpu", compact).reason


def test_differences_see_what_changed(network: FusionNetwork) -> None:
    with torch.no_grad():
        x = torch.randn(1, 3, 96, 96)
        exact = network(x)
        assert differences(exact, exact) == (0.0, 0.0)
        logits = exact.local_logits + torch.tensor([[3.0, 0.0]])
        assert differences(exact, exact._replace(local_logits=logits))[0] > 0.2
        features = nn.functional.pad(exact.fused[..., 1:], (0, 1))
        assert differences(exact, exact._replace(fused=features))[1] > 0.01


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_agrees_with_the_processor(network: FusionNetwork) -> None:
    x = torch.randn(2, 3, 96, 96)
    with torch.no_grad():
        here = network(x)
        try:
            there = network.to("cuda")(x.cuda())
            probability, cell = differences(here, type(here)(*[v.cpu() for v in there]))
        finally:
            network.to("cpu")
    assert probability < 1e-3 and cell < 1e-2
