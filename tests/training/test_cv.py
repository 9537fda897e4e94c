"""The commands training.cv and training.fit, whole, on a small cohort of real files."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage

from engine.evaluation.classification import measure
from engine.images.preprocess import to_model_input
from engine.images.reader import read
from engine.model import checkpoint
from tests.training.stopping import stopped
from training import cv, fit
from training.state import read_csv

PATIENTS, EACH, SIDE = 16, 2, 64


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest of PNGs: every second patient has a bright disc, with its mask."""
    folder = tmp_path_factory.mktemp("cohort")
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE]
    lines = ["path,label,patient,modality,mask"]
    for patient in range(PATIENTS):
        for number in range(EACH):
            name = f"p{patient}-{number}"
            image = rng.integers(0, 100, (SIDE, SIDE), np.uint8)
            mask = "empty"
            if patient % 2:
                row, col = rng.integers(16, SIDE - 16, 2)
                disc = (y - row) ** 2 + (x - col) ** 2 < 100
                image[disc] += 140
                mask = f"{name}_mask.png"
                PillowImage.fromarray(disc.astype(np.uint8) * 255).save(folder / mask)
            PillowImage.fromarray(image).save(folder / f"{name}.png")
            label = ("healthy", "ill")[patient % 2]
            lines.append(f"{name}.png,{label},P{patient},US,{mask}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder


def _options(cohort: Path, *more: str) -> list[str]:
    return [
        *("--dataset", "manifest", "--data", str(cohort), "--size", str(SIDE)),
        *("--epochs", "3", "--device", "cpu", "--precision", "float32", "--guidance", "1", *more),
    ]


def _cv(cohort: Path, out: Path, *more: str) -> int:
    return cv.main(_options(cohort, "--folds", "2", "--out", str(out), *more))


@pytest.fixture(scope="module")
def run(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished cross-validation."""
    out = tmp_path_factory.mktemp("runs") / "run"
    assert _cv(cohort, out) == 0
    return out


def test_every_record_is_predicted_once_out_of_fold(run: Path) -> None:
    rows = read_csv(run / "predictions.csv")
    assert [int(r["index"]) for r in rows] == list(range(PATIENTS * EACH))
    folds: dict[str, set[str]] = {}
    for row in rows:
        folds.setdefault(row["group"], set()).add(row["fold"])
    assert all(len(f) == 1 for f in folds.values())
    for row in rows:
        for branch in ("global", "local", "fusion"):
            total = sum(float(row[f"{branch}_probability_{c}"]) for c in ("healthy", "ill"))
            assert total == pytest.approx(1)


def test_metrics_are_those_of_the_predictions(run: Path) -> None:
    result = json.loads((run / "metrics.json").read_text())
    logits, target, fold = cv.read_predictions(run / "predictions.csv", ("healthy", "ill"))
    for branch in ("global", "local", "fusion"):
        assert result["pooled"][branch] == measure(logits[branch], target, ("healthy", "ill"))
        assert result["calibration"][branch]["temperature"] > 0
    first = result["folds"][0]["branches"]["fusion"]
    here = fold == 0
    assert first["accuracy"] == pytest.approx(
        measure(logits["fusion"][here], target[here], ("healthy", "ill"))["accuracy"]
    )
    accuracies = [f["branches"]["fusion"]["accuracy"] for f in result["folds"]]
    assert result["over_folds"]["fusion"]["accuracy"]["mean"] == pytest.approx(np.mean(accuracies))


def test_a_fold_s_checkpoint_gives_its_predictions(run: Path, cohort: Path) -> None:
    model = checkpoint.load(run / "fold-1" / "model.safetensors")
    assert model.classes == ("healthy", "ill")
    assert [m.split for m in model.metadata.metrics] == ["fold 1 of 2, held out"] * 3
    network = model.network()
    for row in [r for r in read_csv(run / "predictions.csv") if r["fold"] == "1"][:4]:
        entry = to_model_input(read(cohort / row["image"]), 0, model.metadata.preprocessing)
        with torch.no_grad():
            logits = network(torch.from_numpy(entry.tensor)[None]).fusion_logits[0]
        # The cache rounds to 8 bits; these images had no more.
        assert logits.tolist() == pytest.approx(
            [float(row["fusion_logit_healthy"]), float(row["fusion_logit_ill"])], abs=1e-3
        )


def test_a_finished_run_is_not_trained_again(
    run: Path, cohort: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (run / "metrics.json").read_text()
    models = {p: p.stat().st_mtime_ns for p in run.glob("fold-*/*")}
    assert _cv(cohort, run) == 0
    assert {p: p.stat().st_mtime_ns for p in run.glob("fold-*/*")} == models
    assert (run / "metrics.json").read_text() == before
    assert "32 images out of fold" in capsys.readouterr().out


def test_a_run_of_an_older_version_goes_on(run: Path, cohort: Path, tmp_path: Path) -> None:
    old = shutil.copytree(run, tmp_path / "old")
    config = json.loads((old / "config.json").read_text("utf-8"))
    for later in ("presence", "unlabelled", "lesion_free"):
        del config[later]
    told = list(old.rglob("presence.csv"))
    assert len(told) == 3  # Its masks are all known, and half of them empty.
    for path in told:
        path.unlink()
    (old / "config.json").write_text(json.dumps(config), "utf-8")
    assert _cv(cohort, old) == 0
    assert "presence" not in json.loads((old / "metrics.json").read_text("utf-8"))
    assert _cv(cohort, old, "--presence", "1") == 2


def test_folds_run_as_separate_jobs_give_the_same(
    run: Path, cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _cv(cohort, tmp_path / "jobs", "--fold", "1") == 0
    assert "Folds 0 are still to be run" in capsys.readouterr().out
    assert not (tmp_path / "jobs" / "metrics.json").exists()
    assert _cv(cohort, tmp_path / "jobs", "--fold", "0") == 0
    assert (tmp_path / "jobs" / "predictions.csv").read_text() == (
        run / "predictions.csv"
    ).read_text()


def test_ctrl_c_says_how_to_go_on_and_going_on_gives_the_same(
    run: Path, cohort: Path, tmp_path: Path
) -> None:
    out = tmp_path / "stopped"
    command = ["training.cv", *_options(cohort), "--folds", "2", "--out", str(out)]
    status, said = stopped(command, (out / "fold-0" / "history.csv").is_file)
    assert status == 130
    assert "Run the same command again to go on" in said and "Traceback" not in said
    assert not (out / "metrics.json").exists()
    assert _cv(cohort, out) == 0
    assert (out / "predictions.csv").read_text() == (run / "predictions.csv").read_text()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--seed", "5"), "holds a run with other settings"),
        (("--fusion", "concat"), "act on the gate"),
        (("--fold", "2"), "no fold 2"),
        (("--folds", "30"), "too few for 30 folds"),
        (("--classes", "healthy,dead"), "the label 'ill' is none of healthy, dead"),
        (("--device", "tpu"), "not on this machine"),
        (("--local-weights", "nowhere.safetensors"), "local_residual"),
    ],
)
def test_errors_are_sentences_and_exit_with_2(
    run: Path,
    cohort: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    message: str,
) -> None:
    out = run if "--seed" in more else tmp_path / "new"
    assert _cv(cohort, out, *more) == 2
    assert message in capsys.readouterr().err


def test_fit_makes_the_model_that_is_shipped(
    run: Path, cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "demo.safetensors"
    options = [o for o in _options(cohort) if o not in ("--epochs", "3")]
    more = ["--cv", str(run), "--date", "2026-01-31", "--name", "Discs", "--out"]
    # The run was asked for three epochs and found its best; fit takes the median of these.
    assert fit.main([*options, *more, str(out)]) == 0, capsys.readouterr().err
    model = checkpoint.load(out)
    result = json.loads((run / "metrics.json").read_text())
    best = sorted(f["best_epoch"] for f in result["folds"])
    assert f"Training for {round(sum(best) / 2)} epochs" in capsys.readouterr().out
    data = model.metadata
    assert (data.name, data.date, data.version) == ("Discs", "2026-01-31", "1")
    assert data.training_data[0].images == PATIENTS * EACH
    assert data.training_data[0].patients == PATIENTS
    assert {m.branch: m.values["accuracy"] for m in data.metrics} == {
        b: result["pooled"][b]["accuracy"] for b in ("global", "local", "fusion")
    }
    assert "out of fold, 2 folds" in data.metrics[0].split
    assert dict(data.temperature) == {
        b: result["calibration"][b]["temperature"] for b in ("global", "local", "fusion")
    }
    background = model.shap_background
    assert background is not None and background.shape == (16, 3, SIDE // 2, SIDE // 2)
    assert background.dtype == torch.uint8 and background.float().std() > 5
    assert not out.with_name("demo.training").exists()
    near = data.familiarity
    assert near is not None and near.images == PATIENTS * EACH
    assert "out of fold, 2 folds of manifest" in near.source
    distances = {int(r["index"]): r for r in read_csv(run / "familiarity.csv")}
    folds_of = {int(r["index"]): r["fold"] for r in read_csv(run / "predictions.csv")}
    assert {i: r["fold"] for i, r in distances.items()} == folds_of
    found = [float(r["distance"]) for r in distances.values()]
    assert near.distance == pytest.approx(np.percentile(found, 95))
    again = tmp_path / "again.safetensors"
    assert fit.main([*options, *more, str(again)]) == 0
    assert out.read_bytes() == again.read_bytes()


def test_fit_refuses_the_figures_of_another_model(
    run: Path, cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "m.safetensors")]
    softmax = _options(cohort, "--gate-norm", "softmax", "--cv", str(run), *out)
    assert fit.main(softmax) == 2
    assert "cross-validated something else (architecture differ" in capsys.readouterr().err
    # One that started from other weights, or was made when there were no means of weights.
    older = tmp_path / "older"
    shutil.copytree(run, older)
    config = json.loads((older / "config.json").read_text())
    del config["recipe"]["average"]
    (older / "config.json").write_text(json.dumps(config))
    assert fit.main(_options(cohort, "--cv", str(older), *out)) == 0
    config["global_weights"] = "others.safetensors"
    (older / "config.json").write_text(json.dumps(config))
    assert fit.main(_options(cohort, "--cv", str(older), *out)) == 2
    assert "(global_weights differ)" in capsys.readouterr().err
    config |= {"global_weights": None, "masks": 0}  # guided by none is not guided by all
    (older / "config.json").write_text(json.dumps(config))
    assert fit.main(_options(cohort, "--cv", str(older), *out)) == 2
    assert "(masks differ)" in capsys.readouterr().err
    assert fit.main(_options(cohort, "--cv", str(tmp_path), *out)) == 2
    assert "no finished cross-validation" in capsys.readouterr().err
    assert fit.main(_options(cohort, "--out", str(tmp_path / "m.pt"))) == 2
    assert "no model file" in capsys.readouterr().err
    assert fit.main(_options(cohort, "--date", "yesterday", *out)) == 2
    assert "is no date" in capsys.readouterr().err
