"""``training.evaluate``, whole, on a run of ``training.cv`` over a small cohort of real files."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from engine.evaluation.coherence import coherence
from engine.images.preprocess import to_model_input
from engine.images.reader import read
from engine.progress import Progress
from engine.session import Session
from tests.training import cohort
from tests.training.stopping import stopped
from training.evaluate import coherence as coherence_table
from training.evaluate import deletion as deletion_table
from training.evaluate.__main__ import main
from training.evaluate.rows import Rows
from training.evaluate.run import open_run
from training.evaluate.work import Evaluator, Settings
from training.state import read_csv

PATIENTS = 14
TABLES = (
    ("coherence.csv", coherence_table.COLUMNS),
    ("deletion.csv", deletion_table.COLUMNS),
)
NATIVE = ("global", "local", "gate", "attention")
SHAP = ("shap-global", "shap-local", "shap-gate")
QUICK = ("--device", "cpu", "--shap", "2", "--samples", "4", "--deletion", "3")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cohort.write(tmp_path_factory.mktemp("cohort"), PATIENTS)


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    return cohort.cross_validate(data, out, "--precision", "float32")


@pytest.fixture(scope="module")
def run(trained: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with its evaluation."""
    out = tmp_path_factory.mktemp("evaluated") / "run"
    shutil.copytree(trained, out)
    assert _evaluate(out, data) == 0
    return out


def _evaluate(run: Path, data: Path, *more: str) -> int:
    return main([str(run), "--data", str(data), *QUICK, *more])


def test_every_image_with_a_mask_is_scored_by_the_fold_that_held_it_out(
    run: Path, data: Path
) -> None:
    rows = read_csv(run / "evaluation" / "coherence.csv")
    fold = {r["index"]: r["fold"] for r in read_csv(run / "folds.csv")}
    native = {(r["index"], r["map"]) for r in rows if r["map"] not in SHAP}
    # The last image's mask is not known.
    assert native == {(str(i), m) for i in range(PATIENTS - 1) for m in (*NATIVE, "random")}
    assert len(rows) == len(native) + 2 * len(SHAP)
    assert all(r["fold"] == fold[r["index"]] for r in rows)
    for row in [r for r in rows if r["map"] in ("local", "attention")][:6]:
        session = Session.open(run / f"fold-{row['fold']}" / "model.safetensors", "cpu", "float32")
        image = read(data / row["image"])
        mask = read(data / row["image"].replace(".png", "_mask.png")).grey(0) > 0
        score = coherence(session.saliency(image, 0, row["map"]).values, mask)
        assert float(row["rma"]) == pytest.approx(score.rma, rel=1e-4)
        assert float(row["rra"]) == pytest.approx(score.rra, abs=0.02)
        assert float(row["chance"]) == pytest.approx(mask.mean())
        assert float(row["centre_rma"]) == pytest.approx(score.prior_rma)


def test_maps_explain_what_their_own_output_predicts_out_of_fold(run: Path) -> None:
    predicted = {r["index"]: r for r in read_csv(run / "predictions.csv")}
    rows = read_csv(run / "evaluation" / "deletion.csv")
    assert len(rows) == 3 * (len(NATIVE) + 3) + 2 * len(SHAP)
    for row in rows:
        output = row["output"]
        ours = predicted[row["index"]]
        logits = [float(ours[f"{output}_logit_{c}"]) for c in cohort.CLASSES]
        assert int(row["target"]) == int(np.argmax(logits))
        curves = {
            order: np.array([float(row[f"{order}_{p}"]) for p in range(0, 101, 10)])
            for order in ("morf", "lerf")
        }
        assert curves["morf"][0] == curves["lerf"][0] >= 0.5
        assert curves["morf"][-1] == curves["lerf"][-1]
        difference = (curves["lerf"] - curves["morf"])[1:].mean()
        assert float(row["ds"]) == pytest.approx(difference, abs=1e-9)
        # Calibrated as the model says: its temperature takes the fold's logits to this start.
        figures = json.loads((run / f"fold-{row['fold']}" / "metrics.json").read_text())
        scaled = np.array(logits) / figures["temperature"][output]
        start = np.exp(scaled - scaled.max()) / np.exp(scaled - scaled.max()).sum()
        assert curves["morf"][0] == pytest.approx(start.max(), abs=1e-3)


def test_shap_compares_with_training_images_of_the_fold(run: Path, data: Path) -> None:
    opened = open_run(run, data)
    settings = Settings(0, 4, 10 / 224, 4, "cpu", "float32")
    tables = (Rows(run / "evaluation" / n, c) for n, c in TABLES)
    work = Evaluator(opened, settings, *tables)
    session = work._open(1)
    compared = work._compared(session)
    assert compared is not None and len(compared) == min(16, opened.folds.count(0))
    trained_on = [r for r, k in zip(opened.dataset.records, opened.folds, strict=True) if k != 1]
    preprocessing = session.checkpoint.metadata.preprocessing
    inputs = [to_model_input(read(r.path), 0, preprocessing).tensor for r in trained_on]
    assert all(any(np.array_equal(c, x) for x in inputs) for c in compared.numpy())
    # It is these that a map is said to be compared with.
    found = work._attribute(opened.held_out(1)[0], session, ("shap-gate",), Progress())
    said = found["shap-gate"].provenance.parameters["background"]
    assert said == f"{len(compared)} given images"


