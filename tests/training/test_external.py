"""``training.external`` on a run of ``training.cv`` and on a fitted model, with real files."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from engine.errors import InvalidInputError
from engine.evaluation.classification import area
from engine.evaluation.coherence import coherence
from engine.images.reader import read
from engine.model import checkpoint
from engine.session import Session
from tests.training import cohort
from training import cv, datasets, fit
from training.datasets import busbra
from training.external.__main__ import main
from training.state import read_csv

PATIENTS, ELSEWHERE = 14, 50


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cohort.write(tmp_path_factory.mktemp("cohort"), PATIENTS)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder laid out as BUS-BRA: other patients, two devices, one case with two images."""
    made = cohort.write(tmp_path_factory.mktemp("other"), ELSEWHERE + 1, seed=7)
    folder = tmp_path_factory.mktemp("busbra")
    for name in ("Images", "Masks"):
        (folder / name).mkdir()
    lines = ["ID,Case,Histology,Pathology,BIRADS,Device"]
    for i in range(ELSEWHERE):
        shutil.copy(made / f"p{i}.png", folder / "Images" / f"bus_{i:04}-l.png")
        shutil.copy(made / f"p{i}_mask.png", folder / "Masks" / f"mask_{i:04}-l.png")
        device = "A" if i < 45 else "B"
        lines.append(f"bus_{i:04}-l,{max(i, 2) - 1},-,{cohort.CLASSES[i % 2]},4,{device}")
    (folder / "bus_data.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cohort.cross_validate(data, tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def tested(run: Path, elsewhere: Path) -> Path:
    assert main([str(run), "--data", str(elsewhere), "--device", "cpu"]) == 0
    return run / "external" / "busbra"


def test_folds_answer_as_their_sessions_and_together_as_their_mean(
    run: Path, elsewhere: Path, tested: Path
) -> None:
    rows = read_csv(tested / "predictions.csv")
    assert len(rows) == 3 * ELSEWHERE
    image = read(elsewhere / "Images" / "bus_0003-l.png")
    mask = read(elsewhere / "Masks" / "mask_0003-l.png").grey(0) > 0
    mine = {r["model"]: r for r in rows if r["image"] == "bus_0003-l.png"}
    malignant = {m: float(r["fusion_probability_malignant"]) for m, r in mine.items()}
    scores = read_csv(tested / "coherence.csv")
    shares = []
    for fold in (0, 1):
        session = Session.open(run / f"fold-{fold}" / "model.safetensors", "cpu", "float32")
        expected = session.predict(image, 0).branches["fusion"][1]
        assert malignant[f"fold {fold}"] == pytest.approx(expected, abs=1e-6)
        values = np.maximum(session.saliency(image, 0, "gate", 0).values, 0)
        shares.append(values / values.sum())
    assert malignant["ensemble"] == pytest.approx((malignant["fold 0"] + malignant["fold 1"]) / 2)
    row = next(
        r
        for r in scores
        if (r["image"], r["model"], r["map"]) == ("bus_0003-l.png", "ensemble", "gate")
    )
    expected = coherence(np.mean(shares, axis=0), mask)
    assert float(row["rma"]) == pytest.approx(expected.rma, rel=1e-4)
    assert float(row["centre_rra"]) == pytest.approx(expected.prior_rra)


def test_summary_is_of_the_rows_with_intervals_and_by_device(tested: Path) -> None:
    summary = json.loads((tested / "summary.json").read_text())
    rows = [r for r in read_csv(tested / "predictions.csv") if r["model"] == "ensemble"]
    truth = np.array([r["label"] == "malignant" for r in rows])
    score = np.array([float(r["fusion_probability_malignant"]) for r in rows])
    line = next(
        r for r in summary["performance"] if (r["model"], r["output"]) == ("ensemble", "fusion")
    )
    assert line["auc"] == pytest.approx(area(truth, score))
    assert line["accuracy"] == pytest.approx(np.mean((score > 0.5) == truth))
    assert line["auc_low"] < line["auc"] < line["auc_high"]
    assert (line["images"], line["groups"]) == (ELSEWHERE, ELSEWHERE - 2)
    # Device B has too few images of each class to say anything.
    assert {r["device"] for r in summary["devices"]} == {"A"}
    assert all(r["images"] == 45 for r in summary["devices"])
    gate = next(r for r in summary["coherence"] if (r["model"], r["map"]) == ("ensemble", "gate"))
    assert gate["rma_low"] <= gate["rma"] <= gate["rma_high"] and 0 < gate["chance"] < 1
    # A fold's checkpoint does not describe its training images.
    assert summary["familiarity"] == []


def test_a_fitted_model_says_how_many_images_are_unlike_its_own(
    data: Path, run: Path, elsewhere: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model.safetensors"
    assert fit.main([*cohort.options(data), "--cv", str(run), "--out", str(model)]) == 0
    assert checkpoint.load(model).metadata.modalities == ("US",)
    assert main([str(model), "--data", str(elsewhere), "--out", str(tmp_path / "out")]) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    (line,) = summary["familiarity"]
    rows = read_csv(tmp_path / "out" / "predictions.csv")
    unlike = np.mean([float(r["distance"]) > float(r["limit"]) for r in rows])
    assert line["unlike"] == pytest.approx(unlike) and line["images"] == ELSEWHERE
    assert {r["model"] for r in rows} == {"model"}


def test_what_a_model_was_trained_on_is_no_test(
    elsewhere: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--dataset", "busbra", "--data", str(elsewhere), "--size", str(cohort.SIDE)]
    given += ["--epochs", "1", "--folds", "2", "--device", "cpu"]
    out = tmp_path / "run"
    assert cv.main([*given, "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert "external test set" in said and datasets.FORCE in said and not out.exists()
    assert cv.main([*given, "--fold", "0", "--out", str(out), datasets.FORCE]) == 0
    assert main([str(out), "--data", str(elsewhere)]) == 2
    assert "was trained on busbra" in capsys.readouterr().err


def test_a_folder_that_is_not_busbra_is_refused(data: Path, run: Path, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"bus_data\.csv"):
        busbra.load(data)
    (tmp_path / "bus_data.csv").write_text("ID,Case,Pathology,Device\nbus_1,1,benign,A\n")
    with pytest.raises(Exception, match=r"line 2: there is no file Images/bus_1\.png"):
        busbra.load(tmp_path)


@pytest.mark.parametrize("table", [b"ID,Case,Pathology,Device\nbus_1,1\n", b"\xff\xfe\x00I"])
def test_a_damaged_table_is_refused_in_a_sentence(table: bytes, tmp_path: Path) -> None:
    (tmp_path / "bus_data.csv").write_bytes(table)
    with pytest.raises(InvalidInputError, match="fetch it again"):
        datasets.load("busbra", tmp_path)


def test_real_busbra(shared_data: Path) -> None:
    dataset = datasets.load("busbra", shared_data / "busbra_subset")
    assert dataset.summary() == "busbra: 200 images (100 benign, 100 malignant), 200 groups"
    assert all(len(r.mask_paths) == 1 and r.device for r in dataset.records)
