"""Train the model that is shipped, on all records: ``python -m training.fit --cv RUN --out FILE``.

How long to train, how sure to be (temperature) and how good it is come from the cross-validation in
RUN: its figures are out of fold; this model itself has nothing left to be tested on.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.errors import InvalidInputError
from engine.evaluation.familiarity import Limit, Reference
from engine.evaluation.presence import Presence
from engine.model.metadata import BRANCHES, Metrics
from engine.progress import Progress
from engine.saliency.background import encode
from training import console, cv, datasets, familiarity, memory, options, state
from training.folds import folds
from training.loop import derive, precision_before
from training.options import Experiment
from training.recipes import agree, completed
from training.samples import Samples

BACKGROUND_IMAGES = 16
"""Images in a checkpoint's SHAP background, spread evenly over the classes."""

BACKGROUND_REDUCTION = 2
"""Each side of them is divided by this: 16 images of 112 pixels take 0.6 MB."""

MUST_AGREE = (
    "dataset",
    "classes",
    "images",
    "architecture",
    "preprocessing",
    "guidance",
    "self_guidance",
    "presence",
    "unlabelled",
    "lesion_free",
    "masks",
    "erase",
    "freeze",
    "global_weights",
    "local_weights",
)
"""What of the cross-validation's settings must be the same, or its figures are another model's."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser("python -m training.fit", description=__doc__.splitlines()[0])
    options.add(parser)
    run = parser.add_argument_group("model file")
    run.add_argument("--cv", type=Path, metavar="RUN", help="a finished run of training.cv")
    run.add_argument("--out", required=True, type=Path, metavar="FILE", help="a .safetensors file")
    run.add_argument("--name", help="default: the data set's")
    run.add_argument("--version", default="1", dest="model_version")
    run.add_argument("--date", default=datetime.now(UTC).date().isoformat(), metavar="YYYY-MM-DD")
    run.add_argument("--licence", default="Apache-2.0")
    run.add_argument("--intended-use")
    run.add_argument("--limits")
    run.add_argument("--half", action="store_true", help="store kernels in half precision")
    datasets.add_force(parser)
    given = parser.parse_args(arguments)
    return console.run(
        lambda: fit(given), "Run the same command again to go on from the last finished epoch."
    )


def fit(given: argparse.Namespace) -> None:
    """Train on every record and write the checkpoint."""
    out: Path = given.out
    if out.suffix != ".safetensors":
        raise InvalidInputError(f"{out.name} is no model file; give --out FILE.safetensors.")
    try:
        date.fromisoformat(given.date)
    except ValueError as error:
        raise InvalidInputError(
            f"--date {given.date} is no date; give it as 2026-01-31."
        ) from error
    work = out.with_name(f"{out.stem}.training")
    datasets.check_trainable(given.dataset, given.force_external)
    team = options.team(given)
    made = options.experiment(given, precision_before(work), team.device)
    console.say(made.dataset.summary())
    temperature = dict.fromkeys(BRANCHES, 1.0)
    metrics: tuple[Metrics, ...] = ()
    presence: Presence | None = None
    if given.cv is not None:
        result = _finished(given.cv, made)
        if given.epochs is None:
            made = replace(
                made, recipe=replace(made.recipe, epochs=_epochs(result, made.recipe.keep))
            )
            console.say(f"Training for {made.recipe.epochs} epochs, the folds' median.")
        temperature = {b: result["calibration"][b]["temperature"] for b in BRANCHES}
        metrics = _metrics(result)
        presence = _presence(result, made)
    else:
        console.say(
            "No --cv RUN: the model will carry no figures, no calibration, and no way to say that "
            "an image is unlike its training images."
        )
    everything = np.arange(len(made.dataset.records))
    seed = derive(made.seed, "fit")
    with console.bars(1, "fit") as bars:
        with team.first_ahead():
            samples = made.samples(bars.part("images"))
        trainer = made.trainer(samples, everything, everything[:0], work, seed, team)
        # Not in the work folder, which goes when all is done.
        logs = out.with_name(f"{out.stem}.logs") if given.tensorboard and team.first else None
        cv.train(trainer, "fit", bars, logs)
        if not team.first:
            return
        near: tuple[Reference, Limit] | None = None
        if given.cv is not None:
            near = (
                familiarity.of_training_images(trainer.network, samples, everything),
                _limit(given.cv, made, samples, bars.part("distances of held-out images")),
            )
            console.say(
                f"An image farther than {near[1].distance:.2f} will be called unlike the training "
                f"images ({near[1].percentile:.0f}th percentile, {near[1].source})."
            )
    said = {"intended_use": given.intended_use, "limits": given.limits}
    model = cv.checkpoint(
        trainer,
        made,
        name=given.name or made.dataset.name,
        version=given.model_version,
        date=given.date,
        metrics=metrics,
        temperature=temperature,
        background=background(samples, made),
        familiarity=near,
        presence=presence,
        licence=given.licence,
        **{k: v for k, v in said.items() if v is not None},
    )
    digest = model.save(out, half=given.half)
    shutil.rmtree(work)
    console.say(f"{out}: {out.stat().st_size / 1e6:.1f} MB, SHA-256 {digest}")


def _finished(run: Path, made: Experiment) -> dict[str, Any]:
    """Return the metrics of a cross-validation of this very model."""
    config, result = (
        state.read_json(
            run / name,
            f"{run} holds no finished cross-validation; finish it with training.cv --out {run}.",
        )
        for name in (cv.CONFIG, cv.METRICS)
    )
    ours = json.loads(json.dumps(made.to_dict()))
    other = [key for key in MUST_AGREE if not agree(config, ours, key)]
    # The number of epochs is what is taken from there, and nothing stops early here; all else of
    # the recipe must agree.
    recipes = [{**completed(c["recipe"]), "epochs": 0, "patience": 0} for c in (config, ours)]
    if recipes[0] != recipes[1]:
        other.append("recipe")
    if other:
        raise InvalidInputError(
            f"{run} cross-validated something else ({', '.join(other)} differ); "
            "give the same options as there."
        )
    return result


def _limit(run: Path, made: Experiment, samples: Samples, progress: Progress) -> Limit:
    """Return how far an image may be, by the cross-validation's folds."""
    config = json.loads((run / cv.CONFIG).read_text("utf-8"))
    dataset = made.dataset
    split = folds(dataset.labels, dataset.groups, config["folds"], config["seed"])
    if cv.folds_table(made, split) != (run / cv.FOLDS).read_text("utf-8"):
        raise InvalidInputError(
            f"{run} was split from other images or groups; cross-validate again, or give the data "
            "that it was made from."
        )
    models = [cv.folder_of(run, number) / cv.MODEL for number in range(len(split))]
    return familiarity.out_of_fold(
        models, split, samples, run / familiarity.TABLE, dataset.name, progress
    )


