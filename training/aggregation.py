"""Is the channel sum the best map of a grid? ``python -m training.aggregation RUN``.

The paper's maps add a grid's channels up. Other ways of making one number of a cell's channels
cost nothing and need no training; each is scored here on the held-out images of a finished run,
placed on the image as the program's own maps are.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.evaluation.classification import mean_difference, mean_interval
from engine.evaluation.coherence import coherence
from engine.images.preprocess import to_model_input
from engine.model.network import FusionNetwork
from engine.progress import Progress
from engine.saliency.placement import place
from engine.session import Session
from training import console, state
from training.cache import Files, lesion_mask
from training.evaluate.run import Run, open_run, stratified

FILE = "aggregation.json"


def _above(cells: Tensor) -> Tensor:
    return (cells - cells.mean()).clamp_min(0)


AGGREGATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "sum": lambda z: z.sum(0),
    # Zagoruyko & Komodakis 2017, "Paying more attention to attention", F_sum^2.
    "sum of squares": lambda z: z.square().sum(0),
    "maximum": lambda z: z.amax(0),
    "sum above its mean": lambda z: _above(z.sum(0)),
    "sum of squares above its mean": lambda z: _above(z.square().sum(0)),
}
"""Ways to make a (rows, cols) map of a grid (channels, rows, cols); the first is the paper's."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        "python -m training.aggregation", description=__doc__.splitlines()[0]
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="folder that training.cv wrote")
    parser.add_argument("--data", required=True, type=Path, metavar="DIR", help="as for training")
    parser.add_argument("--images", type=int, metavar="N", help="a random subset; default: all")
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda|mps")
    given = parser.parse_args(arguments)
    return console.run(lambda: compare(given), "Nothing was written; run it again.")


def compare(given: argparse.Namespace) -> None:
    """Score all maps, and write what came out beside the run's evaluation."""
    run = open_run(given.run, given.data)
    console.say(run.dataset.summary())
    chosen = set(stratified(run.dataset.labels, 0)[: given.images])
    with console.bars(1, "maps") as bars:
        found = score(run, chosen, given.device, bars.part("maps"))
        bars.done()
    result = summarise(found)
    folder = run.folder / "evaluation"
    folder.mkdir(exist_ok=True)
    state.write_json(folder / FILE, result)
    for row in result["maps"]:
        console.say(
            f"{row['branch']}, {row['aggregation']}: RMA {row['rma']:.3f}, RRA {row['rra']:.3f}"
        )


def score(run: Run, chosen: set[int], device: str, progress: Progress) -> list[dict[str, Any]]:
    """Return a row for each image with a lesion, branch and aggregation."""
    order = [i for fold in run.done for i in run.held_out(fold) if i in chosen]
    files, found = Files(), []
    opened: tuple[int, Session, FusionNetwork] | None = None
    for done, index in enumerate(order):
        progress.report(done / len(order), f"image {done + 1} of {len(order)}")
        record, fold = run.dataset.records[index], run.folds[index]
        image = files.read(record.path)
        mask = lesion_mask(files, record, image.shape) if record.mask_paths else None
        if mask is None or not mask.any():
            continue
        if opened is None or opened[0] != fold:
            opened = None  # frees the last one first
            session = run.session(fold, device, "float32")
            opened = fold, session, session.checkpoint.network().to(session.device).eval()
        _, session, network = opened
        about = session.checkpoint.metadata
        prepared = to_model_input(image, record.frame, about.preprocessing)
        with torch.inference_mode():
            outputs = network(torch.from_numpy(prepared.tensor[None]).to(session.device))
        sources = {
            "global": outputs.global_features,
            "local": outputs.local_features,
            about.architecture.fusion: outputs.fused,
        }
        for branch, features in sources.items():
            for name, aggregate in AGGREGATIONS.items():
                cells = aggregate(features[0].float()).cpu().numpy()
                values = place(cells, session.grids[branch], prepared.to_image, image.shape)
                scored = coherence(values, mask)
                if scored.rma is not None:
                    about_row = {"index": index, "group": record.group}
                    row = {"branch": branch, "aggregation": name, "rma": scored.rma}
                    found.append({**about_row, **row, "rra": scored.rra})
    progress.report(1.0, "maps")
    return found


def summarise(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return means over images with intervals, and the difference from the channel sum's."""
    first = next(iter(AGGREGATIONS))
    lines = []
    for branch in dict.fromkeys(row["branch"] for row in rows):
        of = {
            name: {r["index"]: r for r in rows if (r["branch"], r["aggregation"]) == (branch, name)}
            for name in AGGREGATIONS
        }
        for name, scores in of.items():
            line: dict[str, Any] = {
                "branch": branch,
                "aggregation": name,
                "images": len(scores),
            }
            both = [i for i in scores if i in of[first]]
            groups = [scores[i]["group"] for i in both]
            for figure in ("rma", "rra"):
                ours, theirs = _column(scores, both, figure), _column(of[first], both, figure)
                around = mean_interval(ours, groups)
                gain = mean_difference(theirs, ours, groups)
                line[figure] = float(ours.mean())
                line[f"{figure}_interval"] = None if around is None else [around.low, around.high]
                line[f"{figure}_gain"] = (
                    None
                    if name == first or gain is None
                    else {"value": gain.value, "low": gain.low, "high": gain.high}
                )
            lines.append(line)
    return {"maps": lines}


def _column(
    scores: dict[int, dict[str, Any]], images: Sequence[int], figure: str
) -> NDArray[np.float64]:
    return np.array([scores[i][figure] for i in images], np.float64)


if __name__ == "__main__":
    raise SystemExit(main())
