"""Other maps than the channel sum, on a run over a small cohort of real files."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.evaluation.coherence import coherence
from engine.images.reader import read
from engine.session import Session
from tests.training import cohort
from training import aggregation
from training.cache import Files, lesion_mask
from training.evaluate.run import open_run
from training.report import beyond
from training.report.__main__ import main as report
from training.report.results import load
from training.report.table import Figure
from training.state import read_csv

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cohort.write(tmp_path_factory.mktemp("cohort"), 10)


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    cohort.cross_validate(data, out, "--precision", "float32")
    command = [sys.executable, "-m", "training.aggregation", str(out), "--data", str(data)]
    subprocess.run([*command, "--device", "cpu"], cwd=ROOT, check=True)
    return out


def test_the_sum_is_the_map_that_the_program_shows(run: Path, data: Path) -> None:
    opened = open_run(run, data)
    files, scores = Files(), []
    for index, record in enumerate(opened.dataset.records):
        image = read(record.path)
        mask = lesion_mask(files, record, image.shape) if record.mask_paths else None
        if mask is None or not mask.any():
            continue
        session = Session.open(opened.model(opened.folds[index]), "cpu", "float32")
        scores.append(coherence(session.saliency(image, record.frame, "gate").values, mask))
    found = json.loads((run / "evaluation" / aggregation.FILE).read_text())
    lines = {(r["branch"], r["aggregation"]): r for r in found["maps"]}
    assert set(lines) == {
        (branch, name)
        for branch in ("global", "local", "gate")
        for name in aggregation.AGGREGATIONS
    }
    gate = lines["gate", "sum"]
    assert gate["images"] == len(scores) > 2
    assert gate["rma"] == pytest.approx(np.mean([s.rma for s in scores]), rel=1e-4)
    assert gate["rra"] == pytest.approx(np.mean([s.rra for s in scores]), rel=1e-4)
    assert gate["rma_gain"] is None
    squares = lines["gate", "sum of squares"]
    gain = squares["rma"] - gate["rma"]
    assert squares["rma_gain"]["value"] == pytest.approx(gain)
    assert squares["rma_gain"]["low"] <= gain <= squares["rma_gain"]["high"]


def test_each_is_what_its_name_says() -> None:
    z = torch.tensor([[[1.0, 0.0], [2.0, 0.0]], [[3.0, 0.0], [0.0, 2.0]]])
    expected = {
        "sum": [[4, 0], [2, 2]],
        "sum of squares": [[10, 0], [4, 4]],
        "maximum": [[3, 0], [2, 2]],
        "sum above its mean": [[2, 0], [0, 0]],
        "sum of squares above its mean": [[5.5, 0], [0, 0]],
    }
    assert expected.keys() == aggregation.AGGREGATIONS.keys()
    for name, aggregate in aggregation.AGGREGATIONS.items():
        assert aggregate(z).tolist() == expected[name], name


def test_the_report_has_them_beside_the_sum(run: Path, tmp_path: Path) -> None:
    assert report([str(run), "--out", str(tmp_path / "report")]) == 0
    page = (tmp_path / "report" / "index.html").read_text("utf-8")
    for path in (tmp_path / "report").glob("table-*.csv"):
        assert f'id="{path.stem}"' in page, "every table that is written stands on the page"
    table = beyond.aggregations([load(run, "ours")])
    assert table is not None and len(table.rows) == 3 * len(aggregation.AGGREGATIONS)
    first, second = table.rows[:2]
    assert first[:3] == ("ours", "global", "sum") and second[2] == "sum of squares"
    assert first[5] == Figure(None)
    assert isinstance(second[5], Figure) and second[5].value is not None
    (run / "evaluation" / aggregation.FILE).unlink()
    assert beyond.aggregations([load(run)]) is None


def test_other_data_are_refused(run: Path, tmp_path: Path) -> None:
    other = cohort.write(tmp_path, 4)
    assert aggregation.main([str(run), "--data", str(other)]) == 2
    assert len(read_csv(run / "folds.csv")) >= 10
