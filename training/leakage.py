"""What near-identical images on both sides of a split would do: ``python -m training.leakage``.

Frozen features of an ImageNet backbone are classified twice over the same random seeds: with each
group of near-identical images in one fold, as everything else here does it, and with images split
at random. A logistic regression stands for a model that generalises, the nearest neighbour for one
that remembers. Both splits are stratified; nothing is trained but the classifiers, so that the
comparison costs minutes.
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from engine.errors import InvalidInputError
from engine.evaluation.classification import area
from engine.images.preprocess import Preprocessing
from engine.model.backbone import Backbone, normalisation
from engine.model.weights import load_global_weights
from engine.progress import Progress
from training import console, datasets, state
from training.cache import pixels
from training.datasets import Dataset

REPEATS, FOLDS, BATCH = 20, 5, 16

REGULARISATION = 0.01
"""C of the logistic regression on scaled features: more features than images need much."""

CLASSIFIERS = ("logistic regression", "nearest neighbour")

FIGURES = ("auc", "accuracy")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        "python -m training.leakage", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--dataset", default="busi", choices=datasets.NAMES)
    parser.add_argument("--data", required=True, type=Path, metavar="DIR")
    parser.add_argument("--weights", required=True, type=Path, metavar="FILE", help="of ImageNet")
    parser.add_argument("--backbone", default="densenet121", metavar="TIMM")
    parser.add_argument("--repeats", type=int, default=REPEATS, metavar="N", help="random splits")
    parser.add_argument("--folds", type=int, default=FOLDS, metavar="K")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="a JSON file")
    given = parser.parse_args(arguments)
    return console.run(lambda: leakage(given), "Nothing was written; run it again.")


def leakage(given: argparse.Namespace) -> None:
    """Compute the features, classify them both ways, and write what came out."""
    if given.repeats < 2 or given.folds < 2:
        raise InvalidInputError("--repeats and --folds are at least 2.")
    dataset = datasets.load(given.dataset, given.data)
    if len(dataset.classes) != 2:
        raise InvalidInputError("The comparison is made for two classes; choose another data set.")
    console.say(dataset.summary())
    with console.bars(2, "parts") as bars:
        values = features(dataset, given.backbone, given.weights, bars.part("features"))
        bars.done()
        result = compare(
            values, dataset, given.repeats, given.folds, given.seed, bars.part("splits")
        )
        bars.done()
    result = {"dataset": dataset.name, "backbone": given.backbone, **result}
    state.write_json(given.out, result)
    console.say(describe(result))


@torch.inference_mode()
def features(
    dataset: Dataset, backbone: str, weights: Path, progress: Progress
) -> NDArray[np.float32]:
    """Return the pooled features of a frozen ImageNet backbone, (N, C)."""
    network = Backbone(backbone).eval()
    load_global_weights(network, weights)
    mean, std = normalisation(backbone)
    preprocessing = Preprocessing(keep_aspect=dataset.keep_aspect, mean=mean, std=std)
    data = pixels(dataset.records, preprocessing, progress.part(0, 0.2))
    part = progress.part(0.2, 1)
    found = []
    for start in range(0, len(data), BATCH):
        part.report(start / len(data), f"image {start + 1} of {len(data)}")
        grey = torch.from_numpy(np.asarray(data.images[start : start + BATCH])).float() / 255
        inputs = data.normalise(grey).expand(-1, 3, -1, -1)
        maps = network(inputs.contiguous(memory_format=torch.channels_last))
        found.append(maps.mean(dim=(2, 3)).numpy())
    return np.concatenate(found)


def compare(
    values: NDArray[np.float32],
    dataset: Dataset,
    repeats: int,
    folds: int,
    seed: int,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Return figures of both ways to split, over all images and over those in groups alone."""
    target = np.array(dataset.labels)
    groups = np.array(dataset.groups)
    sizes = Counter(groups.tolist())
    joined = np.array([sizes[g] > 1 for g in groups.tolist()])
    crossing = sum(len(set(target[groups == g].tolist())) > 1 for g, n in sizes.items() if n > 1)
    scores: dict[tuple[str, str], list[NDArray[np.float64]]] = {}
    for repeat in range(repeats):
        for split in ("grouped", "ungrouped"):
            if progress is not None:
                progress.report(repeat / repeats, f"split {repeat + 1} of {repeats}")
            predicted = _out_of_fold(values, target, groups, split, folds, seed + repeat)
            for name, score in predicted.items():
                scores.setdefault((name, split), []).append(score)
    results = []
    parts = {f"all {len(target)} images": np.ones(len(target), bool)}
    if 0 < joined.sum() < len(target) and len(set(target[joined].tolist())) == 2:
        parts[f"the {int(joined.sum())} with a near-identical one"] = joined
    for said, part in parts.items():
        for name in CLASSIFIERS:
            measured = {
                split: [_figures(target[part], score[part]) for score in scores[name, split]]
                for split in ("grouped", "ungrouped")
            }
            results.append({"classifier": name, "images_said": said, **_summary(measured)})
    return {
        "images": len(target),
        "in_groups": int(joined.sum()),
        "groups_of_several": sum(n > 1 for n in sizes.values()),
        "groups_across_classes": crossing,
        "folds": folds,
        "repeats": repeats,
        "seed": seed,
        "results": results,
    }


