"""Presence: what teaches the gate where lesions are without any mask."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage
from sklearn.metrics import roc_auc_score
from torch.nn import functional

from engine.images.preprocess import Preprocessing
from engine.model import checkpoint
from engine.model.network import gate_by_global
from tests.training import cohort, tiny
from training import cv, fit, losses, options, pictures, state
from training.cache import Pixels
from training.loop import Trainer
from training.presence import (
    ABSENT,
    PRESENT,
    THRIFT,
    UNKNOWN,
    image_logits,
    presence,
    shown,
)
from training.recipes import recipe
from training.samples import Samples

TARGET = torch.tensor([0, 1, 1, 0])


def test_an_image_s_own_logit_is_the_logarithm_of_the_mean_exponential() -> None:
    q = torch.randn(2, 1, 3, 5)
    whole = q.exp().mean((1, 2, 3)).log()
    assert torch.allclose(image_logits(q), whole, atol=1e-5)
    open_ = functional.softplus(-whole) + THRIFT * q.sigmoid().mean((1, 2, 3))
    bare = functional.softplus(whole) + functional.softplus(q).mean((1, 2, 3))
    for state_, wanted in ((PRESENT, open_), (ABSENT, bare)):
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
    logits = outputs.gate_logits
    taught = losses.joint(
        outputs, TARGET, presence_logits=logits, present=present, presence_weight=2.0
    )
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


def test_masks_say_what_is_shown_and_labels_where_there_are_none() -> None:
    masks = np.zeros((5, 4, 4), np.uint8)
    masks[0, 1, 1] = 1
    known = np.array([True, True, False, False, False])
    data = Pixels(np.zeros((5, 1, 4, 4), np.uint8), masks, known, Preprocessing())
    labels = ["ill", "ill", "ill", "well", "odd"]
    by_class = shown(data, labels, ("well",)).tolist()
    assert by_class == [PRESENT, ABSENT, PRESENT, ABSENT, PRESENT]
    assert shown(data, labels, ()).tolist() == [PRESENT, ABSENT, UNKNOWN, UNKNOWN, UNKNOWN]


def test_the_network_s_own_evidence_is_none_where_there_is_no_lesion() -> None:
    torch.manual_seed(0)
    outputs = tiny.network().eval()(torch.randn(4, 3, tiny.SIDE, tiny.SIDE))
    evidence = (torch.rand(4, 1, 4, 4) > 0.5).float()
    present = torch.tensor([ABSENT, PRESENT, UNKNOWN, ABSENT])
    how = {"evidence": evidence, "self_guidance_weight": 1.0}
    plain = losses.joint(outputs, TARGET).total
    found = losses.joint(outputs, TARGET, present=present, **how).total - plain
    some = torch.tensor([False, True, True, False])
    wanted = losses.guidance(outputs.gate_logits, evidence, some, "sigmoid")
    assert found.item() == pytest.approx(wanted.item(), rel=1e-4)


def test_few_masks_leave_all_that_is_known_of_images_without_a_class(tmp_path: Path) -> None:
    data = tiny.samples(12)
    target = data.target.clone()
    target[::2] = losses.UNLABELLED  # Those without a disc.
    samples = Samples(data.pixels, target, data.flips, data.device)
    how = recipe("compact", epochs=1)
    given = {"seed": 0, "guidance": 1.0, "masks": 2}
    trainer = Trainer(tiny.network(), samples, np.arange(12), np.arange(0), how, tmp_path, **given)
    assert trainer._usable[::2].all() and trainer._usable[1::2].sum() == 2


def _healthy(folder: Path) -> Path:
    """Write a cohort, and four images more whose mask is said to be empty."""
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
    data = _healthy(tmp_path)
    run = cohort.cross_validate(data, tmp_path / "run", "--presence", "0.5")
    config = json.loads((run / cv.CONFIG).read_text("utf-8"))
    assert config["presence"] == 0.5 and config["unlabelled"] == 0
    history = state.read_csv(run / "fold-0" / "history.csv")
    assert float(history[0]["loss_presence"]) > 0
    assert len(state.read_csv(run / cv.PREDICTIONS)) == 20
    told = state.read_csv(run / cv.PRESENCE)
    # Of one image of the cohort no mask is given, and nothing known.
    assert len(told) == 19 and sum(row["present"] == "0" for row in told) == 4


def _busi(folder: Path) -> list[str]:
    """Write BUSI's layout without masks; return the options that train on it."""
    rng = np.random.default_rng(0)
    for label, count in (("benign", 8), ("malignant", 8), ("normal", 5)):
        (folder / label).mkdir(parents=True)
        for i in range(1, count + 1):
            coarse = rng.integers(0, 200, (8, 10), np.uint8)
            image = PillowImage.fromarray(coarse).resize((100, 80))
            image.save(folder / label / f"{label} ({i}).png")
    how = ["--dataset", "busi", "--data", str(folder), "--size", "64", "--epochs", "1"]
    return [*how, "--device", "cpu", "--precision", "float32", "--presence", "1"]


