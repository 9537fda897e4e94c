"""The report's tables beyond the paper's, on runs whose figures are known."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from engine.errors import InvalidInputError
from engine.evaluation.classification import (
    area,
    area_difference,
    calibration_interval,
    expected_calibration_error,
    mean_difference,
)
from tests.training.evaluate.test_report import _write
from training.external import summary as external_summary
from training.report import beyond, formats, goals, guidance
from training.report.__main__ import main, not_run
from training.report.results import Results, load
from training.report.table import Figure, Table
from training.state import read_csv

RUNS = {
    "unguided": {"guidance": 0.0, "masks": None, "gate": 0.28},
    "guided": {"guidance": 3.0, "masks": None, "gate": 0.8},
    "guided-20": {"guidance": 3.0, "masks": 20, "gate": 0.5},
    "guided-5": {"guidance": 3.0, "masks": 5, "gate": 0.4},
    "limbs": {"guidance": 3.0, "dataset": "sts", "gate": 0.5},
}


def _external(folder: Path) -> None:
    rng = np.random.default_rng(3)
    rows = []
    for i in range(60):
        for model in ("ensemble", "fold 0"):
            p = float(np.clip(0.7 * (i % 2) + 0.15 + rng.normal() / 10, 0.01, 0.99))
            said = {f"{o}_probability_benign": 1 - p for o in ("global", "local", "fusion")}
            said |= {f"{o}_probability_malignant": p for o in ("global", "local", "fusion")}
            label = ("benign", "malignant")[i % 2]
            rows.append(
                {"index": i, "group": f"c{i}", "label": label, "model": model, "device": "A"}
                | said
                | {"distance": 0.5 + i / 60, "limit": 1.0}
            )
    classes = ("benign", "malignant")
    summary = {
        "dataset": "busbra",
        "classes": list(classes),
        "performance": external_summary.performance(rows, classes),
        "devices": external_summary.by_device(rows, classes),
        "coherence": [],
        "familiarity": external_summary.familiarity(rows),
    }
    place = folder / "external" / "busbra"
    place.mkdir(parents=True)
    (place / "summary.json").write_text(json.dumps(summary))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for name, how in RUNS.items():
        _write(folder / name, **how)  # type: ignore[arg-type]
    _external(folder / "guided")
    return folder


def _rows(table: Table | None) -> list[dict[str, str]]:
    assert table is not None
    return list(csv.DictReader(io.StringIO(formats.to_csv(table))))


@pytest.fixture(scope="module")
def loaded(runs: Path) -> list[Results]:
    return [load(runs / name) for name in RUNS]


def test_goals_say_what_was_reached_and_what_was_missed(loaded: list[Results], runs: Path) -> None:
    rows = _rows(goals.table(loaded))
    found = {(r["Figure"], r["Run"]): r for r in rows}
    assert found["BUSI: RMA, guided", "guided"]["Outcome"] == "reached"
    assert found["BUSI: RMA, unguided", "unguided"]["Outcome"] == "missed by 0.020"
    assert found["BUSI: RMA, unguided", "unguided"]["Paper"] == "0.114"
    # Few masks are a curve of their own, not a way to reach the goals.
    assert not any("guided-" in r["Run"] for r in rows)
    auc = load(runs / "guided").external[0]["performance"][2]["auc"]
    outside = found["BUSI: External AUC, BUS-BRA", "guided"]
    assert float(outside["Ours"]) == pytest.approx(auc) and outside["Outcome"] == "reached"
    assert found["BUSI: External AUC, BUS-BRA", "unguided"]["Outcome"] == "not run"
    limbs = found["limb MRI: RMA over the centred Gaussian's", "limbs"]
    assert float(limbs["Ours"]) == pytest.approx(2.5, rel=0.02)
    for row in rows:
        if row["Outcome"].startswith("missed") and "ECE" not in row["Figure"]:
            assert float(row["Ours"]) < float(row["Goal"].split()[1])


def test_what_the_gates_tell_of_images_without_a_lesion_is_a_table(tmp_path: Path) -> None:
    silent = _write(tmp_path / "silent", guidance=1.0)
    assert beyond.presence([load(silent)]) is None
    telling = _write(tmp_path / "telling", guidance=1.0)
    told = {"images": 40, "without_lesion": 8, "auc": 0.9, "sensitivity": 0.8, "specificity": 0.5}
    (telling / "metrics.json").write_text(json.dumps({"presence": told}))
    (row,) = _rows(beyond.presence([load(silent), load(telling)]))
    assert (row["Run"], row["Without a lesion"], float(row["AUC"])) == ("telling", "8", 0.9)
    assert (float(row["Open where there is one"]), float(row["Shut where not"])) == (0.8, 0.5)


def test_goals_of_data_that_were_not_trained_on_are_not_in_the_report(runs: Path) -> None:
    table = goals.table([load(runs / "limbs")])
    assert table is not None
    outcomes = {row[-1] for row in table.rows if "BUSI" in str(row[0])}
    assert outcomes == {"not in this report"}
    phantoms = load(_write(runs / "phantoms", dataset="phantom"))
    assert goals.table([phantoms]) is None


def test_guided_against_unguided_is_paired_by_image(loaded: list[Results], runs: Path) -> None:
    rows = _rows(guidance.comparison(loaded))
    assert {r["Runs"] for r in rows} == {"unguided → guided"}
    found = {r["Figure"]: r for r in rows}
    gate = found["RMA, gate"]
    plain, guided = (
        {r["index"]: float(r["rma"]) for r in load(runs / n).coherence if r["map"] == "gate"}
        for n in ("unguided", "guided")
    )
    difference = np.mean([guided[i] - plain[i] for i in plain])
    assert float(gate["Difference"]) == pytest.approx(difference)
    assert float(gate["Difference low"]) > 0
    # The same logits on both sides: no difference, and no doubt about it.
    assert (
        float(found["AUC, gate"]["Difference low"]) == 0 == float(found["AUC, gate"]["Difference"])
    )
    table = guidance.comparison([load(runs / "unguided"), load(runs / "guided")])
    assert table is not None
    strong = {row[1] for row in table.rows if isinstance(row[4], Figure) and row[4].strong}
    assert {"RMA, gate", "RRA, gate"} <= strong and "RMA, global" not in strong


def test_other_settings_that_differ_are_named(runs: Path) -> None:
    _write(runs / "other", guidance=3.0, masks=None, seed=0, erase=0.3)
    table = guidance.comparison([load(runs / "unguided"), load(runs / "other")])
    assert table is not None and "also differ in erase." in table.caption


def test_runs_that_used_masks_are_not_called_unguided(runs: Path) -> None:
    gate = next(g for g in goals.GOALS if g.which == goals.UNGUIDED)
    assert gate.concerns(load(runs / "unguided")) and not gate.concerns(load(runs / "guided"))
    assert not gate.concerns(load(_write(runs / "erased", erase=0.2)))
    guided = next(g for g in goals.GOALS if g.which == goals.GUIDED)
    assert not guided.concerns(load(_write(runs / "by-none", guidance=3.0, masks=0)))


def test_the_curve_holds_runs_that_are_alike_alone(runs: Path) -> None:
    how = {"guidance": 3.0, "erase": 0.25}
    five = load(_write(runs / "erased-5", masks=5, **how))  # type: ignore[arg-type]
    every = load(_write(runs / "erased-all", **how))  # type: ignore[arg-type]
    frozen = load(_write(runs / "frozen", freeze=4, **how))  # type: ignore[arg-type]
    shipped = load(_write(runs / "imagenet", global_weights="a.safetensors", **how))  # type: ignore[arg-type]
    plain = load(runs / "unguided")
    (found,) = guidance.curve_runs([frozen, every, shipped, five, plain, load(runs / "guided")])
    assert [run.name for run in found] == ["unguided", "erased-5", "erased-all"]
    assert guidance.differing(every, shipped) == ["global_weights"]


def test_no_dropout_is_not_the_architectures(runs: Path) -> None:
    one, other = load(runs / "guided"), load(runs / "unguided")
    one.config["recipe"] = {"dropout": None, "rates": [1]}
    other.config["recipe"] = {"dropout": 0.0, "rates": [1], "average": 0.0, "balance": False}
    assert [key for key in guidance.differing(one, other) if "." in key] == ["recipe.dropout"]


def test_few_masks_are_in_order_and_drawn(loaded: list[Results]) -> None:
    rows = _rows(guidance.few_masks(loaded))
    assert [(r["Masks"], r["Run"]) for r in rows] == [
        ("none", "unguided"),
        ("5", "guided-5"),
        ("20", "guided-20"),
        ("all", "guided"),
    ]
    scores = [float(r["RMA, gate"]) for r in rows]
    assert scores == sorted(scores)
    drawing = guidance.curve(loaded)
    assert drawing is not None
    coherent, predictive = drawing.axes
    assert [t.get_text() for t in coherent.get_xticklabels()] == ["none", "5", "20", "all"]
    drawn = coherent.containers[0].lines[0].get_ydata()
    assert list(drawn) == pytest.approx(scores)
    assert len(predictive.containers) == 1


def test_the_page_holds_external_duplicates_likeness_and_what_was_not_run(tmp_path: Path) -> None:
    (tmp_path / "missing.txt").write_text(
        "# what nobody had the hours for\n"
        "The paper's exact pair: python -m training.cv --preset paper \\\n    --out RUN\n\n"
    )
    difference = {"mean": 0.02, "low": 0.01, "high": 0.03}
    line = {
        "classifier": "nearest neighbour",
        "images_said": "all 40",
        **{
            split: {f: {"mean": 0.8, "deviation": 0.01} for f in ("auc", "accuracy")}
            for split in ("grouped", "ungrouped")
        },
        "difference": dict.fromkeys(("auc", "accuracy"), difference),
    }
    leakage = {
        **{"images": 40, "in_groups": 9, "groups_of_several": 4, "groups_across_classes": 1},
        **{"dataset": "busi", "backbone": "densenet121", "folds": 5, "repeats": 20},
        "results": [line],
    }
    (tmp_path / "leakage.json").write_text(json.dumps(leakage))
    kind = {"kind": "noise", "images": 30, "median_of_limit": 4.2, "auc": 1.0}
    kind |= {"unlike": 1.0, "unlike_low": 0.9, "unlike_high": 1.0}
    (tmp_path / "unlike.json").write_text(json.dumps({"model": "Limb MRI 1", "kinds": [kind]}))
    # Not evaluated, so that little is drawn.
    bare = _write(tmp_path / "bare", evaluated=False)
    _external(bare)
    given = [str(bare), "--out", str(tmp_path / "out")]
    given += [
        "--leakage",
        str(tmp_path / "leakage.json"),
        "--likeness",
        str(tmp_path / "unlike.json"),
    ]
    assert main([*given, "--not-run", str(tmp_path / "missing.txt")]) == 0
    report = tmp_path / "out"
    text = (report / "index.html").read_text()
    for name in ("8-external", "9-duplicates", "9-likeness", "0-goals"):
        assert f'id="part-table-{name}"' in text
    assert "9 of 40 images of busi are near-identical" in text and "across classes" in text
    command = "python -m training.cv --preset paper --out RUN"
    assert f"<p>The paper&#x27;s exact pair: <code>{command}</code></p>" in text
    rows = read_csv(report / "table-8-external.csv")
    ensemble = [r for r in rows if r["Model"] == "ensemble"]
    assert [r["Output"] for r in ensemble] == ["global", "local", "gate"]
    assert float(ensemble[2]["Unlike"]) == pytest.approx(0.5, abs=0.02)


def test_a_list_of_what_was_not_run_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("just a name\n")
    with pytest.raises(InvalidInputError, match="'just a name' is not NAME: COMMAND"):
        not_run(path)


def test_intervals_of_differences_hold_what_they_should() -> None:
    rng = np.random.default_rng(0)
    groups = [f"g{i // 2}" for i in range(200)]
    first = rng.normal(size=200)
    found = mean_difference(first, first + 0.1, groups)
    assert found is not None and found == pytest.approx((0.1, 0.1, 0.1))
    positive = np.arange(200) % 2 == 0
    good = positive + rng.normal(size=200)
    change = area_difference(positive, first, good, groups)
    assert change is not None
    assert change.value == pytest.approx(area(positive, good) - area(positive, first))
    assert 0 < change.low < change.value < change.high
    p = np.clip(np.stack([1 - positive * 0.6 - 0.2, positive * 0.6 + 0.2], 1), 0, 1)
    sure = calibration_interval(p, positive.astype(int), groups)
    assert sure is not None
    assert sure.low <= expected_calibration_error(p, positive.astype(int)) <= sure.high