def _out_of_fold(
    values: NDArray[np.float32],
    target: NDArray[np.int64],
    groups: NDArray[np.str_],
    split: str,
    folds: int,
    seed: int,
) -> dict[str, NDArray[np.float64]]:
    """Return each classifier's probability of the last class, out of fold."""
    how: dict[str, Any] = {"n_splits": folds, "shuffle": True, "random_state": seed}
    if split == "grouped":
        parts = StratifiedGroupKFold(**how).split(values, target, groups)
    else:
        parts = StratifiedKFold(**how).split(values, target)
    found = {name: np.zeros(len(target)) for name in CLASSIFIERS}
    for train, test in parts:
        for name in CLASSIFIERS:
            model = make_pipeline(StandardScaler(), _classifier(name))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of convergence at a tolerance that ranks need not
                model.fit(values[train], target[train])
            found[name][test] = model.predict_proba(values[test])[:, 1]
    return found


def _classifier(name: str) -> Any:
    if name == "logistic regression":
        return LogisticRegression(C=REGULARISATION, max_iter=200)
    return KNeighborsClassifier(1, metric="cosine")


def _figures(target: NDArray[np.int64], score: NDArray[np.float64]) -> dict[str, float]:
    found = area(target == 1, score)
    assert found is not None
    return {"auc": found, "accuracy": float(((score > 0.5) == (target == 1)).mean())}


def _summary(measured: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    line: dict[str, Any] = {}
    for split, figures in measured.items():
        line[split] = {}
        for figure in FIGURES:
            values = np.array([f[figure] for f in figures])
            line[split][figure] = {
                "mean": float(values.mean()),
                "deviation": float(values.std(ddof=1)),
            }
    line["difference"] = {}
    for figure in FIGURES:
        pairs = zip(measured["ungrouped"], measured["grouped"], strict=True)
        values = np.array([u[figure] - g[figure] for u, g in pairs])
        low, high = np.quantile(values, [0.025, 0.975])
        line["difference"][figure] = {
            "mean": float(values.mean()),
            "low": float(low),
            "high": float(high),
        }
    return line


def describe(result: dict[str, Any]) -> str:
    """Say in a few lines what came out."""
    lines = [
        f"{result['in_groups']} of {result['images']} images are near-identical to another, in "
        f"{result['groups_of_several']} groups."
    ]
    for line in result["results"]:
        change = line["difference"]
        lines.append(
            f"  {line['classifier']}, {line['images_said']}: AUC "
            f"{line['grouped']['auc']['mean']:.3f} grouped, "
            f"{line['ungrouped']['auc']['mean']:.3f} ungrouped "
            f"({change['auc']['mean']:+.3f}); accuracy {line['grouped']['accuracy']['mean']:.3f}, "
            f"{line['ungrouped']['accuracy']['mean']:.3f} ({change['accuracy']['mean']:+.3f})"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