def test_shap_against_black_of_an_older_version_is_computed_anew(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    path = copy / "evaluation" / "config.json"
    config = json.loads(path.read_text())
    assert config.pop("shap_background") == 16
    path.write_text(json.dumps(config))
    before = read_csv(copy / "evaluation" / "coherence.csv")
    assert _evaluate(copy, data, "--shap", "0") == 0
    assert "compared with black are left out" in capsys.readouterr().out
    after = read_csv(copy / "evaluation" / "coherence.csv")
    assert after == [r for r in before if r["map"] not in SHAP] and len(after) < len(before)
    # Another setting is refused as before, and nothing is dropped.
    path.write_text(json.dumps(config))
    shutil.copy(run / "evaluation" / "coherence.csv", copy / "evaluation" / "coherence.csv")
    assert _evaluate(copy, data, "--seed", "5") == 2
    assert read_csv(copy / "evaluation" / "coherence.csv") == before


def test_killed_in_the_middle_of_a_line_it_goes_on_to_the_same_tables(
    run: Path, data: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    for name, keep in (("coherence.csv", 0.4), ("deletion.csv", 0.7)):
        path = copy / "evaluation" / name
        text = path.read_text()
        path.write_text(text[: int(len(text) * keep)])
    assert _evaluate(copy, data) == 0
    for name in ("coherence.csv", "deletion.csv"):
        was, now = read_csv(run / "evaluation" / name), read_csv(copy / "evaluation" / name)
        key = lambda r: (int(r["index"]), r["map"])  # noqa: E731
        assert sorted(map(key, was)) == sorted(map(key, now))
        for a, b in zip(sorted(was, key=key), sorted(now, key=key), strict=True):
            for column, value in a.items():
                if value and column.startswith(("r", "ds", "morf", "lerf")) and column != "reason":
                    assert float(b[column]) == pytest.approx(float(value), abs=1e-6)
                else:
                    assert b[column] == value


def test_ctrl_c_says_how_to_go_on(trained: Path, data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(trained, copy)
    table = copy / "evaluation" / "coherence.csv"
    status, said = stopped(
        ["training.evaluate", str(copy), "--data", str(data), *QUICK[:-1], "all"],
        lambda: table.is_file() and table.read_text().count("\n") > 5,
    )
    assert status == 130
    assert "Run the same command again" in said and "Traceback" not in said
    assert table.read_text().endswith("\n")


def test_asking_for_more_goes_on_from_what_is_there(run: Path, data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    assert _evaluate(copy, data, "--shap", "3", "--deletion", "5") == 0
    for name in ("coherence.csv", "deletion.csv"):
        before = (run / "evaluation" / name).read_text()
        after = (copy / "evaluation" / name).read_text()
        assert after.startswith(before)
    rows = read_csv(copy / "evaluation" / "coherence.csv")
    assert len({r["index"] for r in rows if r["map"] == "shap-gate"}) == 3
    rows = read_csv(copy / "evaluation" / "deletion.csv")
    assert len({r["index"] for r in rows if r["map"] == "random-fusion"}) == 5


def test_summary_is_the_mean_of_the_rows(run: Path) -> None:
    summary = json.loads((run / "evaluation" / "summary.json").read_text())
    rows = [r for r in read_csv(run / "evaluation" / "coherence.csv") if r["map"] == "gate"]
    whole = next(r for r in summary["coherence"] if (r["map"], r["subset"]) == ("gate", "all"))
    assert whole["rma"] == pytest.approx(np.mean([float(r["rma"]) for r in rows]))
    assert whole["rma_low"] <= whole["rma"] <= whole["rma_high"]
    parts = [r for r in summary["coherence"] if r["map"] == "gate"]
    assert [r["subset"] for r in parts] == [
        *("all", "class: benign", "class: malignant"),
        *("lesion: small", "lesion: middle", "lesion: large"),
    ]
    assert sum(r["images"] for r in parts[1:3]) == sum(r["images"] for r in parts[3:]) == 13
    references = {r["map"]: r for r in summary["coherence"] if r["subset"] == "all"}
    assert references["chance"]["rma"] == pytest.approx(np.mean([float(r["chance"]) for r in rows]))
    assert references["centre"]["rra"] > references["chance"]["rra"]
    deleted = [r for r in read_csv(run / "evaluation" / "deletion.csv") if r["map"] == "gate"]
    whole = next(r for r in summary["deletion"] if (r["map"], r["subset"]) == ("gate", "all"))
    each = [np.mean([float(r["ds"]) for r in deleted if r["label"] == c]) for c in cohort.CLASSES]
    assert whole["dsc"] == pytest.approx(
        np.mean([float(r["ds"]) for r in deleted]) - abs(each[1] - each[0]) / 2
    )


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--blur", "5"), "other settings (blur_sigma)"),
        (("--samples", "8"), "other settings (shap_samples)"),
        (("--samples", "1"), "--samples is at least 2"),
    ],
)
def test_settings_that_change_figures_are_refused(
    run: Path, data: Path, more: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _evaluate(run, data, *more) == 2
    assert message in capsys.readouterr().err


def test_another_model_or_other_images_are_refused(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _evaluate(run, cohort.write(tmp_path, PATIENTS + 2, seed=1)) == 2
    assert "not those that" in capsys.readouterr().err
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    shutil.copy(copy / "fold-0" / "model.safetensors", copy / "fold-1" / "model.safetensors")
    assert _evaluate(copy, data) == 2
    assert "other settings (models)" in capsys.readouterr().err
    assert _evaluate(tmp_path / "nothing", data) == 2
    assert "holds no run" in capsys.readouterr().err


def test_folds_that_are_not_trained_are_left_out_and_named(
    trained: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "run"
    shutil.copytree(trained, copy)
    (copy / "fold-1" / "metrics.json").unlink()
    assert _evaluate(copy, data, "--shap", "0", "--deletion", "1") == 0
    assert "Folds 1 are not trained yet" in capsys.readouterr().out
    assert {r["fold"] for r in read_csv(copy / "evaluation" / "coherence.csv")} == {"0"}
