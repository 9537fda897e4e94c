"""What splitting through near-identical images does, on features where it is known."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import save_file

from engine.model.backbone import Backbone
from tests.training import cohort
from training import leakage
from training.datasets import Dataset, Record


def _dataset(pairs: int) -> Dataset:
    """Images in near-identical pairs, labels at random: there is nothing to learn but the pair."""
    labels = np.random.default_rng(1).integers(0, 2, pairs)
    records = tuple(
        Record(Path(f"{i}-{n}.png"), 0, "ab"[labels[i]], "", "US", "", (), f"g{i}")
        for i in range(pairs)
        for n in range(2)
    )
    return Dataset("pairs", ("a", "b"), records)


def test_a_classifier_that_remembers_gains_from_pairs_on_both_sides() -> None:
    dataset = _dataset(60)
    rng = np.random.default_rng(0)
    values = np.repeat(rng.normal(size=(60, 12)), 2, axis=0) + rng.normal(size=(120, 12)) / 100
    found = leakage.compare(values.astype(np.float32), dataset, repeats=3, folds=4, seed=0)
    assert (found["in_groups"], found["groups_of_several"]) == (120, 60)
    assert found["groups_across_classes"] == 0
    lines = {line["classifier"]: line for line in found["results"]}
    nearest = lines["nearest neighbour"]
    assert abs(nearest["grouped"]["accuracy"]["mean"] - 0.5) < 0.12
    # Three in four of the other halves lie in the training part.
    assert nearest["ungrouped"]["accuracy"]["mean"] > 0.8
    assert nearest["difference"]["accuracy"]["low"] > 0.2
    # All images are in pairs: no line for those alone.
    assert {line["images_said"] for line in found["results"]} == {"all 120 images"}


def test_the_command_writes_what_the_report_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = cohort.write(tmp_path, 12)
    weights = tmp_path / "weights.safetensors"
    save_file(dict(Backbone("resnet10t").network.state_dict()), weights)
    given = ["--dataset", "manifest", "--data", str(data), "--weights", str(weights)]
    given += ["--backbone", "resnet10t", "--repeats", "2", "--folds", "2"]
    assert leakage.main([*given, "--out", str(tmp_path / "leakage.json")]) == 0
    found = json.loads((tmp_path / "leakage.json").read_text())
    assert found["images"] == 12 and found["in_groups"] == 0 and found["backbone"] == "resnet10t"
    assert "0 of 12 images are near-identical" in capsys.readouterr().out
    assert leakage.main([*given, "--repeats", "1", "--out", str(tmp_path / "x.json")]) == 2