def test_a_fold_is_not_trained_on_what_it_holds_out(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    options.add(parser)
    made = options.experiment(parser.parse_args(_busi(tmp_path / "busi")))
    samples = made.samples()
    assert made.unlabelled_indices.tolist() == list(range(16, 21))
    seen: list[int] = []
    for fold in range(3):
        unseen = made.held_out(fold, 3)
        some = np.arange(10)
        trainer = made.trainer(samples, some, some[:0], tmp_path / "x", 0, held_out=unseen)
        others = sorted(set(range(16, 21)) - set(unseen.tolist()))
        assert trainer._train.tolist() == [*range(10), *others]
        seen += unseen.tolist()
    assert sorted(seen) == list(range(16, 21))
    every = made.trainer(samples, some, some[:0], tmp_path / "x", 0)
    assert every._train.tolist() == [*range(10), *range(16, 21)]


def test_the_unlabelled_are_told_of_once_and_fit_takes_them_all(tmp_path: Path) -> None:
    how = _busi(tmp_path / "busi")
    run = tmp_path / "run"
    assert cv.main([*how, "--folds", "2", "--out", str(run)]) == 0
    assert len(state.read_csv(run / cv.PREDICTIONS)) == 16
    config = json.loads((run / cv.CONFIG).read_text("utf-8"))
    assert config["images"] == 16 and config["unlabelled"] == 5
    told = state.read_csv(run / cv.PRESENCE)
    assert [int(row["index"]) for row in told] == list(range(21))
    assert [row["present"] for row in told] == ["1"] * 16 + ["0"] * 5
    presence = json.loads((run / cv.METRICS).read_text("utf-8"))["presence"]
    largest = [float(row["largest_q"]) for row in told]
    assert presence["without_lesion"] == 5
    assert presence["auc"] == pytest.approx(roc_auc_score([1] * 16 + [0] * 5, largest))
    for row in (told[0], told[-1]):
        path, fold = pictures.model_for(run, row["image"], 0)
        assert fold == int(row["fold"]) and path.is_file()
    out = tmp_path / "model.safetensors"
    metrics = json.loads((run / cv.METRICS).read_text("utf-8"))
    presence |= {"sensitivity": 0.9, "specificity": 0.6}
    (run / cv.METRICS).write_text(json.dumps({**metrics, "presence": presence}))
    assert fit.main([*how, "--cv", str(run), "--out", str(out)]) == 0
    about = checkpoint.load(out).metadata
    (data,) = about.training_data
    assert data.images == 21
    assert about.presence is not None
    assert about.presence.source == "out of fold, 2 folds of busi"
    assert {name: getattr(about.presence, name) for name in presence} == presence
    # A gate that is as often open with a lesion as without has nothing to say.
    useless = {**presence, "sensitivity": 0.4, "specificity": 0.6}
    (run / cv.METRICS).write_text(json.dumps({**metrics, "presence": useless}))
    assert fit.main([*how, "--cv", str(run), "--out", str(out)]) == 0
    assert checkpoint.load(out).metadata.presence is None


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--presence", "1"], "needs images with and images without a lesion"),
        (["--presence", "1", "--lesion-free", "cyst"], "cyst is no class"),
        (["--presence", "1", "--fusion", "concat"], "act on the gate"),
        (["--presence", "1", "--gate-norm", "softmax"], "a gate that can close everywhere"),
        (["--unlabelled"], "teach the gate alone"),
        (["--unlabelled", "--guidance", "1"], "no images besides those of its classes"),
    ],
)
def test_what_presence_cannot_teach_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    data = cohort.write(tmp_path, 16)
    arguments = [*cohort.options(data), "--folds", "2", "--out", str(tmp_path / "run"), *more]
    assert cv.main(arguments) == 2
    assert said in capsys.readouterr().err
