"""Presence: what teaches the gate where lesions are without any mask."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage
from sklearn.metrics import roc_auc_score
from torch.nn import functional

from engine.model.network import gate_by_global
from tests.training import cohort, tiny
from training import cv, losses, state
from training.presence import (
    ABSENT,
    PRESENT,
    THRIFT,
    UNKNOWN,
    image_logits,
    presence,
)

TARGET = torch.tensor([0, 1, 1, 0])


def test_an_image_s_own_logit_is_the_logarithm_of_the_mean_exponential() -> None:
    q = torch.randn(2, 1, 3, 5)
    whole = q.exp().mean((1, 2, 3)).log()
    assert torch.allclose(image_logits(q), whole, atol=1e-5)
    shown = functional.softplus(-whole) + THRIFT * q.sigmoid().mean((1, 2, 3))
    bare = functional.softplus(whole) + functional.softplus(q).mean((1, 2, 3))
    for state_, wanted in ((PRESENT, shown), (ABSENT, bare)):
        found = presence(q, torch.full((2,), state_))
        assert found.item() == pytest.approx(wanted.mean().item(), rel=1e-5)


def test_images_of_which_nothing_is_known_contribute_nothing() -> None:
    q = torch.randn(3, 1, 4, 4, requires_grad=True)
    present = torch.tensor([PRESENT, UNKNOWN, ABSENT])
    loss = presence(q, present)
    loss.backward()
    assert q.grad is not None and q.grad[1].abs().max() == 0 and q.grad[0].abs().max() > 0
    assert loss.item() == pytest.approx(presence(q[::2], present[::2]).item())
    assert presence(q, torch.full((3,), UNKNOWN)).item() == 0


def test_an_image_without_a_lesion_closes_every_cell_and_one_with_opens_the_likeliest() -> None:
    q = torch.full((2, 1, 12, 12), -4.0)
    q[1, 0, 4:7, 4:7] = 5.0
    q.requires_grad_()
    presence(q, torch.tensor([ABSENT, PRESENT])).backward()
    assert q.grad is not None
    assert (q.grad[0] > 0).all()
    assert q.grad[1, 0, 5, 5] < 0
    # Far from it there is nothing to win, and opening costs.
    assert q.grad[1, 0, 9:, 9:].min() > 0


def test_the_local_branch_learns_nothing_of_presence() -> None:
    torch.manual_seed(0)
    network = tiny.network().train()
    inputs = torch.randn(4, 3, tiny.SIDE, tiny.SIDE)
    outputs = network(inputs)
    q = gate_by_global(network, outputs)
    assert torch.allclose(q, outputs.gate_logits, atol=1e-6)
    presence(q, torch.tensor([ABSENT, PRESENT, ABSENT, PRESENT])).backward()
    moved = {n.split(".")[0] for n, p in network.named_parameters() if p.grad is not None}
    assert {"fusion", "global_branch"} <= moved and "local_branch" not in moved
    concat = tiny.network(fusion="concat")
    with pytest.raises(ValueError, match="no gate"):
        gate_by_global(concat, concat(inputs))


def test_presence_is_added_with_its_weight() -> None:
    torch.manual_seed(0)
    inputs = torch.randn(4, 3, tiny.SIDE, tiny.SIDE)
    outputs = tiny.network().eval()(inputs)
    present = torch.tensor([0, 1, 1, -1])
    plain = losses.joint(outputs, TARGET)
    told = outputs.gate_logits
    taught = losses.joint(outputs, TARGET, told=told, present=present, presence_weight=2.0)
    assert taught.presence > 0 and plain.presence == 0
    wanted = plain.total.item() + 2 * taught.presence.item()
    assert taught.total.item() == pytest.approx(wanted, rel=1e-5)
    assert losses.joint(outputs, TARGET, present=present, presence_weight=2.0).presence == 0


@pytest.mark.parametrize("weights", [None, torch.tensor([1.0, 3.0])])
def test_unlabelled_images_neither_count_nor_dilute(weights: torch.Tensor | None) -> None:
    torch.manual_seed(0)
    outputs = tiny.network().eval()(torch.randn(4, 3, tiny.SIDE, tiny.SIDE))
    target = TARGET.clone()
    target[1:3] = losses.UNLABELLED
    found = losses.joint(outputs, target, class_weights=weights)
    for name in ("global", "local", "fusion"):
        logits = getattr(outputs, f"{name}_logits")
        wanted = functional.cross_entropy(logits[::3], TARGET[::3], weight=weights)
        part = getattr(found, name if name == "fusion" else f"{name}_branch")
        assert part.item() == pytest.approx(wanted.item(), rel=1e-5)
    nothing = losses.joint(outputs, torch.full((4,), losses.UNLABELLED), class_weights=weights)
    assert nothing.total.item() == 0


def _with_healthy(folder: Path) -> Path:
    """Add three images whose mask is said to be empty to a cohort."""
    cohort.write(folder, 16)
    rng = np.random.default_rng(9)
    lines = []
    for number in range(4):
        image = rng.integers(0, 100, (cohort.SIDE, cohort.SIDE), np.uint8)
        PillowImage.fromarray(image).save(folder / f"h{number}.png")
        lines.append(f"h{number}.png,{cohort.CLASSES[number % 2]},H{number},US,empty")
    with (folder / "manifest.csv").open("a") as file:
        file.write("\n".join(lines) + "\n")
    return folder


def test_a_manifest_s_empty_masks_are_its_images_without_a_lesion(tmp_path: Path) -> None:
    data = _with_healthy(tmp_path)
    run = cohort.cross_validate(data, tmp_path / "run", "--presence", "0.5")
    config = json.loads((run / cv.CONFIG).read_text("utf-8"))
    assert config["presence"] == 0.5 and config["unlabelled"] == 0
    history = state.read_csv(run / "fold-0" / "history.csv")
    assert float(history[0]["loss_presence"]) > 0
    assert len(state.read_csv(run / cv.PREDICTIONS)) == 20


def test_the_unlabelled_train_every_fold_and_are_tested_in_none(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for label, count in (("benign", 8), ("malignant", 8), ("normal", 5)):
        (tmp_path / "busi" / label).mkdir(parents=True)
        for i in range(1, count + 1):
            coarse = rng.integers(0, 200, (8, 10), np.uint8)
            image = PillowImage.fromarray(coarse).resize((100, 80))
            image.save(tmp_path / "busi" / label / f"{label} ({i}).png")
    how = ["--dataset", "busi", "--data", str(tmp_path / "busi"), "--size", "64", "--epochs", "1"]
    run = tmp_path / "run"
    more = ["--folds", "2", "--presence", "1", "--device", "cpu", "--out", str(run)]
    assert cv.main([*how, *more]) == 0
    assert len(state.read_csv(run / cv.PREDICTIONS)) == 16
    config = json.loads((run / cv.CONFIG).read_text("utf-8"))
    assert config["images"] == 16 and config["unlabelled"] == 5
    told = state.read_csv(run / cv.PRESENCE)
    assert sorted(int(row["index"]) for row in told) == list(range(21))
    assert [row["present"] for row in told] == ["1"] * 16 + ["0"] * 5
    # Each fold tells what it was not trained on.
    sizes = [len(state.read_csv(run / f"fold-{k}" / cv.PRESENCE)) for k in range(2)]
    assert sum(sizes) == 21 and min(sizes) >= 9
    presence = json.loads((run / cv.METRICS).read_text("utf-8"))["presence"]
    assert presence["without_lesion"] == 5
    logit = [float(row["logit"]) for row in told]
    assert presence["auc"] == pytest.approx(roc_auc_score([1] * 16 + [0] * 5, logit))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--presence", "1"], "needs images with and images without a lesion"),
        (["--presence", "1", "--fusion", "concat"], "act on the gate"),
        (["--presence", "1", "--gate-norm", "softmax"], "a gate that can close everywhere"),
    ],
)
def test_what_presence_cannot_teach_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    data = cohort.write(tmp_path, 8)
    arguments = [*cohort.options(data), "--folds", "2", "--out", str(tmp_path / "run"), *more]
    assert cv.main(arguments) == 2
    assert said in capsys.readouterr().err
