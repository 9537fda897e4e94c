"""``python -m engine predict``: class probabilities of every image or slice."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli import model, output
from engine.errors import InvalidInputError
from engine.report.doubt import no_lesion

if TYPE_CHECKING:
    from engine.images.image import Image
    from engine.progress import Progress

_DESCRIPTION = """\
Print the probability of each class, for every image or slice, from each of the network's three
outputs: the global branch, the local branch, and their fusion (the answer).
"""

_EPILOG = """\
PATH is an image (DICOM, NIfTI, PNG, JPEG, TIFF, BMP) or a folder of images. What cannot be read
is said on standard error; the rest is predicted.

--json prints a list with one entry for each image or slice:
  {"path", "frame", "checkpoint", "why", "classes": [...],
   "branches": {"global": [...], "local": [...], "fusion": [...]},
   "familiarity": {"distance", "limit", "familiar"}, "gate": {"opening", "open"}}
frame is the number in the file, from 0; explain takes the same. Entries from a file with several
volumes (4-D NIfTI) have "volume" as well, from 0. why says in words why this network was taken,
null where you named it. An image is familiar where its distance from the
training images is within the limit that 95 % of held-out ones keep to; familiarity is null where
the checkpoint does not describe its training images. gate says how far the gate opens at its
widest, 0 to 1, and whether that is more than half: where not, there may be no lesion to answer
about. It is null where the checkpoint does not say how well its gate tells.

exit status: 0; 2 where a PATH could not be read, or nothing was found.
"""


def add(commands: Any) -> None:
    """Add the subcommand's arguments."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "predict",
        help="class probabilities of images and slices",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", metavar="PATH", type=Path, nargs="+")
    model.add_arguments(parser)
    output.add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Predict and print; raise ``SaliscopeError`` where there is nothing to print."""
    from engine.cli.frames import place

    model.quiet()
    entries: list[dict[str, Any]] = []
    doubt = ""
    failed: list[Path] = []

    def problem(path: Path, sentence: str) -> None:
        failed.append(path)
        print(f"error: {sentence}", file=sys.stderr)

    with output.progress_bar() as progress:
        images = _images(args.paths, problem, progress)
        first = next(images, None)
        if first is None:
            if not failed:
                print("error: There are no images under what was given.", file=sys.stderr)
            return 2
        networks = model.Networks(args)
        for image, part in _chain(first, images):
            session, why = networks.of(image)
            name = model.describe(session.checkpoint)
            for index in range(image.frames):
                path, frame = place(image, index)
                part.report(index / image.frames, path.name)
                try:
                    prediction = session.predict(image, index)
                    near = session.familiarity(image, index)
                except InvalidInputError as error:
                    problem(path, f"{path.name}, frame {frame}: {error}")
                    continue
                volume = image.identity.volume
                entries.append(
                    {
                        "path": str(path),
                        **({} if volume is None else {"volume": volume}),
                        "frame": frame,
                        "checkpoint": name,
                        "why": why,
                        "classes": list(prediction.classes),
                        "branches": {
                            output: list(prediction.branches[output])
                            for output in ("global", "local", "fusion")
                        },
                        "familiarity": None
                        if near is None
                        else {
                            "distance": near.distance,
                            "limit": near.limit,
                            "familiar": near.familiar,
                        },
                        "gate": None if prediction.gate is None else prediction.gate.to_json(),
                    }
                )
                doubt = no_lesion(prediction)
    if args.json:
        output.print_json(entries)
    elif entries:
        _print(entries, doubt)
    named = {path.absolute() for path in args.paths}
    return 2 if not entries or any(path.absolute() in named for path in failed) else 0


def _images(
    paths: list[Path], problem: Any, progress: Progress
) -> Iterator[tuple[Image, Progress]]:
    """Give every image under the paths, with the part of the progress that is left for it."""
    from engine.errors import UnreadableImageError
    from engine.images.scan import scan

    found = scan(paths, progress.part(0.0, 0.1))
    for passed_over in found.problems:
        problem(passed_over.path, passed_over.sentence)
    series = [one for case in found.cases for one in case.series]
    for index, one in enumerate(series):
        part = progress.part(0.1 + 0.9 * index / len(series), 0.1 + 0.9 * (index + 1) / len(series))
        try:
            image = one.load(part.part(0.0, 0.5))
        except UnreadableImageError as error:
            problem(error.path, str(error))
            continue
        for lost in image.left_out:
            problem(lost.path, str(UnreadableImageError(lost.path, lost.reason, lost.advice)))
        yield image, part.part(0.5, 1.0)


def _chain(
    first: tuple[Image, Progress], others: Iterator[tuple[Image, Progress]]
) -> Iterator[tuple[Image, Progress]]:
    yield first
    yield from others


def _print(entries: list[dict[str, Any]], doubt: str) -> None:
    """Print a table; doubt: the sentence of the last entry, where there is one (``no_lesion``)."""
    if len(entries) == 1:
        entry = entries[0]
        print(f"{entry['path']}, frame {_frame(entry)}")
        branches = entry["branches"]
        output.print_table(
            ("class", *branches),
            [
                (name, *(f"{probabilities[i]:.3f}" for probabilities in branches.values()))
                for i, name in enumerate(entry["classes"])
            ],
        )
    else:
        output.print_table(
            ("image", "frame", *entries[0]["branches"]),
            [
                (
                    entry["path"],
                    _frame(entry),
                    *(_answer(entry["classes"], p) for p in entry["branches"].values()),
                )
                for entry in entries
            ],
        )
    unlike = [e for e in entries if e["familiarity"] and not e["familiarity"]["familiar"]]
    if unlike and len(entries) == 1:
        near = unlike[0]["familiarity"]
        ratio = near["distance"] / near["limit"]
        print(f"Unlike the training images (distance {ratio:.1f} times the limit).")
    elif unlike:
        print(f"Unlike the training images: {len(unlike)} of {len(entries)} (--json says which).")
    shut = [e for e in entries if e["gate"] and not e["gate"]["open"]]
    if shut and len(entries) == 1:
        print(doubt)
    elif shut:
        print(f"There may be no lesion: {len(shut)} of {len(entries)} (--json says which).")
    networks = dict.fromkeys((e["checkpoint"].rpartition(" ")[0], e["why"]) for e in entries)
    for name, why in networks:
        print(f"Network: {name}{'' if why is None else f' ({why})'}.")
    print("Research use only.")


def _frame(entry: dict[str, Any]) -> str:
    volume = f" of volume {entry['volume']}" if "volume" in entry else ""
    return f"{entry['frame']}{volume}"


def _answer(classes: list[str], probabilities: list[float]) -> str:
    best = max(range(len(classes)), key=probabilities.__getitem__)
    return f"{classes[best]} {probabilities[best]:.3f}"
