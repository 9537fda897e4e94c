"""The command ``python -m training.external``."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import InvalidInputError
from engine.model.device import choose_device
from engine.model.metadata import BRANCHES
from engine.progress import Progress
from engine.session import Session
from training import console, datasets, state
from training.cache import Files, lesion_mask
from training.datasets import Dataset
from training.evaluate import coherence
from training.external import models, summary

FOLDER = "external"
PREDICTIONS, COHERENCE, SUMMARY = "predictions.csv", "coherence.csv", "summary.json"

_EPILOG = """\
MODEL is a run of training.cv (each fold's model is tested, and the mean of their answers) or a
checkpoint of training.fit. The data set must be one that it was not trained on. Nothing is fitted
to these images; temperatures and limits are the model's own.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        "python -m training.external",
        description="Test a model on images of elsewhere: predictions, maps, likeness.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="a run or a .safetensors file")
    parser.add_argument("--dataset", default="busbra", choices=datasets.NAMES)
    parser.add_argument("--data", required=True, type=Path, metavar="DIR", help="or a CSV file")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help=f"default for a run: RUN/{FOLDER}/DATASET"
    )
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda|mps")
    parser.add_argument("--precision", default="float32", metavar="auto|float32|bfloat16")
    given = parser.parse_args(arguments)
    return console.run(lambda: test(given), "Nothing was written; run it again.")


def test(given: argparse.Namespace) -> None:
    """Ask the models about every image, then write tables and the summary."""
    paths = models.paths_of(given.model)
    out = given.out
    if out is None:
        if given.model.is_file():
            raise InvalidInputError("Say with --out DIR where the figures of a checkpoint go.")
        out = given.model / FOLDER / given.dataset
    device = choose_device(given.device)
    sessions = {name: Session.open(path, device, given.precision) for name, path in paths.items()}
    classes = _check(sessions, given.dataset)
    dataset = datasets.load(given.dataset, given.data, classes)
    console.say(dataset.summary())
    with console.bars(1, "external test") as bars:
        predictions, scores = ask(sessions, dataset, bars.part("images"))
    result = {
        "dataset": dataset.name,
        "citations": list(dataset.citations),
        "classes": list(classes),
        "images": len(dataset.records),
        "groups": len(set(dataset.groups)),
        "source": given.model.name,
        "models": {n: hashlib.sha256(p.read_bytes()).hexdigest() for n, p in paths.items()},
        "trained_on": sorted(
            {d.name for s in sessions.values() for d in s.checkpoint.metadata.training_data}
        ),
        "precision": given.precision,
        "performance": summary.performance(predictions, classes),
        "devices": summary.by_device(predictions, classes),
        "coherence": summary.coherence(scores),
        "familiarity": summary.familiarity(predictions),
    }
    out.mkdir(parents=True, exist_ok=True)
    state.write_csv(out / PREDICTIONS, predictions)
    if scores:
        state.write_csv(out / COHERENCE, scores)
    state.write_json(out / SUMMARY, result)
    console.say(describe(result))


def _check(sessions: dict[str, Session], name: str) -> tuple[str, ...]:
    """Return the models' classes; ``InvalidInputError`` where the data are no test for them."""
    classes = {session.classes for session in sessions.values()}
    if len(classes) != 1:
        raise InvalidInputError("The folds' models have different classes; train them again.")
    seen = {d.name for s in sessions.values() for d in s.checkpoint.metadata.training_data}
    # Two manifests have the same name and may be two hospitals.
    if name in seen and name != "manifest":
        raise InvalidInputError(
            f"The model was trained on {name}: figures on it would be those of images that it "
            "knows; see training.evaluate for figures out of fold."
        )
    return classes.pop()


def ask(
    sessions: dict[str, Session], dataset: Dataset, progress: Progress
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of predictions.csv and coherence.csv."""
    files = Files()
    predictions: list[dict[str, Any]] = []
    scores: list[dict[str, Any]] = []
    records = dataset.records
    order = sorted(range(len(records)), key=lambda i: (str(records[i].path), records[i].frame))
    for done, index in enumerate(order):
        progress.report(done / len(order), f"image {done + 1} of {len(order)}")
        record = records[index]
        image = files.read(record.path)
        said = {name: models.ask(s, image, record.frame) for name, s in sessions.items()}
        if len(said) > 1:
            said = {models.ENSEMBLE: models.together(list(said.values())), **said}
        mask = None
        if record.mask_paths:
            mask = lesion_mask(files, record, image.shape)
        for name, one in said.items():
            about = {**record.cells(index), "model": name}
            predictions.append(
                {
                    **about,
                    "device": record.device,
                    **{
                        f"{output}_probability_{c}": float(p)
                        for output in BRANCHES
                        for c, p in zip(dataset.classes, one.probabilities[output], strict=True)
                    },
                    "distance": one.distance,
                    "limit": one.limit,
                }
            )
            if mask is not None and np.any(mask):
                maps = [(map_name, values, None) for map_name, values in one.maps.items()]
                scores += [
                    {k: v for k, v in row.items() if k != "target"}
                    for row in coherence.rows(about, maps, mask)
                ]
    predictions.sort(key=lambda row: row["index"])
    scores.sort(key=lambda row: row["index"])
    return predictions, scores


def describe(result: dict[str, Any]) -> str:
    """Say in a few lines what came out."""
    lines = [f"{result['dataset']}, {result['images']} images never trained on:"]
    for row in result["performance"]:
        if row["output"] == "fusion":
            lines.append(
                f"  {row['model']:9} AUC {_figure(row, 'auc')}, "
                f"accuracy {_figure(row, 'accuracy')}, ECE {_figure(row, 'ece')}"
            )
    first = result["performance"][0]["model"]
    lines += [
        f"  {row['map']:9} RMA {_figure(row, 'rma')}, RRA {_figure(row, 'rra')}; centred Gaussian "
        f"{row['centre_rma']:.3f}, {row['centre_rra']:.3f}; chance {row['chance']:.3f}"
        for row in result["coherence"]
        if row["model"] == first
    ]
    lines += [
        f"  {row['model']:9} {row['unlike']:.1%} of the images unlike the training images"
        for row in result["familiarity"]
    ]
    return "\n".join(lines)


def _figure(row: dict[str, Any], name: str) -> str:
    if row[name] is None:
        return "-"
    interval = ""
    if row[f"{name}_low"] is not None:
        interval = f" ({row[f'{name}_low']:.3f} to {row[f'{name}_high']:.3f})"
    return f"{row[name]:.3f}{interval}"


if __name__ == "__main__":
    raise SystemExit(main())
