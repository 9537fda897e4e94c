import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from engine.errors import CancelledError, SaliscopeError
from engine.evaluation.classification import measure
from engine.progress import Progress
from tests.training import tiny
from training import state
from training.loop import LAST, Trainer, derive
from training.losses import UNLABELLED
from training.recipes import Recipe, recipe
from training.samples import Samples

ROOT = Path(__file__).resolve().parents[2]
TRAIN, VALIDATION = np.arange(24), np.arange(24, 36)


def _recipe(kind: str, epochs: int = 3) -> Recipe:
    # The strong augmentation and dropout draw all random numbers that there are.
    return recipe("busi" if kind == "sgd" else "compact", epochs=epochs, augmentation="strong")


def _train(folder: Path, how: Recipe, progress: Progress | None = None, seed: int = 3) -> Trainer:
    trainer = Trainer(
        tiny.network(), tiny.samples(36), TRAIN, VALIDATION, how, folder, seed=seed, guidance=0.5
    )
    trainer.run(progress)
    return trainer


def _same(first: Path, second: Path) -> bool:
    a, b = load_file(first), load_file(second)
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_the_same_seed_gives_the_same_weights_and_another_does_not(
    tmp_path: Path, kind: str
) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        _train(tmp_path / name, _recipe(kind, 2), seed=seed)
    assert _same(tmp_path / "a" / LAST, tmp_path / "b" / LAST)
    assert not _same(tmp_path / "a" / LAST, tmp_path / "c" / LAST)


class _Stop:
    """Cancels at the n-th report, in the middle of an epoch."""

    def __init__(self, after: int) -> None:
        self.left = after
        self.progress = Progress(self)

    def __call__(self, fraction: float, text: str) -> None:
        self.left -= 1
        if self.left == 0:
            self.progress.cancel()


@pytest.mark.parametrize(("kind", "average"), [("sgd", 0.0), ("adamw", 0.0), ("adamw", 0.7)])
def test_a_cancelled_run_goes_on_to_the_same_weights(
    tmp_path: Path, kind: str, average: float
) -> None:
    how = replace(_recipe(kind), average=average)
    whole = _train(tmp_path / "whole", how)
    with pytest.raises(CancelledError):
        # Two batches an epoch: within the second epoch.
        _train(tmp_path / "cut", how, _Stop(3).progress)
    assert not (tmp_path / "cut" / "best-0003.safetensors").exists()
    resumed = _train(tmp_path / "cut", how)
    assert _same(tmp_path / "whole" / LAST, tmp_path / "cut" / LAST)
    timed = ("seconds", "images_per_second")
    for ours, theirs in zip(resumed.history, whole.history, strict=True):
        assert {k: v for k, v in ours.items() if k not in timed} == {
            k: v for k, v in theirs.items() if k not in timed
        }
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, resumed.network.state_dict()[name]), name


CHILD = """
import sys
from pathlib import Path

import torch

torch.set_num_threads(1)
from tests.training.test_loop import _train, _recipe
_train(Path(sys.argv[1]), _recipe("sgd", 6))
"""


