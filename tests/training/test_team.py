"""Two processes (gloo, on the CPU) train as one does."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from engine.errors import InvalidInputError
from tests.training import together
from training import state
from training.loop import LAST
from training.team import Team

ROOT = Path(__file__).resolve().parents[2]


def _python(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


@pytest.mark.parametrize(("epochs", "apart"), [(1, 1e-2), (2, 0.1)])
def test_two_processes_end_where_one_does(tmp_path: Path, epochs: int, apart: float) -> None:
    done = _python("tests.training.together", tmp_path / "two", 2, epochs)
    assert done.returncode == 0, done.stderr
    alone = together.train(tmp_path / "one", Team("cpu"), epochs=epochs)
    one, before = state.read(tmp_path / "one" / LAST)
    two, after = state.read(tmp_path / "two" / LAST)
    assert one.keys() == two.keys()
    for name, tensor in one.items():
        # Only the roundings of sums differ; the momenta are the gradients' own. An epoch is a step
        # here, and the next multiplies what the first rounded: 0.003 at most became 0.05 on some
        # processors. A share left out, or counted twice, would be off by as much as the gradient.
        difference = (two[name].float() - tensor.float()).norm().item()
        assert difference <= apart * tensor.float().norm().item() + 5e-6, name
    for ours, theirs in zip(after["history"], before["history"], strict=True):
        for figure in ("loss", "loss_guidance", "loss_presence", "accuracy", "validation_loss"):
            assert ours[figure] == pytest.approx(theirs[figure], rel=1e-4)
    # Every process has the whole batch's logits, though each computed some.
    first, second = (np.load(tmp_path / "two" / f"logits-{rank}.npy") for rank in (0, 1))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, alone.predict(together.VALIDATION)["fusion"], atol=1e-3)


def test_cv_runs_on_two_devices_and_one_of_them_speaks(tmp_path: Path) -> None:
    from PIL import Image as PillowImage

    rng = np.random.default_rng(0)
    lines = ["path,label,patient,modality"]
    for number in range(12):
        image = rng.integers(0, 120 + 100 * (number % 2), (64, 64), np.uint8)
        PillowImage.fromarray(image).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png,{('healthy', 'ill')[number % 2]},P{number},US")
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    options = [
        *("--dataset", "manifest", "--data", tmp_path, "--size", 64, "--folds", 2),
        *("--epochs", 1, "--batch", 4, "--device", "cpu", "--precision", "float32"),
    ]
    out = tmp_path / "run"
    done = _python("training.cv", *options, "--devices", 2, "--tensorboard", "--out", out)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("12 images out of fold") == 1
    assert done.stderr.count("fold 1: tested on") == 1
    with (out / "predictions.csv").open(newline="") as file:
        assert [int(row["index"]) for row in csv.DictReader(file)] == list(range(12))
    assert len(json.loads((out / "metrics.json").read_text())["folds"]) == 2
    assert not list(out.glob("fold-*/last.safetensors"))
    assert [len(list(out.glob(f"fold-{k}/tensorboard/*"))) for k in (0, 1)] == [1, 1]
    # An error is said once as well.
    refused = _python("training.cv", *options, "--devices", 2, "--seed", 5, "--out", out)
    assert refused.returncode == 2
    assert refused.stderr.count("holds a run with other settings") == 1
    assert "Traceback" not in refused.stderr


def test_shares_cover_a_batch_once() -> None:
    class Rank(Team):
        rank = 0
        size = 3

    for count in (3, 7, 16):
        taken: list[int] = []
        for rank in range(3):
            Rank.rank = rank
            taken += range(count)[Rank("cpu").share(count)]
        assert taken == list(range(count))


def test_one_process_leaves_the_network_as_it_is() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    team = Team("cpu")
    assert team.prepare(network) is network
    assert "forward" not in vars(network[1])
    assert (team.size, team.rank, team.first, team.device) == (1, 0, True, "cpu")


def test_what_cannot_be_shared_is_refused(tmp_path: Path) -> None:
    class Four(Team):
        size = 4

    with pytest.raises(InvalidInputError, match="--batch 8 or more"):
        together.train(tmp_path, Four("cpu"), batch=6)
