"""Does a model know what is unlike its training images? ``python -m training.unlike CHECKPOINT``.

The distances of the training data's own images, held out by the folds, stand beside those of other
kinds: another modality, images of elsewhere, noise.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidInputError
from engine.evaluation.classification import area, mean_interval
from engine.images.image import Image
from engine.progress import Progress
from engine.session import Session
from training import console, cv, datasets, familiarity, state
from training.cache import Files
from training.evaluate.run import stratified

LIMIT, NOISE = 100, 50

NOISE_SHAPE = (400, 400)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        "python -m training.unlike", description=__doc__.splitlines()[0]
    )
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="of training.fit")
    parser.add_argument(
        "--cv", required=True, type=Path, metavar="RUN", help="that the checkpoint was fitted with"
    )
    parser.add_argument(
        "--kind",
        action="append",
        default=[],
        type=_kind,
        metavar="NAME=DATASET:DIR",
        help="images of another kind; may be given several times",
    )
    parser.add_argument("--limit", type=int, default=LIMIT, metavar="N", help="images of each kind")
    parser.add_argument("--noise", type=int, default=NOISE, metavar="N", help="images of noise")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda|mps")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="a JSON file")
    given = parser.parse_args(arguments)
    return console.run(lambda: measure(given), "Nothing was written; run it again.")


def _kind(text: str) -> tuple[str, str, Path]:
    name, equals, rest = text.partition("=")
    dataset, colon, folder = rest.partition(":")
    if not (name and equals and colon and folder) or dataset not in datasets.NAMES:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not NAME=DATASET:DIR with a data set of {', '.join(datasets.NAMES)}"
        )
    return name, dataset, Path(folder)


def measure(given: argparse.Namespace) -> None:
    """Measure all kinds, and write what came out."""
    session = Session.open(given.checkpoint, given.device, "float32")
    about = session.checkpoint.metadata
    if about.familiarity is None:
        raise InvalidInputError(
            f"{given.checkpoint.name} does not describe its training images; fit it with --cv."
        )
    distances, groups = _held_out(given.cv)
    limit = about.familiarity.distance
    own = np.array(distances) / limit
    kinds = [_line("its own data, held out", own, groups, own)]
    with console.bars(len(given.kind) + 1, "kinds") as bars:
        for name, dataset, folder in given.kind:
            ratios, owners = _of_dataset(
                session, dataset, folder, given.limit, given.seed, bars.part(name)
            )
            kinds.append(_line(name, ratios, owners, own))
            bars.done()
        if given.noise:
            ratios = _of_noise(session, given.noise, given.seed, bars.part("noise"))
            kinds.append(_line("noise", ratios, [str(i) for i in range(len(ratios))], own))
        bars.done()
    result = {"model": f"{about.name} {about.version}", "limit": limit, "kinds": kinds}
    state.write_json(given.out, result)
    for line in kinds:
        console.say(
            f"{line['kind']}: {line['images']} images, median {line['median_of_limit']:.2f} of the "
            f"limit, {line['unlike']:.0%} beyond it"
        )


def _held_out(run: Path) -> tuple[list[float], list[str]]:
    """Return the distances out of fold, and the images' groups."""
    try:
        table = state.read_csv(run / familiarity.TABLE)
        group = {row["index"]: row["group"] for row in state.read_csv(run / cv.FOLDS)}
        return [float(row["distance"]) for row in table], [group[row["index"]] for row in table]
    except (OSError, KeyError, ValueError) as error:
        raise InvalidInputError(
            f"{run} has no {familiarity.TABLE}; give the run that training.fit --cv used."
        ) from error


def _of_dataset(
    session: Session, name: str, folder: Path, limit: int, seed: int, progress: Progress
) -> tuple[NDArray[np.float64], list[str]]:
    """Return the distances, in parts of the limit, of a part of a data set; and their groups."""
    dataset = datasets.load(name, folder)
    chosen = stratified(dataset.labels, seed)[:limit]
    chosen.sort(key=lambda i: (str(dataset.records[i].path), dataset.records[i].frame))
    files = Files()
    ratios, groups = [], []
    for done, index in enumerate(chosen):
        progress.report(done / len(chosen), f"image {done + 1} of {len(chosen)}")
        record = dataset.records[index]
        near = session.familiarity(files.read(record.path), record.frame)
        assert near is not None
        ratios.append(near.ratio)
        groups.append(record.group)
    return np.array(ratios), groups


def _of_noise(session: Session, count: int, seed: int, progress: Progress) -> NDArray[np.float64]:
    """Return those of noise, every second image of it smooth, so that it has shapes."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    ratios = []
    for number in range(count):
        progress.report(number / count, f"image {number + 1} of {count}")
        noise = rng.random(NOISE_SHAPE)
        if number % 2:
            noise = gaussian_filter(noise, 8)
            noise = (noise - noise.min()) / np.ptp(noise)
        near = session.familiarity(Image((noise[None] * 255).astype(np.uint8)), 0)
        assert near is not None
        ratios.append(near.ratio)
    return np.array(ratios)


def _line(
    kind: str, ratios: NDArray[np.float64], groups: Sequence[str], own: NDArray[np.float64]
) -> dict[str, Any]:
    unlike = (ratios > 1).astype(np.float64)
    interval = mean_interval(unlike, groups) if len(set(groups)) > 1 else None
    other = ratios is not own
    both = np.concatenate([own, ratios])
    is_other = np.arange(len(both)) >= len(own)
    return {
        "kind": kind,
        "images": len(ratios),
        "median_of_limit": float(np.median(ratios)),
        "unlike": float(unlike.mean()),
        "unlike_low": interval.low if interval else None,
        "unlike_high": interval.high if interval else None,
        "auc": area(is_other, both) if other else None,
    }


if __name__ == "__main__":
    raise SystemExit(main())