def _epochs(result: dict[str, Any], keep: str) -> int:
    """Return the median of the epochs whose weights the folds kept, best or last."""
    kept = [int(fold["best_epoch" if keep == "best" else "epochs"]) for fold in result["folds"]]
    return max(1, round(statistics.median(kept)))


def _metrics(result: dict[str, Any]) -> tuple[Metrics, ...]:
    """Return the out-of-fold figures, with the ECE that calibration leaves."""
    split = (
        f"out of fold, {len(result['folds'])} folds by patient or group of near-identical images, "
        f"{result['images']} images of {result['groups']} groups of {result['dataset']}"
    )
    found = []
    for m in cv.metrics_of(result["pooled"], split):
        values = {k: v for k, v in m.values.items() if k != "ece"}
        ece = result["calibration"][m.branch]["ece_after"]
        found.append(replace(m, values={**values, "ece_calibrated": ece}))
    return tuple(found)


def _presence(result: dict[str, Any], made: Experiment) -> Presence | None:
    """Return how well the folds' gates told whether there is a lesion.

    None where a class says so, where that was not measured, and where their being open tells
    nothing.
    """
    told = result.get("presence")
    said = set(made.lesion_free) & set(made.dataset.classes)
    if said or not made.unlabelled or told is None or told["auc"] is None:
        return None
    if told["sensitivity"] + told["specificity"] <= 1:
        return None
    source = f"out of fold, {len(result['folds'])} folds of {result['dataset']}"
    return Presence(**told, source=source)


def background(samples: Samples, made: Experiment) -> Tensor:
    """Return a few training images, reduced, as SHAP's reference: uint8 (N, 3, h, w)."""
    draw = np.random.default_rng(derive(made.seed, "background"))
    target = samples.target.numpy()
    turns = [
        draw.permutation(np.flatnonzero(target == c)) for c in range(len(made.dataset.classes))
    ]
    chosen = [
        int(turn[place])
        for place in range(max(map(len, turns)))
        for turn in turns
        if place < len(turn)
    ][:BACKGROUND_IMAGES]
    rows, cols = made.preprocessing.size
    here = torch.tensor(sorted(chosen))
    inputs = samples.pixels.normalise(samples.images(here.to(samples.device)))
    size = (rows // BACKGROUND_REDUCTION, cols // BACKGROUND_REDUCTION)
    return encode(inputs.expand(-1, 3, -1, -1), made.preprocessing, size)


if __name__ == "__main__":
    memory.keep()
    raise SystemExit(main())
