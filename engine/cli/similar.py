"""``python -m engine similar``: the images of a folder that look most alike to the network."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from engine.cli import model, output

_DESCRIPTION = """\
Search a folder, such as a network's training images, for the cases that look most alike to one
image or slice: by the features that the classifiers see. 1 is the same, 0 nothing in common.
"""

_EPILOG = """\
What each case is stands beside it where the folder says so: by the column "label" of its
manifest.csv, the name of the folder that the image lies in where that is a class of the network,
or its mask. Stacks are looked at in five slices. Features are kept in the cache, by the network
and by what the files hold, so the next search of the same folder is quick.

--json prints {"path", "frame", "checkpoint", "searched": {"cases", "frames", "unreadable"},
"found": [{"path", "frame", "likeness", "label"}]}, the likest first; label is null where it is
not known.
"""


def add(commands: Any) -> None:
    """Add the subcommand's arguments."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "similar",
        help="the images of a folder most alike to one image",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("image", metavar="IMAGE", type=Path)
    parser.add_argument(
        "--among", metavar="FOLDER", type=Path, required=True, help="the folder that is searched"
    )
    parser.add_argument(
        "--frame", metavar="N", type=int, help="the slice, from 0 (default: the middle one)"
    )
    parser.add_argument(
        "--volume", metavar="V", type=int, default=0, help="of a 4-D NIfTI, from 0 (default: 0)"
    )
    parser.add_argument(
        "--top", metavar="K", type=_count, default=5, help="how many cases to print (default: 5)"
    )
    model.add_arguments(parser)
    output.add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Search and print; raise ``SaliscopeError`` where there is nothing to print."""
    from engine.cli.frames import index_of, place, read_volume
    from engine.errors import InvalidInputError
    from engine.evaluation.library import nearest

    if not args.among.is_dir():
        raise InvalidInputError(f"{args.among.name} is no folder; name one with --among.")
    model.quiet()
    image = read_volume(args.image, args.volume)
    index = index_of(image, args.frame)
    session, why = model.Networks(args).of(image)
    with output.progress_bar() as progress:
        found = nearest(
            session,
            image,
            index,
            args.among,
            args.top,
            without=[args.image],
            progress=progress,
        )
    entries: list[dict[str, Any]] = []
    for one in found.found:
        several = len(one.series.paths) == one.series.frames > 1
        path, frame = (
            (one.series.paths[one.frame], 0) if several else (one.series.paths[0], one.frame)
        )
        entries.append(
            {
                "path": str(path),
                "frame": frame,
                "likeness": round(one.likeness, 4),
                "label": one.label or None,
            }
        )
    if args.json:
        own, frame = place(image, index)
        output.print_json(
            {
                "path": str(own),
                "frame": frame,
                "checkpoint": model.describe(session.checkpoint),
                "searched": {
                    "cases": found.cases,
                    "frames": found.frames,
                    "unreadable": found.unreadable,
                },
                "found": entries,
            }
        )
        return 0
    output.print_table(
        ("image", "frame", "likeness", "label"),
        [
            (one["path"], str(one["frame"]), f"{one['likeness']:.2f}", one["label"] or "–")
            for one in entries
        ],
    )
    print(f"\n{model.title(session.checkpoint, why)}")
    missed = f"; {found.unreadable} could not be read" if found.unreadable else ""
    print(f"{found.cases} cases, {found.frames} images searched{missed}", file=sys.stderr)
    return 0


def _count(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of cases, 1 or more")
    return number
