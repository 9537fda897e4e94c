"""K-fold cross-validation: ``python -m training.cv --dataset NAME --data DIR --out RUN``.

RUN/config.json: what was asked for. RUN/folds.csv: who is where. RUN/fold-K/: the state of the
fold, history.csv, predictions.csv, metrics.json, and model.safetensors when it is done.
RUN/predictions.csv, RUN/metrics.json: out of fold, when all folds are done. presence.csv, in folds
and RUN, where images without a lesion are known: how far the gate opens for each. Run again with
the same options, it goes on from the last finished epoch.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax

from engine.errors import InvalidInputError, SaliscopeError
from engine.evaluation.classification import area, calibrated, fit_temperature, measure
from engine.evaluation.familiarity import Limit, Reference
from engine.evaluation.presence import Presence
from engine.model.checkpoint import Checkpoint
from engine.model.metadata import BRANCHES, CheckpointMetadata, Metrics, TrainingData
from training import console, datasets, memory, options, state
from training.board import Board
from training.folds import Fold, folds
from training.loop import LAST, Row, Trainer, derive
from training.options import Experiment
from training.presence import PRESENT, UNKNOWN
from training.recipes import agree
from training.samples import Samples
from training.team import Team

CONFIG, FOLDS, PREDICTIONS, PRESENCE, METRICS, MODEL = (
    "config.json",
    "folds.csv",
    "predictions.csv",
    "presence.csv",
    "metrics.json",
    "model.safetensors",
)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser("python -m training.cv", description=__doc__.splitlines()[0])
    options.add(parser)
    run = parser.add_argument_group("run")
    run.add_argument("--folds", type=int, default=5, metavar="K")
    run.add_argument("--fold", type=int, metavar="k", help="only this one, counted from 0")
    run.add_argument("--out", required=True, type=Path, metavar="RUN", help="folder of the run")
    datasets.add_force(parser)
    given = parser.parse_args(arguments)
    return console.run(
        lambda: cross_validate(given),
        "Run the same command again to go on from the last finished epoch.",
    )


def cross_validate(given: argparse.Namespace) -> None:
    """Train and test the folds asked for, then sum up if all are done."""
    datasets.check_trainable(given.dataset, given.force_external)
    team = options.team(given)
    made = options.experiment(given, state.recorded(given.out / CONFIG, "precision"), team.device)
    console.say(made.dataset.summary())
    for note in made.dataset.notes:
        console.say(f"  {note}")
    split = folds(made.dataset.labels, made.dataset.groups, given.folds, given.seed)
    if given.fold is not None and not 0 <= given.fold < len(split):
        raise InvalidInputError(
            f"There is no fold {given.fold}; with --folds {len(split)} they are 0 to "
            f"{len(split) - 1}."
        )
    out: Path = given.out
    with team.first_ahead():
        _begin(out, made, split, team)
    chosen = range(len(split)) if given.fold is None else [given.fold]
    waiting = [k for k in chosen if not is_done(out, k)]
    # What is to be done is the same for all only until one does it.
    team.wait()
    with console.bars(len(chosen), "folds") as bars:
        bars.done(len(chosen) - len(waiting))
        samples = None
        if waiting:
            with team.first_ahead():
                samples = made.samples(bars.part("images"))
        for k in waiting:
            assert samples is not None
            _one_fold(made, samples, split, k, folder_of(out, k), bars, team, given.tensorboard)
            bars.done()
    if not team.first:
        return
    missing = [k for k in range(len(split)) if not is_done(out, k)]
    if missing:
        console.say(f"Folds {', '.join(map(str, missing))} are still to be run.")
        return
    console.say(summary(collect(out, made, split)))


def folder_of(out: Path, number: int) -> Path:
    """Return the folder of a fold."""
    return out / f"fold-{number}"


def is_done(out: Path, number: int) -> bool:
    """Whether a fold is trained and tested."""
    return (folder_of(out, number) / METRICS).is_file()


def _begin(out: Path, made: Experiment, split: tuple[Fold, ...], team: Team) -> None:
    """Write what is asked for, or see that it is what the folder was begun with."""
    config = json.loads(json.dumps({**made.to_dict(), "folds": len(split)}))
    table = folds_table(made, split)
    path = out / CONFIG
    if path.is_file():
        before = json.loads(path.read_text("utf-8"))
        changed = [key for key in config if not agree(before, config, key)]
        if not changed and (out / FOLDS).read_text("utf-8") != table:
            changed = ["the images or their groups"]
        if changed:
            raise InvalidInputError(
                f"{out} holds a run with other settings ({', '.join(changed)}); "
                "give another --out, or delete it to begin again."
            )
        return
    if not team.first:
        raise SaliscopeError(
            f"{out} is not the same folder on all nodes; give one that they share."
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
        state.write_text(out / FOLDS, table)
        state.write_json(path, config)
    except OSError as error:
        raise SaliscopeError(
            f"{out} cannot be written to ({error.strerror}); give another --out."
        ) from error


def folds_table(made: Experiment, split: tuple[Fold, ...]) -> str:
    """Return folds.csv: who is in which fold."""
    fold_of = {int(i): number for number, fold in enumerate(split) for i in fold.test}
    rows = [
        {"index": i, "image": r.name, "label": r.label, "group": r.group, "fold": fold_of[i]}
        for i, r in enumerate(made.dataset.records)
    ]
    return state.csv_text(list(rows[0]), rows)


def _one_fold(
    made: Experiment,
    samples: Samples,
    split: tuple[Fold, ...],
    number: int,
    folder: Path,
    bars: console.Bars,
    team: Team,
    tensorboard: bool,
) -> None:
    """Train one fold, test it, and write what came out; ``metrics.json`` last."""
    fold = split[number]
    name = f"fold {number}"
    seed = derive(made.seed, "fold", number)
    unseen = made.held_out(number, len(split))
    trainer = made.trainer(samples, fold.train, fold.validation, folder, seed, team, unseen)
    train(trainer, name, bars, folder if tensorboard and team.first else None)
    logits = trainer.predict(fold.test, exact=True)
    target = samples.target[fold.test].numpy()
    held_out = trainer.predict(fold.validation, exact=True)
    asked = np.concatenate([fold.test, unseen])
    largest = trainer.largest_q(asked) if made.tells_presence(samples) else None
    if not team.first:
        return
    if largest is not None:
        state.write_csv(folder / PRESENCE, presence_rows(made, samples, asked, largest, number))
    shown = samples.target[fold.validation].numpy()
    temperature = {b: fit_temperature(held_out[b], shown) for b in BRANCHES}
    figures = {b: measure(logits[b], target, made.dataset.classes) for b in BRANCHES}
    rows = prediction_rows(made, fold.test, logits, number)
    state.write_csv(folder / PREDICTIONS, rows)
    checkpoint(
        trainer,
        made,
        name=f"{made.dataset.name} fold {number}",
        version="0",
        date=datetime.now(UTC).date().isoformat(),
        metrics=metrics_of(figures, f"fold {number} of {len(split)}, held out"),
        temperature=temperature,
    ).save(folder / MODEL)
    state.write_json(
        folder / METRICS,
        {
            "fold": number,
            "train": len(fold.train),
            "validation": len(fold.validation),
            "test": len(fold.test),
            "epochs": trainer.epoch,
            "best_epoch": trainer.best_epoch + 1,
            "seconds": sum(row["seconds"] for row in trainer.history),
            "temperature": temperature,
            "branches": figures,
        },
    )
    # The fold is done and its weights are in the checkpoint.
    (folder / LAST).unlink()
    for path in folder.glob("best-*.safetensors"):
        path.unlink()
    bars.say(f"{name}: tested on {len(target)} images: {_short(figures['fusion'])}")


def train(trainer: Trainer, name: str, bars: console.Bars, logs: Path | None) -> None:
    """Train to the end, saying how each epoch went. logs: TensorBoard's folder, None for none."""
    board = None if logs is None else Board(logs)

    def on_epoch(row: Row) -> None:
        bars.say(describe(name, row, trainer.recipe.epochs))
        if board is not None:
            board.show(trainer.history)

    trainer.run(bars.part(name), on_epoch)
    if board is not None:
        board.close()


