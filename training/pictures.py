"""All maps of some images as figures: ``python -m training.pictures MODEL --images A B --out DIR``.

MODEL is a checkpoint, or a run of ``training.cv``, whose images are each explained by the model of
the fold that held it out.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.cli.frames import read_volume
from engine.errors import InvalidInputError
from engine.evaluation.coherence import Coherence, coherence
from engine.evaluation.deletion import output_of
from engine.images.image import Image
from engine.images.reader import read
from engine.progress import Progress
from engine.report import overlay, picture
from engine.saliency.map import SaliencyMap
from engine.session import Prediction, Session
from training import console, cv, state

NO_MASK = "-"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        "python -m training.pictures", description=__doc__.splitlines()[0]
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="a checkpoint or a run")
    parser.add_argument("--images", type=Path, nargs="+", required=True, metavar="FILE")
    parser.add_argument(
        "--masks",
        type=Path,
        nargs="+",
        metavar="FILE",
        help=f"one an image, {NO_MASK} for none; default: X_mask.png beside X.png",
    )
    parser.add_argument(
        "--frames", type=int, nargs="+", metavar="N", help="default: where the mask is largest"
    )
    parser.add_argument("--shap", type=int, default=0, metavar="N", help="samples; 0 for none")
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda|mps")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR")
    given = parser.parse_args(arguments)
    return console.run(lambda: draw(given), "Run it again; files that are whole are whole.")


def draw(given: argparse.Namespace) -> None:
    """Write a PNG an image."""
    count = len(given.images)
    for name in ("masks", "frames"):
        values = getattr(given, name)
        if values is not None and len(values) != count:
            raise InvalidInputError(f"--{name} has {len(values)} entries for {count} images.")
    masks = given.masks or [_beside(path) for path in given.images]
    frames = given.frames or [None] * count
    given.out.mkdir(parents=True, exist_ok=True)
    with console.bars(count, "pictures") as bars:
        for path, mask_path, frame in zip(given.images, masks, frames, strict=True):
            _one(given, path, mask_path, frame, bars.part(path.name))
            bars.done()


def _one(
    given: argparse.Namespace,
    path: Path,
    mask_path: Path | None,
    frame: int | None,
    progress: Progress,
) -> None:
    from training.figures import maps as drawing

    image = read_volume(path, 0)
    wanted = mask_path is not None and str(mask_path) != NO_MASK
    volume = _mask(image, mask_path) if wanted and mask_path is not None else None
    if frame is None:
        frame = image.frames // 2
        if volume is not None and volume.any():
            frame = int(volume.sum(axis=(1, 2)).argmax())
    if not 0 <= frame < image.frames:
        raise InvalidInputError(
            f"{path.name} has {image.frames} frames; there is no {frame}, counted from 0."
        )
    mask = volume[frame] if volume is not None else None
    model, fold = model_for(given.model, path.name, frame)
    session = Session.open(model, given.device, "float32")
    prediction = session.predict(image, frame)
    found = explain(session, image, frame, prediction, given.shap, progress)
    scores = {m.name: coherence(m.values, mask) for m in found} if mask is not None else {}
    first = next(iter(scores.values()), None)
    panels = [drawing.Panel(picture.under(image, frame), "Image", _beside_scores(first))]
    for saliency in found:
        said = _said(scores.get(saliency.name))
        drawn = overlay.draw(image, frame, saliency)
        panels.append(drawing.Panel(drawn, saliency.name, said))
    about = session.checkpoint.metadata
    likely = prediction.branches["fusion"][prediction.predicted]
    where = path.parent.name if image.frames > 1 else ""
    title = (
        f"{where + '/' if where else ''}{path.name}{f', slice {frame}' if image.frames > 1 else ''}"
        f": {session.classes[prediction.predicted]} {likely:.2f}, by {about.name}"
        + ("" if fold is None else " (held out)")
    )
    figure = drawing.draw(panels, mask, title, image.geometry.aspect)
    data = io.BytesIO()
    figure.savefig(data, format="png", metadata={"Software": None}, dpi=110)
    stem = path.name.removesuffix(".gz").rpartition(".")[0] or path.stem
    name = _slug(f"{where} {stem}" + (f" {frame}" if image.frames > 1 else ""))
    target = given.out / f"{name}.png"
    target.write_bytes(data.getvalue())
    console.say(f"{target}: {title}")


def _beside(path: Path) -> Path | None:
    found = path.with_name(f"{path.stem}_mask.png")
    return found if found.is_file() else None


def _mask(image: Image, path: Path) -> NDArray[np.bool_]:
    """Return the mask of every frame, (frames, rows, cols)."""
    mask = read(path)
    if mask.shape != image.shape or mask.frames not in (1, image.frames):
        raise InvalidInputError(f"{path.name} is not a mask of this image: it has another shape.")
    frames = [mask.grey(i) > 0 for i in range(mask.frames)]
    return np.broadcast_to(np.stack(frames), (image.frames, *image.shape))


def model_for(source: Path, name: str, frame: int) -> tuple[Path, int | None]:
    """Return the checkpoint that explains an image, and the fold that held it out, if it is one.

    Raises ``InvalidInputError`` where a run does not know the image.
    """
    if source.is_file():
        return source, None
    # The folds' table does not have images that are of no class; what their gates were asked does.
    tables = [source / name for name in (cv.FOLDS, cv.PRESENCE)]
    table = [row for path in tables if path.is_file() for row in state.read_csv(path)]
    names = {name, f"{name}#{frame}"} if frame else {name}
    folds = {int(row["fold"]) for row in table if row["image"] in names}
    if len(folds) != 1:
        known = "several images" if folds else "no image"
        raise InvalidInputError(
            f"{source} knows {known} of the name {name}; give one fold's checkpoint, or one that "
            "training.fit wrote."
        )
    (fold,) = folds
    path = cv.folder_of(source, fold) / cv.MODEL
    if not path.is_file():
        raise InvalidInputError(f"Fold {fold} of {source}, which held {name} out, is not trained.")
    return path, fold


def explain(
    session: Session,
    image: Image,
    frame: int,
    prediction: Prediction,
    samples: int,
    progress: Progress,
) -> list[SaliencyMap]:
    """Return all native maps, and SHAP's where there are samples, of what each output predicts."""
    targets = {output: int(np.argmax(p)) for output, p in prediction.branches.items()}
    native = [name for name in session.map_names if not name.startswith("shap-")]
    found = [session.saliency(image, frame, name, targets[output_of(name)]) for name in native]
    if samples:
        from engine.saliency.together import Explainer

        wanted = {
            name.removeprefix("shap-"): targets[output_of(name)]
            for name in session.map_names
            if name.startswith("shap-")
        }
        explainer = Explainer(session, samples)
        found += explainer.attribute(image, frame, wanted, progress).values()
    return found


def _said(score: Coherence | None) -> str:
    if score is None:
        return ""
    if score.rma is None or score.rra is None:
        return f"no score: {score.reason}"
    return f"RMA {score.rma:.2f}, RRA {score.rra:.2f}"


def _beside_scores(score: Coherence | None) -> str:
    if score is None or score.prior_rma is None or score.prior_rra is None:
        return ""
    return (
        f"chance {score.chance_rma:.2f}; centred Gaussian {score.prior_rma:.2f}, "
        f"{score.prior_rra:.2f}"
    )


def _slug(text: str) -> str:
    words = "".join(c if c.isalnum() else " " for c in text.lower()).split()
    return "-".join(words)


if __name__ == "__main__":
    raise SystemExit(main())
