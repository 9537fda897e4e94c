"""``python -m engine export``: masks, maps, figures, reports and scores of whole folders."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli import model, output
from engine.errors import InvalidInputError

if TYPE_CHECKING:
    from engine.export.batch import Chooser, Item
    from engine.images.image import Image
    from engine.masks.shapes import Box
    from engine.session import Session

_MASKS = ("png", "nifti", "nrrd", "dicom-seg", "coco", "label-studio")
_FIGURES = ("png", "pdf", "svg")

_DESCRIPTION = """\
Export every case of folders and files: masks in any format, maps, figures for print, a report a
case, and one table of scores. Masks are those that the program has saved, those beside the images
(NAME.json and its files), and references that came with the images.
"""

_EPILOG = """\
DIR gets a folder a case (case_001, ...), scores.csv, and export.json, which says what was written,
what failed and what made it. Nothing in DIR is overwritten: cases are numbered on. Names of files
and folders never hold a patient's name.

--deidentify replaces or removes all that PS3.15's basic profile names, in DICOM images and
Segmentations as in everything else, and writes what it did, without the values, to removed.txt.
Where --model and --checkpoint do not say otherwise, each image is answered by the network trained
on its modality; export.json and scores.csv say which.

--cover blackens an area of burnt-in text in every picture that is written.

examples:
  python -m engine export study/ --out away --masks nifti,dicom-seg --scores
  python -m engine export busi/ --out away --masks coco --figures pdf --report --names file
  python -m engine export study/ --out away --images --masks dicom-seg --deidentify

exit status: 0; 2 where something could not be read or written.
"""


def add(commands: Any) -> None:
    """Add the subcommand's arguments."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "export",
        help="masks, maps, figures, reports and scores of whole folders",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", metavar="PATH", type=Path, nargs="+")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True)
    parser.add_argument(
        "--masks", metavar="FORMATS", default="", help=f"any of {','.join(_MASKS)}, or all"
    )
    parser.add_argument(
        "--masks-in",
        metavar="DIR",
        type=Path,
        action="append",
        default=[],
        help="look for masks' JSON in this folder too; may be given several times",
    )
    parser.add_argument(
        "--overlays", action="store_true", help="pictures at the image's size, of masks and maps"
    )
    parser.add_argument("--arrays", action="store_true", help="the maps as .npy")
    parser.add_argument(
        "--figures", metavar="KINDS", default="", help=f"for print: any of {','.join(_FIGURES)}"
    )
    parser.add_argument("--dpi", type=int, default=300, help="of PNG figures: 300 or 600")
    parser.add_argument("--report", action="store_true", help="a page of PDF for every series")
    parser.add_argument("--scores", action="store_true", help="one table, scores.csv")
    parser.add_argument("--images", action="store_true", help="the images themselves")
    parser.add_argument(
        "--map",
        dest="maps",
        metavar="MAP",
        action="append",
        default=[],
        help="a map, fusion or all; may be given several times (default: all but SHAP's)",
    )
    parser.add_argument(
        "--deidentify",
        "--de-identify",
        action="store_true",
        help="by DICOM PS3.15, basic profile",
    )
    parser.add_argument(
        "--cover",
        dest="covers",
        metavar="TOP,LEFT,BOTTOM,RIGHT",
        action="append",
        default=[],
        help="blacken these pixels (ends excluded) in every image; may be given several times",
    )
    parser.add_argument(
        "--include-patient",
        action="store_true",
        help="name, number and study date in reports and sidecars",
    )
    parser.add_argument(
        "--names",
        choices=("number", "file"),
        default="number",
        help="folders by case number, or by the file's name (of images that are not DICOM)",
    )
    model.add_arguments(parser)
    parser.add_argument(
        "--no-model",
        action="store_true",
        help="ask none: overlays, figures and reports show the image and its masks alone",
    )
    output.add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Export; raise ``SaliscopeError`` where nothing can be."""
    from engine.export.batch import export
    from engine.export.wanted import Wanted

    model.quiet()
    wanted = Wanted(
        masks=_chosen(args.masks, _MASKS, "--masks"),  # type: ignore[arg-type]
        overlays=args.overlays,
        arrays=args.arrays,
        figures=_chosen(args.figures, _FIGURES, "--figures"),  # type: ignore[arg-type]
        dpi=args.dpi,
        report=args.report,
        scores=args.scores,
        images=args.images,
        maps=tuple(dict.fromkeys(args.maps)),
        deidentify=args.deidentify,
        include_patient=args.include_patient,
        naming=args.names,
    )
    wanted.check()
    covers = tuple(_box(text) for text in args.covers)
    with output.progress_bar() as progress:
        items, problems = _items(args.paths, covers, tuple(args.masks_in), progress)
        for sentence in problems:
            print(f"error: {sentence}", file=sys.stderr)
        if not items:
            if not problems:
                print("error: There are no images under what was given.", file=sys.stderr)
            return 2
        choose = _chooser(args) if wanted.uses_model and not args.no_model else None
        summary = export(items, args.out, wanted, choose=choose, progress=progress.part(0.1, 1))
    for failure in summary.failed:
        print(f"error: {failure.what}: {failure.sentence}", file=sys.stderr)
    for note in summary.remarks():
        print(note.strip(), file=sys.stderr)
    if args.json:
        output.print_json(
            {
                "folder": str(summary.folder),
                "files": [str(path) for path in summary.written],
                "failed": [{"what": f.what, "why": f.sentence} for f in summary.failed],
                "removed": summary.removed,
                "stopped": summary.stopped,
            }
        )
    else:
        print(summary.sentence())
    return 2 if summary.failed or summary.stopped or problems else 0


def _chooser(args: argparse.Namespace) -> Chooser:
    networks = model.Networks(args)

    def choose(image: Image, _: str) -> tuple[Session, str]:
        return networks.of(image)[0], networks.unsuited(image)

    return choose


def _items(
    paths: list[Path], covers: tuple[Box, ...], folders: tuple[Path, ...], progress: Any
) -> tuple[list[Item], list[str]]:
    from engine.export.batch import Item
    from engine.images.scan import scan

    found = scan(paths, progress.part(0.0, 0.1))
    items = [
        Item(case, series, covers=covers, extra_masks=folders)
        for case in found.cases
        for series in case.series
    ]
    return items, [problem.sentence for problem in found.problems]


def _chosen(text: str, known: tuple[str, ...], option: str) -> tuple[str, ...]:
    if text == "all":
        return known
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for name in names:
        if name not in known:
            raise InvalidInputError(
                f"There is no {name!r} for {option}; it takes {', '.join(known)}."
            )
    return names


def _box(text: str) -> Box:
    from engine.masks.shapes import Box

    try:
        box = Box(*(int(part) for part in text.split(",")))
    except (TypeError, ValueError):
        raise InvalidInputError(
            f"{text!r} is no area; write --cover TOP,LEFT,BOTTOM,RIGHT in pixels."
        ) from None
    if box.is_empty or min(box) < 0:
        raise InvalidInputError(f"The area {text} holds no pixel; its ends are excluded.")
    return box