def describe(name: str, row: Row, epochs: int) -> str:
    """Say in a line how an epoch went."""
    text = f"{name} epoch {row['epoch']}/{epochs}: loss {row['loss']:.4f}"
    if "validation_loss" in row:
        auc = row["validation_auc"]
        text += f", validation {row['validation_loss']:.4f}"
        text += "" if auc is None else f", AUC {auc:.3f}"
    return text + f" ({row['seconds']:.1f} s, {row['images_per_second']:.1f} images/s)"


def prediction_rows(
    made: Experiment, indices: NDArray[np.int64], logits: dict[str, NDArray[np.float64]], fold: int
) -> list[dict[str, Any]]:
    """Return a row a record: who it is, its fold, and each branch's logits and probabilities."""
    classes = made.dataset.classes
    rows: list[dict[str, Any]] = []
    probabilities = {branch: softmax(values, axis=1) for branch, values in logits.items()}
    for place, index in enumerate(indices.tolist()):
        row: dict[str, Any] = {**made.dataset.records[index].cells(index), "fold": fold}
        for branch in BRANCHES:
            for c, name in enumerate(classes):
                # repr keeps every digit: scores are computed again from this file.
                row[f"{branch}_logit_{name}"] = float(logits[branch][place, c])
            for c, name in enumerate(classes):
                row[f"{branch}_probability_{name}"] = float(probabilities[branch][place, c])
        rows.append(row)
    return rows