def _child(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", CHILD, str(folder)], cwd=ROOT)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Sums are rounded alike only with the same number of threads, here the child's."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_a_run_killed_with_sigkill_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    child = _child(folder)
    try:
        deadline = time.monotonic() + 120
        while not (folder / "history.csv").is_file():
            assert child.poll() is None and time.monotonic() < deadline
            time.sleep(0.005)
    finally:
        os.kill(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    done = len((folder / "history.csv").read_text().splitlines()) - 1
    assert 1 <= done < 6
    _train(folder, _recipe("sgd", 6))
    assert len((folder / "history.csv").read_text().splitlines()) == 7
    _train(tmp_path / "whole", _recipe("sgd", 6))
    assert _same(folder / LAST, tmp_path / "whole" / LAST)


def _gate(trainer: Trainer, data: Samples, here: torch.Tensor) -> torch.Tensor:
    """Return alpha of these images."""
    with torch.no_grad():
        alpha = trainer.network.eval()(data.pixels.normalise(data.images(here))).attention
    assert alpha is not None
    return alpha


def _on_lesions(alpha: torch.Tensor, masks: torch.Tensor) -> tuple[float, float]:
    """Return the share of alpha that lies on lesions, and the share of the image they cover."""
    mask = torch.nn.functional.adaptive_avg_pool2d(masks, list(alpha.shape[-2:]))
    share = (alpha * mask).sum((1, 2, 3)) / alpha.sum((1, 2, 3))
    return share.mean().item(), mask.mean().item()


def test_it_learns_and_guidance_puts_the_gate_on_the_lesion(tmp_path: Path) -> None:
    how = replace(recipe("compact", epochs=24, augmentation="minimal"), rates=(0.01,) * 3)
    data = tiny.samples(64)
    inside = {}
    for weight in (0.0, 2.0):
        trainer = Trainer(
            tiny.network(),
            data,
            np.arange(48),
            np.arange(48, 64),
            how,
            tmp_path / str(weight),
            seed=0,
            guidance=weight,
        )
        trainer.run()
        assert trainer.history[-1]["validation_accuracy"] > 0.9
        assert trainer.history[-1]["loss"] < trainer.history[0]["loss"]
        here = torch.arange(48, 64)
        positive = data.target[here] == 1
        alpha = _gate(trainer, data, here)[positive]
        inside[weight] = _on_lesions(alpha, data.masks(here)[positive])[0]
    assert inside[2.0] > 2 * inside[0.0]


def test_presence_finds_the_lesion_without_any_mask(tmp_path: Path) -> None:
    how = replace(recipe("compact", epochs=24, augmentation="minimal"), rates=(0.01,) * 3)
    masks = tiny.samples(64).masks(torch.arange(48, 64))
    data = tiny.samples(64)
    data.pixels.masks[:] = 0  # Nothing can be learned from these.
    trainer = Trainer(
        tiny.network(local_stem=16),
        data,
        np.arange(48),
        np.arange(48, 64),
        how,
        tmp_path,
        seed=0,
        presence=1.0,
    )
    trainer.run()
    assert trainer.history[-1]["loss_presence"] < 0.5 * trainer.history[0]["loss_presence"]
    here = torch.arange(48, 64)
    positive = data.target[here] == 1
    alpha = _gate(trainer, data, here)
    inside, covered = _on_lesions(alpha[positive], masks[positive])
    # A gate open everywhere is at 1. Cells are nearly as large as the discs, and by seed and
    # processor the gate takes in more or less around them.
    assert inside > 1.5 * covered
    assert alpha[positive].mean() > 2 * alpha[~positive].mean()


def test_unlabelled_images_teach_no_class(tmp_path: Path) -> None:
    data = tiny.samples(12)
    target = data.target.clone()
    target[8:] = UNLABELLED
    unlabelled = Samples(data.pixels, target, data.flips, data.device)
    kept = {}
    for name, samples in (("labelled", data), ("unlabelled", unlabelled)):
        trainer = Trainer(
            tiny.network(),
            samples,
            np.arange(8, 12),
            np.arange(0),
            _recipe("sgd", 1),
            tmp_path / name,
            seed=0,
        )
        before = trainer.network.fusion_head.fc.weight.clone()
        trainer.run()
        kept[name] = (trainer.network.fusion_head.fc.weight - before).abs().max().item()
    # Weight decay alone moves what nothing is learned about.
    assert kept["unlabelled"] < 0.01 * kept["labelled"]


def test_early_stopping_returns_the_best_epoch(tmp_path: Path) -> None:
    # Rates so high that the validation loss does not fall for long.
    how = replace(_recipe("adamw", 40), rates=(0.3,) * 3, patience=2)
    trainer = _train(tmp_path, how)
    losses = [row["validation_loss"] for row in trainer.history]
    assert trainer.epoch < 40
    assert trainer.best_epoch == int(np.argmin(losses)) == trainer.epoch - 3
    again = trainer.predict(VALIDATION)["fusion"]
    target = trainer.samples.target[VALIDATION].numpy()
    from engine.evaluation.classification import negative_log_likelihood

    assert negative_log_likelihood(again, target) == pytest.approx(min(losses), rel=1e-6)
    assert [p.name for p in tmp_path.glob("best-*")] == [
        f"best-{trainer.best_epoch + 1:04d}.safetensors"
    ]


@pytest.mark.parametrize("keep", ["last", "best"])
def test_the_running_mean_of_the_weights_is_judged_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: str
) -> None:
    decay, steps, means = 0.7, [], []
    step, epoch = Trainer._step, Trainer._one_epoch

    def one_step(self, *args):
        done = step(self, *args)
        now = {k: v.double() for k, v in self.network.state_dict().items()}
        steps.append(
            {k: decay * steps[-1][k] + (1 - decay) * v for k, v in now.items()} if steps else now
        )
        return done

    def one_epoch(self, *args):
        row = epoch(self, *args)
        means.append(steps[-1])
        return row

    monkeypatch.setattr(Trainer, "_step", one_step)
    monkeypatch.setattr(Trainer, "_one_epoch", one_epoch)
    how = replace(_recipe("adamw", 4), average=decay, keep=keep)
    trainer = _train(tmp_path, how)
    expected = means[trainer.best_epoch if keep == "best" else -1]
    kept = trainer.network.state_dict()
    for name, value in expected.items():
        if value.is_floating_point() and kept[name].is_floating_point():
            assert torch.allclose(kept[name].double(), value, rtol=1e-4, atol=1e-6), name
    # What was validated is what is kept.
    figures = measure(
        trainer.predict(VALIDATION)["fusion"],
        trainer.samples.target[VALIDATION].numpy(),
        trainer.network.architecture.classes,
    )
    row = trainer.history[trainer.best_epoch if keep == "best" else -1]
    assert figures["nll"] == pytest.approx(row["validation_loss"], rel=1e-6)


def test_another_recipe_does_not_go_on_with_a_run(tmp_path: Path) -> None:
    _train(tmp_path, _recipe("sgd", 1))
    with pytest.raises(SaliscopeError, match="other settings \\(recipe\\)"):
        _train(tmp_path, _recipe("sgd", 2))


def test_a_run_of_an_older_version_is_trained_to_the_end(tmp_path: Path) -> None:
    _train(tmp_path / "whole", _recipe("sgd", 2))
    old = tmp_path / "old"
    with pytest.raises(CancelledError):
        _train(old, _recipe("sgd", 2), _Stop(3).progress)
    tensors, values = state.read(old / LAST)
    del values["settings"]["presence"], values["history"][0]["loss_presence"]
    state.write(old / LAST, tensors, values)
    _train(old, _recipe("sgd", 2))
    assert _same(old / LAST, tmp_path / "whole" / LAST)
    assert len(state.read_csv(old / "history.csv")) == 2


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    _train(tmp_path, _recipe("sgd", 1))
    path = tmp_path / LAST
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(SaliscopeError, match="delete it to begin again"):
        _train(tmp_path, _recipe("sgd", 1))


def test_divergence_is_said(tmp_path: Path) -> None:
    how = replace(_recipe("sgd", 30), rates=(1e9,) * 3)
    with pytest.raises(SaliscopeError, match="diverged"):
        _train(tmp_path, how)


def test_the_state_holds_no_pickle(tmp_path: Path) -> None:
    _train(tmp_path, _recipe("adamw", 1))
    content = (tmp_path / LAST).read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert json.loads(header["__metadata__"]["training"])["history"][0]["epoch"] == 1


def test_seeds_depend_on_every_part() -> None:
    assert len({derive(0, 1), derive(1, 0), derive(0, 1, "a"), derive(0, "1")}) == 4
