"""training.tune, whole: trials, giving up, going on after a kill, and the command it prints."""

import argparse
import shlex
import shutil
import signal
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState
from PIL import Image as PillowImage

from tests.training.stopping import stopped
from training import options, tune

SIDE = 64


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    rng = np.random.default_rng(0)
    lines = ["path,label,patient,modality,mask"]
    for number in range(24):
        image = rng.integers(0, 120 + 100 * (number % 2), (SIDE, SIDE), np.uint8)
        PillowImage.fromarray(image).save(folder / f"{number}.png")
        lines.append(f"{number}.png,{('healthy', 'ill')[number % 2]},P{number},US,empty")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder


def _options(cohort: Path, out: Path, *more: object) -> list[str]:
    return [
        *("--dataset", "manifest", "--data", str(cohort), "--size", str(SIDE), "--folds", "2"),
        *("--epochs", "2", "--device", "cpu", "--precision", "float32", "--guidance", "0.5"),
        *("--out", str(out), *map(str, more)),
    ]


def _study(out: Path) -> optuna.Study:
    return optuna.load_study(study_name="saliscope", storage=f"sqlite:///{out / 'study.db'}")


@pytest.fixture(scope="module")
def run(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    assert tune.main(_options(cohort, out, "--trials", 3)) == 0
    return out


def test_the_best_trial_is_the_lowest_loss_and_its_history_is_kept(run: Path) -> None:
    study = _study(run)
    assert [t.state for t in study.trials] == [TrialState.COMPLETE] * 3
    for trial in study.trials:
        rows = (run / f"trial-{trial.number:04d}" / "history.csv").read_text().splitlines()
        column = rows[0].split(",").index("validation_loss")
        losses = [float(row.split(",")[column]) for row in rows[1:]]
        assert trial.value == min(losses)
        assert trial.intermediate_values == dict(enumerate(losses, 1))
    assert len({t.params["rate_global"] for t in study.trials}) == 3
    assert not list(run.glob("*/*.safetensors"))


def test_what_it_prints_is_what_was_tried(
    run: Path, cohort: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (run / "study.db").read_bytes()
    # Enough trials are done: nothing is trained, and the best is said again.
    assert tune.main(_options(cohort, run, "--trials", 3)) == 0
    assert _study(run).trials[-1].number == 2 and (run / "study.db").read_bytes() == before
    words = shlex.split(capsys.readouterr().out.strip().splitlines()[-1])
    assert words[:3] == ["python", "-m", "training.cv"]
    parser = argparse.ArgumentParser()
    options.add(parser)
    parser.add_argument("--folds", type=int)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(words[3:])
    made = options.experiment(given)
    base = options.experiment(parser.parse_args(_options(cohort, run)))
    tried = tune.with_params(base, _study(run).best_params)
    assert made.to_dict() == tried.to_dict()
    assert made.recipe.rates != base.recipe.rates and made.guidance != base.guidance
    assert given.folds == 2 and given.out == run.with_name("run-cv")


def test_another_search_is_refused_and_another_study_is_not_mixed_in(
    run: Path, cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune.main(_options(cohort, run, "--trials", 3, "--seed", 5)) == 2
    assert "other settings (seed)" in capsys.readouterr().err
    assert tune.main(_options(cohort, tmp_path / "x", "--storage", "nowhere://x")) == 2
    assert "check --storage" in capsys.readouterr().err
    assert tune.main(_options(cohort, tmp_path / "x", "--devices", 2)) == 2
    assert "start this command once for each" in capsys.readouterr().err
    assert tune.main(_options(cohort, tmp_path / "x", "--timeout", 0)) == 0
    assert "Time is up after 0 of 50 trials" in capsys.readouterr().err


def test_a_killed_trial_goes_on_in_its_folder(cohort: Path, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    arguments = _options(cohort, out, "--trials", 1)
    arguments[arguments.index("--epochs") + 1] = "20"
    history = out / "trial-0000" / "history.csv"
    stopped(["training.tune", *arguments], history.is_file, signal.SIGKILL)
    before = history.read_text().splitlines()
    assert 2 <= len(before) < 21
    assert [t.state for t in _study(out).trials] == [TrialState.RUNNING]
    assert tune.main(arguments) == 0
    left, done = _study(out).trials
    assert (left.state, done.state) == (TrialState.FAIL, TrialState.COMPLETE)
    assert done.params == left.params
    after = history.read_text().splitlines()
    # The same epochs, with the seconds that they took then, and the rest.
    assert after[: len(before)] == before and len(after) == 21
    assert list(done.intermediate_values) == list(range(1, 21))
    assert not (out / "trial-0001").exists()


def test_a_trial_far_worse_than_the_others_is_given_up(
    run: Path, cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    shutil.copytree(run, out)
    study = _study(out)
    # The others did so well that no loss of this trial can be under their median.
    for _ in range(tune.STARTUP_TRIALS):
        study.add_trial(
            optuna.trial.create_trial(
                value=0.0,
                params=study.trials[0].params,
                distributions=study.trials[0].distributions,
                intermediate_values={1: 0.0, 2: 0.0},
            )
        )
    assert tune.main(_options(cohort, out, "--trials", len(study.trials) + 1)) == 0
    assert "8 trials, 1 more given up. The best is 3" in capsys.readouterr().out
    last = _study(out).trials[-1]
    assert last.state is TrialState.PRUNED and len(last.intermediate_values) <= 2