def presence_rows(
    made: Experiment,
    samples: Samples,
    indices: NDArray[np.int64],
    largest: NDArray[np.float64],
    fold: int,
) -> list[dict[str, Any]]:
    """Return a row an image of which it is known whether it shows a lesion: who, whether, and q."""
    records = (*made.dataset.records, *made.unlabelled)
    present = samples.present(torch.from_numpy(indices).to(samples.device)).tolist()
    return [
        {**records[i].cells(i), "fold": fold, "present": is_present, "largest_q": float(q)}
        for i, is_present, q in zip(indices.tolist(), present, largest, strict=True)
        if is_present != UNKNOWN
    ]


def metrics_of(figures: dict[str, dict[str, Any]], split: str) -> tuple[Metrics, ...]:
    """Return the figures of each output as a checkpoint keeps them."""
    names = ("accuracy", "sensitivity", "specificity", "f1", "auc", "ece")
    return tuple(
        Metrics(b, split, {n: f[n] for n in names if f.get(n) is not None})
        for b, f in figures.items()
    )


def checkpoint(
    trainer: Trainer,
    made: Experiment,
    *,
    name: str,
    version: str,
    date: str,
    metrics: tuple[Metrics, ...],
    temperature: dict[str, float],
    background: torch.Tensor | None = None,
    familiarity: tuple[Reference, Limit] | None = None,
    presence: Presence | None = None,
    licence: str = "Apache-2.0",
    intended_use: str = "Research: to study how a fusion classifier's maps agree with lesions.",
    limits: str = "Not a medical device; not validated for any clinical decision.",
) -> Checkpoint:
    """Return a trained network with all that must be said of it."""
    dataset = made.dataset
    patients = {r.patient for r in dataset.records if r.patient}
    network = trainer.network.to("cpu", memory_format=torch.contiguous_format)
    return Checkpoint.from_network(
        network,
        CheckpointMetadata(
            name=name,
            version=version,
            date=date,
            licence=licence,
            architecture=made.architecture,
            preprocessing=made.preprocessing,
            training_data=(
                TrainingData(
                    name=dataset.name,
                    citation=" ".join(dataset.citations),
                    licence=dataset.licence,
                    images=len(dataset.records) + len(made.unlabelled),
                    patients=len(patients) or None,
                ),
            ),
            metrics=metrics,
            intended_use=intended_use,
            limits=limits,
            temperature=temperature,
            familiarity=None if familiarity is None else familiarity[1],
            modalities=tuple(sorted({r.modality for r in dataset.records if r.modality})),
            presence=presence,
        ),
        background,
        None if familiarity is None else familiarity[0],
    )


