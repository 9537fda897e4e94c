"""The command ``python -m training.evaluate``."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import InvalidInputError
from engine.evaluation.deletion import ALPHA, BLUR_SIGMA, STEPS, blurred, perturbed
from engine.images import reader
from engine.images.preprocess import to_model_input
from engine.model.device import choose_device
from engine.saliency.together import METHOD
from training import console, state
from training.evaluate import coherence, deletion, summary
from training.evaluate.rows import Rows
from training.evaluate.run import Run, open_run, stratified
from training.evaluate.work import BACKGROUND_IMAGES, SHAP, Evaluator, Settings

FOLDER = "evaluation"
CONFIG, COHERENCE, DELETION, SUMMARY, STRIP = (
    "config.json",
    "coherence.csv",
    "deletion.csv",
    "summary.json",
    "strip.npz",
)

SAMPLES_ON_CPU, SAMPLES_ON_GPU = 32, 128
"""Of SHAP a map: evenly laid, they stand for several times as many drawn at random."""

PROBE = 8
"""Images on which bfloat16 must agree before deletion is followed in it."""

SHAP_ON_CPU, DELETION_ON_CPU = 60, 100
"""Images of the subsets where no GPU is at hand; on a GPU, all of them."""

BATCH_ON_CPU, BATCH_ON_GPU = 16, 128

_EPILOG = """\
Each image is explained by the model of the fold that held it out. Native maps are scored on every
image with a mask. SHAP and deletion take a fixed random subset, its classes in proportion, where
no GPU is at hand (60 and 100 images); "all" takes every image. Subsets are beginnings of one
order, decided by --seed, so that asking for more goes on from what is there.

Killed or stopped, the same command goes on from the last image.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        "python -m training.evaluate",
        description="Score the maps of a finished training.cv, out of fold.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="folder that training.cv wrote")
    parser.add_argument("--data", required=True, type=Path, metavar="DIR", help="as for training")
    parser.add_argument("--shap", type=_count, metavar="N|all", help="images explained by SHAP")
    parser.add_argument("--samples", type=int, metavar="N", help="of SHAP a map (32, GPU 128)")
    parser.add_argument("--deletion", type=_count, metavar="N|all", help="images for deletion")
    parser.add_argument(
        "--blur",
        type=float,
        default=BLUR_SIGMA * 224,
        metavar="PX",
        help="standard deviation of the deleting blur, in pixels at 224 (default 10)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of subsets, ties, noise and SHAP")
    parser.add_argument("--batch", type=int, metavar="N", help="inputs classified at once")
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda|mps")
    # What training.cv predicted with: differences of a few thousandths are measured here.
    parser.add_argument("--precision", default="float32", metavar="auto|float32|bfloat16")
    parser.add_argument(
        "--deletion-precision",
        default="auto",
        choices=("auto", "float32", "bfloat16"),
        help="of the passes that follow deletion; auto: bfloat16 where it is faster and agrees",
    )
    given = parser.parse_args(arguments)
    return console.run(
        lambda: evaluate(given), "Run the same command again to go on from the last image."
    )


def _count(text: str) -> float:
    if text == "all":
        return float("inf")
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is neither a number of images nor all")
    return value


def evaluate(given: argparse.Namespace) -> None:
    """Compute what is missing, then sum up."""
    if (given.samples or 2) < 2 or given.blur <= 0 or (given.batch is not None and given.batch < 1):
        raise InvalidInputError("--samples is at least 2, --blur above 0 and --batch at least 1.")
    run = open_run(given.run, given.data)
    console.say(run.dataset.summary())
    folder = run.folder / FOLDER
    folder.mkdir(exist_ok=True)
    device = choose_device(given.device)
    on_cpu = device == "cpu"
    precision = _precision(given.precision, folder, run, device)
    settings = Settings(
        seed=given.seed,
        samples=given.samples or (SAMPLES_ON_CPU if on_cpu else SAMPLES_ON_GPU),
        sigma=given.blur / 224,
        batch=given.batch or (BATCH_ON_CPU if on_cpu else BATCH_ON_GPU),
        device=device,
        precision=precision,
        deletion_precision=_deletion_precision(
            given.deletion_precision, folder, run, device, precision, given.blur / 224
        ),
    )
    _begin(folder / CONFIG, run, settings)
    work = Evaluator(
        run,
        settings,
        Rows(folder / COHERENCE, coherence.COLUMNS),
        Rows(folder / DELETION, deletion.COLUMNS),
    )
    shap = given.shap if given.shap is not None else (SHAP_ON_CPU if on_cpu else float("inf"))
    some = (
        given.deletion
        if given.deletion is not None
        else (DELETION_ON_CPU if on_cpu else float("inf"))
    )
    order = stratified(run.dataset.labels, settings.seed)
    order = [i for i in order if run.folds[i] in run.done]
    deleted = order[: int(min(some, len(order)))]
    with console.bars(3, "parts") as bars:
        work.native(bars.part("native maps"))
        bars.done()
        work.native_deletion(deleted, bars.part("deletion"))
        bars.done()
        lesions = {
            int(r["index"]) for r in state.read_csv(folder / COHERENCE) if int(r["area"]) > 0
        }
        scored = [i for i in order if i in lesions]
        scored = scored[: int(min(shap, len(scored)))]
        explained = deleted[: int(min(shap, len(deleted)))]
        work.shap(scored, explained, bars.part("SHAP"))
        bars.done()
    work.strip(folder / STRIP)
    result = summarise(folder, run.dataset.name, run.dataset.classes)
    console.say(describe(result))
    missing = sorted(set(range(int(run.config["folds"]))) - set(run.done))
    if missing:
        console.say(f"Folds {', '.join(map(str, missing))} are not trained yet and left out.")


