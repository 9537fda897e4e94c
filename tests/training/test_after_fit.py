"""What is made of a fitted model: its card, pictures of its maps, and what it finds unlike."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from engine.model import checkpoint
from engine.session import Session
from tests.training import cohort
from training import card, fit, pictures, unlike
from training.external.__main__ import main as external
from training.state import read_csv

PATIENTS = 14


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cohort.write(tmp_path_factory.mktemp("cohort"), PATIENTS)


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cohort.cross_validate(data, tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def model(data: Path, run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "breast-ultrasound.safetensors"
    given = [*cohort.options(data), "--cv", str(run), "--name", "Breast | ultrasound", "--half"]
    assert fit.main([*given, "--out", str(path)]) == 0
    return path


def test_the_card_says_what_the_checkpoint_says(model: Path, data: Path, tmp_path: Path) -> None:
    tested = tmp_path / "external"
    assert (
        external([str(model), "--dataset", "manifest", "--data", str(data), "--out", str(tested)])
        == 0
    )
    out = tmp_path / "docs" / "models" / "breast.md"
    given = [str(model), "--out", str(out), "--external", str(tested)]
    command = "python -m training.fit --cv RUN"
    assert card.main([*given, "--trained-by", command, "--results", "../results/busi"]) == 0
    text = out.read_text()
    about = checkpoint.load(model).metadata
    assert text.startswith("# Model card: Breast | ultrasound 1\n")
    for said in (
        "half precision, ",
        about.intended_use,
        about.limits,
        "ultrasound (US)",
        "benign, malignant",
        f"14 images of manifest, {PATIENTS} patients",
        f"feature distance above {about.familiarity.distance:.2f}",
        "[../results/busi](../results/busi)",
        f"```\n{command}\n```",
        "## On images of elsewhere: manifest",
        "answered by this file",
    ):
        assert said in text, said
    fusion = next(m for m in about.metrics if m.branch == "fusion")
    assert f"| fusion | {fusion.values['auc']:.3f} |" in text
    assert all(line.count(" | ") == 1 for line in text.splitlines() if line.startswith("| licence"))


def test_a_card_says_whether_the_gate_knows_images_without_a_lesion(model: Path) -> None:
    told = {"images": 40, "without_lesion": 8, "auc": 0.875, "sensitivity": 0.9, "specificity": 0.5}
    text = card.card(checkpoint.load(model), presence=told)
    assert "8 of 40 without a lesion: AUC 0.875" in text
    assert "opens on 90.0% of images with a lesion and does not on 50.0%" in text
    assert "Not measured" in card.card(checkpoint.load(model), presence={**told, "auc": None})


def test_a_card_of_little_says_what_is_missing(model: Path) -> None:
    found = checkpoint.load(model)
    bare = card.card(
        type(found)(
            type(found.metadata)(
                **{
                    **{f: getattr(found.metadata, f) for f in found.metadata.__dataclass_fields__},
                    **{"metrics": (), "familiarity": None, "modalities": ()},
                    "training_data": (),
                }
            ),
            found.state,
        )
    )
    for said in ("carries none", "cannot warn", "not said", "None are due", "not recorded"):
        assert said in bare


def test_pictures_show_the_image_and_all_maps_by_the_fold_that_held_it_out(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = [str(data / "p0.png"), str(data / f"p{PATIENTS - 1}.png")]
    given = [str(run), "--images", *images, "--out", str(tmp_path), "--device", "cpu"]
    assert pictures.main([*given, "--shap", "4"]) == 0
    fold = {r["image"]: int(r["fold"]) for r in read_csv(run / "folds.csv")}
    session = Session.open(run / f"fold-{fold['p0.png']}" / "model.safetensors", "cpu", "float32")
    about = session.checkpoint.metadata
    said = capsys.readouterr().out
    assert f"by {about.name} (held out)" in said
    for name in ("p0.png", f"p{PATIENTS - 1}.png"):
        drawn = np.asarray(PillowImage.open(tmp_path / name).convert("RGB"))
        assert drawn.shape[1] > 800
    # The outline is there where the lesion is known, and only there.
    outline = np.array([0x35, 0xD0, 0xA5])
    with_mask = np.asarray(PillowImage.open(tmp_path / "p0.png").convert("RGB"))
    without = np.asarray(PillowImage.open(tmp_path / f"p{PATIENTS - 1}.png").convert("RGB"))
    close = [
        (np.abs(p.astype(int) - outline).max(axis=-1) < 12).sum() for p in (with_mask, without)
    ]
    assert close[0] > 200 and close[1] < 20


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--masks", "-", "-"], "--masks has 2 entries for 1 images"),
        (["--frames", "3"], "has 1 frames; there is no 3"),
    ],
)
def test_pictures_refuse_what_does_not_fit(
    run: Path,
    data: Path,
    tmp_path: Path,
    more: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [str(run), "--images", str(data / "p0.png"), "--out", str(tmp_path)]
    assert pictures.main([*given, *more]) == 2
    assert message in capsys.readouterr().err


def test_an_image_that_the_run_does_not_know_is_refused(run: Path) -> None:
    with pytest.raises(Exception, match=r"knows no image of the name x\.png"):
        pictures.model_for(run, "x.png", 0)


def test_unlike_images_are_counted_by_kind(
    model: Path, run: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "unlike.json"
    given = [str(model), "--cv", str(run), "--kind", f"the same again=manifest:{data}"]
    assert unlike.main([*given, "--noise", "6", "--device", "cpu", "--out", str(out)]) == 0
    found = json.loads(out.read_text())
    own, same, noise = found["kinds"]
    limit = checkpoint.load(model).metadata.familiarity
    held_out = [float(r["distance"]) / limit.distance for r in read_csv(run / "familiarity.csv")]
    assert own["unlike"] == pytest.approx(np.mean(np.array(held_out) > 1))
    assert own["median_of_limit"] == pytest.approx(np.median(held_out)) and own["auc"] is None
    assert same["images"] == PATIENTS and noise["images"] == 6
    assert noise["median_of_limit"] > same["median_of_limit"] and 0 <= same["auc"] <= 1