def read_predictions(
    path: Path, classes: tuple[str, ...]
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.int64], NDArray[np.int64]]:
    """Return each branch's logits, the class indices and the folds of a predictions.csv."""
    rows = state.read_csv(path)
    logits = {
        b: np.array([[float(row[f"{b}_logit_{name}"]) for name in classes] for row in rows])
        for b in BRANCHES
    }
    target = np.array([classes.index(row["label"]) for row in rows])
    return logits, target, np.array([int(row["fold"]) for row in rows])


def collect(out: Path, made: Experiment, split: tuple[Fold, ...]) -> dict[str, Any]:
    """Join the folds' predictions, measure them, and write both; return the metrics."""
    lines: list[tuple[int, str]] = []
    header = ""
    for number in range(len(split)):
        text = (folder_of(out, number) / PREDICTIONS).read_text("utf-8")
        header, *body = text.splitlines()
        lines += [(int(line.split(",", 1)[0]), line) for line in body]
    lines.sort()
    text = "\n".join([header, *(line for _, line in lines)]) + "\n"
    state.write_text(out / PREDICTIONS, text)
    classes = made.dataset.classes
    logits, target, fold = read_predictions(out / PREDICTIONS, classes)
    per_fold = [
        json.loads((folder_of(out, k) / METRICS).read_text("utf-8")) for k in range(len(split))
    ]
    pooled = {b: measure(logits[b], target, classes) for b in BRANCHES}
    calibration = {b: calibrated(logits[b], target, fold.tolist()) for b in BRANCHES}
    spread: dict[str, dict[str, Any]] = {}
    for branch in BRANCHES:
        spread[branch] = {}
        for figure in ("accuracy", "sensitivity", "specificity", "f1", "auc", "ece"):
            values = [f["branches"][branch][figure] for f in per_fold]
            known = [v for v in values if v is not None]
            spread[branch][figure] = {
                "mean": float(np.mean(known)) if known else None,
                "deviation": float(np.std(known, ddof=1)) if len(known) > 1 else None,
                "folds": len(known),
            }
    result = {
        "dataset": made.dataset.name,
        "classes": list(classes),
        "images": len(target),
        "groups": len(set(made.dataset.groups)),
        "pooled": pooled,
        "calibration": calibration,
        "over_folds": spread,
        "folds": per_fold,
    }
    told = [folder_of(out, k) / PRESENCE for k in range(len(split))]
    # Folds of an older version, or of a gate that cannot close, did not tell.
    if all(path.is_file() for path in told):
        result["presence"] = _presence(out, told)
    state.write_json(out / METRICS, result)
    return result


def _presence(out: Path, folds: list[Path]) -> dict[str, Any]:
    """Return how well the gates tell images that they never saw, with and without a lesion."""
    rows = [row for path in folds for row in state.read_csv(path)]
    state.write_csv(out / PRESENCE, sorted(rows, key=lambda row: int(row["index"])))
    present = np.array([int(row["present"]) == PRESENT for row in rows], bool)
    largest = np.array([float(row["largest_q"]) for row in rows])
    both = bool(present.any() and not present.all())
    return {
        "images": len(rows),
        "without_lesion": int((~present).sum()),
        "auc": area(present, largest) if both else None,
        "sensitivity": float((largest[present] > 0).mean()) if both else None,
        "specificity": float((largest[~present] <= 0).mean()) if both else None,
    }


def _short(figures: dict[str, Any]) -> str:
    auc = figures["auc"]
    return f"accuracy {figures['accuracy']:.3f}" + ("" if auc is None else f", AUC {auc:.3f}")


def summary(result: dict[str, Any]) -> str:
    """Say in a few lines what came out of fold."""
    lines = [f"{result['dataset']}, {result['images']} images out of fold:"]
    for branch in BRANCHES:
        ece = result["calibration"][branch]
        lines.append(
            f"  {branch:6} {_short(result['pooled'][branch])}, ECE {ece['ece_before']:.3f}, "
            f"after calibration {ece['ece_after']:.3f}"
        )
    presence = result.get("presence")
    if presence is not None and presence["auc"] is not None:
        lines.append(
            f"  the gate tells {presence['without_lesion']} of {presence['images']} images without "
            f"a lesion with AUC {presence['auc']:.3f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    memory.keep()
    raise SystemExit(main())
