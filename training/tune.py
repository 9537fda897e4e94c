"""Search for rates, decays, dropout and augmentation: ``python -m training.tune ... --out RUN``.

Each trial trains on the training part of one fold, and counts its lowest fused loss on that fold's
validation part; the test part is never touched. The best is printed as a command of training.cv.
These validation images are other folds' test images, so a cross-validation of what was found, on
the same data, flatters it a little; keep data apart where that matters.

What is searched, the rest being as the options say:
  rates            each of the three, from a tenth to ten times the recipe's; logarithmic
  weight decays    each of the three, 1e-6 to 1e-2 (sgd) or 1e-4 to 0.5 (adamw); logarithmic
  dropout          0 to 0.6
  augmentation     minimal or strong; where --augmentation is not given
  guidance         a fifth to five times what --guidance gives; logarithmic; where it gives some
By the tree-structured Parzen estimator; a trial whose validation loss is worse than the median of
the others' at the same epoch is given up.

The study lies in RUN/study.db, or wherever --storage says, so that many machines share one: start
the same command on each. Run again, it goes on; a trial that was killed goes on from its last
epoch.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidInputError, SaliscopeError
from training import console, datasets, memory, options
from training.folds import folds
from training.loop import DivergedError, Row, derive
from training.options import Experiment
from training.recipes import agree
from training.samples import Samples

if TYPE_CHECKING:
    import optuna

STUDY = "study.db"

STARTUP_TRIALS = 5
"""Drawn at random, and never given up: there is nothing to learn or compare from before."""

CONTINUES = "continues"
"""Of a trial that goes on with a killed one: the folder of that."""

RATE_SPAN, GUIDANCE_SPAN = 10.0, 5.0
DECAYS = {"sgd": (1e-6, 1e-2), "adamw": (1e-4, 0.5)}
DROPOUT = (0.0, 0.6)
PARTS = ("global", "local", "fusion")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        "python -m training.tune",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add(parser)
    run = parser.add_argument_group("study")
    run.add_argument("--folds", type=int, default=5, metavar="K")
    run.add_argument("--fold", type=int, default=0, metavar="k", help="trials train on this one")
    run.add_argument("--trials", type=int, default=50, metavar="N", help="of the whole study")
    run.add_argument("--timeout", type=float, metavar="S", help="begin no trial after S seconds")
    run.add_argument("--storage", metavar="URL", help="any Optuna storage; default RUN/study.db")
    run.add_argument("--study", default="saliscope", metavar="NAME")
    run.add_argument("--out", required=True, type=Path, metavar="RUN", help="folder of the trials")
    datasets.add_force(parser)
    given = parser.parse_args(arguments)
    return console.run(
        lambda: tune(given), "Run the same command again to go on from the last finished epoch."
    )


def tune(given: argparse.Namespace) -> None:
    """Run trials until there are enough, then say which was the best."""
    if given.devices * given.num_nodes > 1:
        raise InvalidInputError(
            "A trial trains on one device; to use more, start this command once for each, all with "
            "the same --out or --storage."
        )
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    datasets.check_trainable(given.dataset, given.force_external)
    made = options.experiment(given)
    split = folds(made.dataset.labels, made.dataset.groups, given.folds, given.seed)
    if not 0 <= given.fold < len(split):
        raise InvalidInputError(f"There is no fold {given.fold}; give 0 to {len(split) - 1}.")
    study = _study(given, made)
    _take_up(study)
    started = time.monotonic()
    samples: Samples | None = None
    with console.bars(given.trials, "trials") as bars:
        shown = 0
        while (done := _finished(study)) < given.trials:
            bars.done(done - shown)
            shown = done
            if given.timeout is not None and time.monotonic() - started >= given.timeout:
                bars.say(f"Time is up after {done} of {given.trials} trials.")
                break
            if samples is None:
                samples = made.samples(bars.part("images"))
            trial = study.ask()
            fold = split[given.fold]
            _one_trial(study, trial, made, samples, fold.train, fold.validation, given, bars)
    console.say(summary(study, given))


def _study(given: argparse.Namespace, made: Experiment) -> optuna.Study:
    """Open the study, or begin it; ``InvalidInputError`` where it is another's."""
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    settings = json.loads(json.dumps({**made.to_dict(), "folds": given.folds, "fold": given.fold}))
    given.out.mkdir(parents=True, exist_ok=True)
    url = given.storage or f"sqlite:///{(given.out / STUDY).resolve()}"
    epochs = made.recipe.epochs
    try:
        study = optuna.create_study(
            storage=url,
            study_name=given.study,
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(STARTUP_TRIALS, max(1, epochs // 5)),
        )
    except (SQLAlchemyError, ImportError, ValueError) as error:
        raise InvalidInputError(
            f"The study cannot be opened in {given.storage or given.out / STUDY} "
            f"({type(error).__name__}); check --storage."
        ) from error
    before = study.user_attrs.get("settings")
    if before is None:
        study.set_user_attr("settings", settings)
        return study
    changed = [key for key in settings if not agree(before, settings, key)]
    if changed:
        raise InvalidInputError(
            f"The study {given.study} searches with other settings ({', '.join(changed)}); "
            "give another --study or --out."
        )
    return study


def _finished(study: optuna.Study) -> int:
    from optuna.trial import TrialState

    return len(study.get_trials(False, (TrialState.COMPLETE, TrialState.PRUNED)))


def _take_up(study: optuna.Study) -> None:
    """Line up the trials that a killed process of this machine left."""
    from optuna.trial import TrialState

    for trial in study.get_trials(False, (TrialState.RUNNING,)):
        owner = trial.user_attrs
        if owner.get("host") == socket.gethostname() and not _alive(owner["process"]):
            _line_up(study, trial.number, trial.params, owner["folder"])


def _line_up(study: optuna.Study, number: int, params: dict[str, Any], folder: str) -> None:
    """End a trial unfinished, and have another go on in its folder."""
    from optuna.trial import TrialState

    study.tell(number, state=TrialState.FAIL)
    study.enqueue_trial(params, user_attrs={CONTINUES: folder})


def _alive(process: int) -> bool:
    if process == os.getpid():
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _one_trial(
    study: optuna.Study,
    trial: optuna.Trial,
    made: Experiment,
    samples: Samples,
    train: Any,
    validation: Any,
    given: argparse.Namespace,
    bars: console.Bars,
) -> None:
    """Train with what the sampler suggests, and tell the study how it went."""
    import optuna
    from optuna.trial import TrialState

    name = trial.user_attrs.get(CONTINUES, f"trial-{trial.number:04d}")
    for key, value in (
        ("host", socket.gethostname()),
        ("process", os.getpid()),
        ("folder", name),
    ):
        trial.set_user_attr(key, value)
    # By the trial's number, so that processes that share a study draw different ones.
    seed = derive(given.seed, "trial", trial.number) % 2**32
    study.sampler = optuna.samplers.TPESampler(n_startup_trials=STARTUP_TRIALS, seed=seed)
    tried = suggest(trial, made, given.augmentation is None)
    folder = given.out / name
    weights = derive(made.seed, "fold", given.fold)
    # As in the fold's own training, so that what is found here is found for that.
    unseen = made.held_out(given.fold, given.folds)
    trainer = tried.trainer(samples, train, validation, folder, weights, held_out=unseen)

    reported = 0

    def on_epoch(_: Row) -> None:
        nonlocal reported
        # With the epochs of the killed trial that this one goes on with.
        for row in trainer.history[reported:]:
            trial.report(row["validation_loss"], row["epoch"])
        reported = trainer.epoch
        if trial.should_prune():
            raise optuna.TrialPruned

    said, state = "", TrialState.COMPLETE
    try:
        trainer.run(bars.part(f"trial {trial.number}"), on_epoch)
    except optuna.TrialPruned:
        said, state = f"given up after epoch {trainer.epoch}", TrialState.PRUNED
    except DivergedError:
        said, state = f"diverged in epoch {trainer.epoch + 1}", TrialState.PRUNED
    except KeyboardInterrupt:
        _line_up(study, trial.number, trial.params, name)
        raise
    except SaliscopeError:
        study.tell(trial, state=TrialState.FAIL)
        raise
    losses = [row["validation_loss"] for row in trainer.history]
    if state is TrialState.COMPLETE:
        study.tell(trial, min(losses))
        said = f"validation loss {min(losses):.4f}"
    else:
        study.tell(trial, state=state)
    _tidy(folder)
    bars.say(f"trial {trial.number}: {said} ({shlex.join(found(trial.params, made))})")


def _tidy(folder: Path) -> None:
    """Keep a trial's history alone: its weights are of no use."""
    for path in folder.glob("*.safetensors"):
        path.unlink()
    if not any(folder.iterdir()):
        shutil.rmtree(folder)


def _rounded(value: float) -> float:
    """Return three digits of a value, so that the command printed is what was tried."""
    return float(f"{value:.3g}")


def suggest(trial: optuna.Trial, made: Experiment, augmentation: bool) -> Experiment:
    """Return the experiment with what the trial suggests. augmentation: whether to search it."""
    recipe = made.recipe
    low, high = DECAYS[recipe.optimiser]
    for part, rate in zip(PARTS, recipe.rates, strict=True):
        trial.suggest_float(f"rate_{part}", rate / RATE_SPAN, rate * RATE_SPAN, log=True)
    for part in PARTS:
        trial.suggest_float(f"weight_decay_{part}", low, high, log=True)
    trial.suggest_float("dropout", *DROPOUT)
    if augmentation:
        trial.suggest_categorical("augmentation", ("minimal", "strong"))
    if made.guidance:
        trial.suggest_float(
            "guidance", made.guidance / GUIDANCE_SPAN, made.guidance * GUIDANCE_SPAN, log=True
        )
    return with_params(made, trial.params)


def _three(params: dict[str, Any], name: str) -> tuple[float, float, float]:
    first, second, third = (_rounded(params[f"{name}_{part}"]) for part in PARTS)
    return first, second, third


def with_params(made: Experiment, params: dict[str, Any]) -> Experiment:
    """Return the experiment with a trial's parameters."""
    dropout = _rounded(params["dropout"])
    recipe = replace(
        made.recipe,
        rates=_three(params, "rate"),
        weight_decays=_three(params, "weight_decay"),
        dropout=dropout,
        augmentation=params.get("augmentation", made.recipe.augmentation),
    )
    return replace(
        made,
        recipe=recipe,
        architecture=replace(made.architecture, dropout=dropout),
        guidance=_rounded(params.get("guidance", made.guidance)),
    )


def found(params: dict[str, Any], made: Experiment | None = None) -> list[str]:
    """Return a trial's parameters as options of training.cv."""
    words = [
        *("--rates", ",".join(map(repr, _three(params, "rate")))),
        *("--weight-decays", ",".join(map(repr, _three(params, "weight_decay")))),
        *("--dropout", repr(_rounded(params["dropout"]))),
    ]
    if "augmentation" in params:
        words += ["--augmentation", params["augmentation"]]
    if "guidance" in params:
        words += ["--guidance", repr(_rounded(params["guidance"]))]
    return words


def command(given: argparse.Namespace, params: dict[str, Any]) -> str:
    """Return the command that cross-validates a trial's parameters."""
    parser = argparse.ArgumentParser(add_help=False)
    options.add(parser)
    better = found(params)
    words: list[str] = []
    for action in parser._actions:
        option, value = action.option_strings[0], getattr(given, action.dest)
        if option in better or value is None or value is False or value == action.default:
            continue
        words += [option] if value is True else [option, str(value)]
    words += [*better, "--folds", str(given.folds), "--out", f"{given.out}-cv"]
    return f"python -m training.cv {shlex.join(words)}"


def summary(study: optuna.Study, given: argparse.Namespace) -> str:
    """Say which trial was the best, and how to cross-validate it."""
    from optuna.trial import TrialState

    complete = study.get_trials(False, (TrialState.COMPLETE,))
    pruned = study.get_trials(False, (TrialState.PRUNED,))
    if not complete:
        return f"No trial came to its end ({len(pruned)} were given up); give more --trials."
    best = study.best_trial
    losses = best.intermediate_values
    return (
        f"{len(complete)} trials, {len(pruned)} more given up. The best is {best.number}: "
        f"validation loss {best.value:.4f} after epoch {min(losses, key=losses.__getitem__)}.\n"
        f"{command(given, best.params)}"
    )


if __name__ == "__main__":
    memory.keep()
    raise SystemExit(main())
