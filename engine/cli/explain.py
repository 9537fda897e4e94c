"""``python -m engine explain``: where the network looked, as arrays, pictures and provenance."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli import model, output
from engine.errors import InvalidInputError
from engine.report.doubt import no_lesion

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.images.image import Image
    from engine.session import Session

_DESCRIPTION = """\
Write where the network looked in one image, once for each map asked for:

  MAP.npy       relevance of every pixel, float32, the image's own rows x cols
  MAP.png       the map's colours over the image, at the image's own size
  explain.json  probabilities, and all that is needed to make the maps again

With --check, explain.json also says of each map whether it can be believed: its agreement with a
mask (--mask), deletion beside chance and a blob in the centre, what is left of it when the
network's weights are shuffled (Adebayo et al. 2018), its share outside the body, and a verdict.
"""

_EPILOG = """\
maps: global and local (the two branches); gate, concat or product (their fusion, whichever the
network has); attention (the gate itself); and shap-global, shap-local, shap-gate ... (what each
pixel adds to that branch's output; these take from seconds to minutes and are kept for next time).
A-minus-B is the difference of two maps, each over its own sum (A-minus-B-by-peak, -by-rank: over
its peak, of its ranks); A-mirror is a map minus its mirror image, for paired limbs side by side;
pixels-mirror is the same of the image.
"""


def add(commands: Any) -> None:
    """Add the subcommand's arguments."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "explain",
        help="where the network looked in an image",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("path", metavar="PATH", type=Path, help="an image file")
    parser.add_argument(
        "--map",
        dest="maps",
        metavar="MAP",
        action="append",
        help="a map to write; may be given several times (default: the fusion's)",
    )
    parser.add_argument(
        "--out", metavar="DIR", type=Path, required=True, help="folder to write to, made if missing"
    )
    parser.add_argument(
        "--frame",
        metavar="N",
        type=int,
        help="frame or slice, from 0, as predict numbers them (default: the middle one)",
    )
    parser.add_argument(
        "--volume",
        metavar="V",
        type=int,
        default=0,
        help="volume of a file with several (4-D NIfTI), from 0 (default: 0)",
    )
    parser.add_argument(
        "--class",
        dest="target",
        metavar="CLASS",
        help="the class to explain, by name (default: the one predicted)",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="measure whether the maps can be believed; takes some 100 passes of the network, and "
        "for a SHAP map about as long again as the map",
    )
    parser.add_argument(
        "--mask",
        metavar="MASK",
        type=Path,
        help="with --check: the marked area to compare with (PNG, .npy or NIfTI)",
    )
    parser.add_argument(
        "--seed",
        metavar="S",
        type=int,
        default=0,
        help="with --check: of the shuffles and the random orders (default: 0)",
    )
    output.add_json(parser)
    model.add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Explain and write; raise ``SaliscopeError`` for bad input, ``OSError`` for a bad DIR."""
    model.quiet()
    from engine.cli.frames import index_of, place, read_volume
    from engine.measure import store
    from engine.measure.covers import boxes
    from engine.report import overlay

    if args.mask is not None and not args.check:
        raise InvalidInputError(
            "A mask is only compared with --check; add it, or leave out --mask."
        )
    with output.progress_bar() as progress:
        image = read_volume(args.path, args.volume, progress.part(0.0, 0.05))
        index = index_of(image, args.frame)
        covers = boxes(store.load(image.key), image.shape)
        if lost := store.problem(image.key):
            print(lost, file=sys.stderr)
        session, why = model.Networks(args).of(image)
        names = _names(session, args.maps)
        prediction = session.predict(image, index)
        target = _target(session.classes, args.target, prediction.predicted)
        mask = None if args.mask is None else _mask(args.mask, image, index)
        args.out.mkdir(parents=True, exist_ok=True)
        maps = {}
        share = 0.5 if args.check else 1.0
        written: dict[str, Any] = {}
        for number, name in enumerate(names):
            part = progress.part(
                0.1 + 0.9 * share * number / len(names),
                0.1 + 0.9 * share * (number + 1) / len(names),
            )
            part.report(0.0, name)
            saliency = session.saliency(image, index, name, target=target, progress=part)
            maps[name] = saliency
            _save(args.out / f"{name}.npy", saliency.values)
            overlay.save(args.out / f"{name}.png", image, index, saliency, covers)
            low, high = saliency.range
            written[name] = {
                "array": f"{name}.npy",
                "overlay": f"{name}.png",
                "sign": saliency.sign,
                "target": saliency.target,
                "target_name": saliency.target_name,
                "raw_shape": list(saliency.raw.shape),
                "overlay_scale": {
                    "colours": overlay.COLOURS[saliency.sign],
                    "from": low,
                    "to": high,
                },
                "provenance": asdict(saliency.provenance),
            }
        if args.check:
            from engine.evaluation.check import check

            part = progress.part(0.1 + 0.9 * share, 1.0)
            own = {name: found for name, found in maps.items() if name in session.map_names}
            facts = check(session, image, index, own, mask, seed=args.seed, progress=part)
            for name, found in facts.items():
                written[name]["check"] = {**found.to_json(), "seed": args.seed}
    path, frame = place(image, index)
    record = {
        "path": str(path),
        **({} if image.identity.volume is None else {"volume": image.identity.volume}),
        "frame": frame,
        "shape": list(image.shape),
        "checkpoint": model.describe(session.checkpoint),
        "why": why,
        "device": session.device,
        "precision": session.precision,
        "classes": list(session.classes),
        "branches": {name: list(prediction.branches[name]) for name in prediction.branches},
        "predicted": prediction.predicted,
        "gate": None if prediction.gate is None else prediction.gate.to_json(),
        "maps": written,
        "saliscope": _version(),
    }
    text = json.dumps(record, indent=2, allow_nan=False, default=_plain)
    (args.out / "explain.json").write_text(text + "\n", encoding="utf-8")
    if args.json:
        print(text)
        return 0
    print(
        f"{path}, frame {frame}: {session.classes[prediction.predicted]} "
        f"{prediction.branches['fusion'][prediction.predicted]:.3f}; "
        f"{', '.join(names)} for class {session.classes[target]} in {args.out} "
        f"({model.title(session.checkpoint, why)})"
    )
    if doubt := no_lesion(prediction):
        print(doubt)
    for name in (name for name in names if "check" in written[name]):
        print(f"{name}: {written[name]['check']['verdict']}")
    return 0


def _names(session: Session, asked: list[str] | None) -> list[str]:
    if not asked:
        return [session.checkpoint.metadata.architecture.fusion]
    for name in asked:
        if not session.offers(name):
            raise InvalidInputError(
                f"There is no map {name!r} in this network; it has {', '.join(session.map_names)}."
            )
    return list(dict.fromkeys(asked))


def _target(classes: tuple[str, ...], asked: str | None, predicted: int) -> int:
    if asked is None:
        return predicted
    if asked not in classes:
        raise InvalidInputError(
            f"There is no class {asked!r} in this network; it has {', '.join(classes)}."
        )
    return classes.index(asked)


def _mask(path: Path, image: Image, index: int) -> NDArray[np.bool_]:
    """Return the mask of one frame; a mask of one frame goes with any."""
    from engine.cli.arrays import read_mask

    masks = read_mask(path)
    if masks.shape[1:] != image.shape or len(masks) not in (1, image.frames):
        raise InvalidInputError(
            f"{path.name} is {len(masks)} × {masks.shape[1]} × {masks.shape[2]} (frames × rows × "
            f"cols) and the image {image.frames} × {image.shape[0]} × {image.shape[1]}; they have "
            "to be of the same image."
        )
    chosen: NDArray[np.bool_] = masks[index if len(masks) > 1 else 0]
    return chosen


def _save(path: Path, values: Any) -> None:
    import numpy as np

    with path.open("wb") as file:
        np.save(file, values, allow_pickle=False)


def _version() -> str:
    try:
        return version("saliscope")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return ""


def _plain(value: Any) -> Any:
    """Turn numpy's numbers and arrays, and paths, into what JSON knows."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value)