def _precision(asked: str, folder: Path, run: Run, device: str) -> str:
    """Return the precision: what "auto" came to before, or what the first model's session says.

    It is measured in part by the clock, so that a busy machine could decide otherwise next time.
    """
    if asked != "auto":
        return asked
    before = state.recorded(folder / CONFIG, "precision")
    return before or run.session(run.done[0], device, "auto").precision


def _deletion_precision(
    asked: str, folder: Path, run: Run, device: str, precision: str, sigma: float
) -> str:
    """Return the precision of deletion's passes: what "auto" came to before, or comes to now.

    It is decided on real images of the first model's fold: whole, half and wholly blurred.
    """
    if asked != "auto" or precision == "bfloat16":
        return precision if asked == "auto" else asked
    before = state.recorded(folder / CONFIG, "deletion_precision")
    if before:
        return before
    session = run.session(run.done[0], device, precision)
    inputs = []
    for index in run.held_out(run.done[0])[:PROBE]:
        record = run.dataset.records[index]
        preprocessing = session.checkpoint.metadata.preprocessing
        prepared = to_model_input(reader.read(record.path), record.frame, preprocessing)
        smooth = blurred(prepared.tensor, prepared.valid, sigma)
        pixels = np.random.default_rng(index).permutation(np.flatnonzero(prepared.valid))
        half = perturbed(prepared.tensor, smooth, pixels[: len(pixels) // 2])
        inputs += [prepared.tensor, half, smooth]
    return session.agreeing_precision(np.stack(inputs))


def _begin(path: Path, run: Run, settings: Settings) -> None:
    """Write what decides the figures, or see that it is what the tables were begun with."""
    digests = {str(k): hashlib.sha256(run.model(k).read_bytes()).hexdigest() for k in run.done}
    config: dict[str, Any] = {
        "models": digests,
        "seed": settings.seed,
        "shap_samples": settings.samples,
        "blur_sigma": settings.sigma,
        "steps": STEPS,
        "alpha": ALPHA,
        "precision": settings.precision,
        "deletion_precision": settings.deletion_precision,
        "shap_method": METHOD,
        "shap_background": BACKGROUND_IMAGES,
    }
    if path.is_file():
        before: dict[str, Any] = json.loads(path.read_text("utf-8"))
        models = before.get("models", {})
        against_black = "shap_background" not in before
        before.setdefault("shap_background", BACKGROUND_IMAGES)
        changed = [key for key in config if key != "models" and before.get(key) != config[key]]
        if any(models.get(k, digest) != digest for k, digest in digests.items()):
            changed.append("models")
        if changed:
            raise InvalidInputError(
                f"{path.parent} holds an evaluation with other settings ({', '.join(changed)}); "
                "give the same as before, or delete it to begin again."
            )
        if against_black:
            _drop_shap(path.parent)
    state.write_json(path, config)


def _drop_shap(folder: Path) -> None:
    """Drop what an older version found by SHAP against black; it is computed anew."""
    for name in (COHERENCE, DELETION):
        if (folder / name).is_file():
            rows = state.read_csv(folder / name)
            kept = [row for row in rows if not row["map"].startswith(SHAP)]
            if len(kept) < len(rows):
                console.say(f"{name}: SHAP maps that were compared with black are left out.")
                state.write_text(folder / name, state.csv_text(list(rows[0]), kept))


def summarise(folder: Path, dataset: str, classes: tuple[str, ...]) -> dict[str, Any]:
    """Sum up the tables as they are; write and return the summary."""
    scores, deletions = (state.read_csv(folder / name) for name in (COHERENCE, DELETION))
    lesions = [row for row in scores if int(row["area"]) > 0]
    result: dict[str, Any] = {
        "dataset": dataset,
        "classes": list(classes),
        "settings": {
            k: v
            for k, v in json.loads((folder / CONFIG).read_text("utf-8")).items()
            if k != "models"
        },
        "lesion_size_cuts": list(summary.tertiles(lesions)),
        "coherence": summary.coherence_summary(scores, classes),
        "deletion": summary.deletion_summary(deletions, lesions, classes),
    }
    state.write_json(folder / SUMMARY, result)
    for name in ("coherence", "deletion"):
        if result[name]:
            state.write_csv(folder / f"{name}-summary.csv", result[name])
    return result


def describe(result: dict[str, Any]) -> str:
    """Say in a table what came out over all images."""
    lines = []
    for part, *titles in (("coherence", "RMA", "RRA"), ("deletion", "DS", "DSc")):
        whole = [row for row in result[part] if row["subset"] == "all"]
        if whole:
            lines.append(f"{part:16} {'images':>6} {titles[0]:>7} {titles[1]:>7}")
        for row in whole:
            figures = " ".join(_figure(row[title.lower()]) for title in titles)
            lines.append(f"{row['map']:16} {row['images']:6} {figures}")
    return "\n".join(lines)


def _figure(value: float | None) -> str:
    return f"{'-' if value is None else format(value, '.3f'):>7}"


if __name__ == "__main__":
    raise SystemExit(main())
