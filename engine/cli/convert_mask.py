"""``python -m engine convert-mask``: masks from one format into another, on their image."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli import output
from engine.errors import InvalidInputError, MaskError

if TYPE_CHECKING:
    from engine.images.case import Series
    from engine.images.image import Image
    from engine.masks.formats import ExchangeFormat
    from engine.masks.mask import Mask

_NAMES = ("nifti", "nrrd", "png", "dicom-seg", "coco", "label-studio")

_DESCRIPTION = """\
Convert masks between NIfTI, NRRD, PNG, DICOM Segmentation, COCO RLE and Label Studio's brush
format. The image they were drawn on says where they lie and whose they are.
"""

_EPILOG = """\
MASK is a file of one of the formats (or the JSON beside an exported mask); several are joined, so
that the PNG of each frame become one mask again. IMAGE is a file, or a folder or series of DICOM
files; where it holds several series, --series chooses one.

The format of MASK is told from the file, that of FILE from its ending; --from and --to say it
where that is not enough (COCO and Label Studio both write .json).

--deidentify leaves out whose the image is: a DICOM Segmentation goes through PS3.15's basic
profile, other files get no UIDs, names of files or readers, and FILE may not hold the patient's
name. What was removed, without the values, is written to NAME_removed.txt.

Areas that were covered in the program are black in --pictures.

examples:
  python -m engine convert-mask lesion.png --image scan.dcm --to dicom-seg --out lesion.dcm
  python -m engine convert-mask seg.dcm --image series/ --to nifti --out seg.nii.gz
  python -m engine convert-mask export.json --from label-studio --image us.png --out mask.png
  python -m engine convert-mask lesion.png --image scan.dcm --out lesion.dcm --deidentify

exit status: 0; 2 for anything that cannot be read, does not fit the image or cannot be written.
"""


def add(commands: Any) -> None:
    """Add the subcommand's arguments."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "convert-mask",
        help="masks from one format into another",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("masks", metavar="MASK", type=Path, nargs="+")
    parser.add_argument("--image", metavar="IMAGE", type=Path, required=True)
    parser.add_argument("--from", dest="source", choices=_NAMES, help="the format of MASK")
    parser.add_argument("--to", dest="target", choices=_NAMES, help="the format of FILE")
    parser.add_argument("--out", metavar="FILE", type=Path, required=True)
    parser.add_argument("--series", metavar="N", type=int, help="the series of IMAGE, from 1")
    parser.add_argument(
        "--frame", metavar="N", type=int, help="for a PNG whose name does not tell: frame, from 0"
    )
    parser.add_argument(
        "--pictures",
        action="store_true",
        help="with coco and label-studio: write the drawn frames as PNG beside FILE",
    )
    parser.add_argument(
        "--deidentify",
        "--de-identify",
        action="store_true",
        help="by DICOM PS3.15, basic profile; a list of what was removed is written beside FILE",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read, convert and write; raise ``SaliscopeError`` for bad input."""
    # Not at the top, so that -h and wrong arguments are answered at once.
    from engine.export.nameless import Nameless
    from engine.masks import formats
    from engine.measure import store
    from engine.measure.covers import boxes

    kind = args.target or _by_ending(args.out)
    _check_target(args, kind)
    with output.progress_bar() as progress:
        image = _image(args.image, args.series, progress)
        masks = _joined(
            [mask for path in args.masks for mask in _read(path, image, args.frame, args.source)]
        )
        lost = store.problem(image.key)
        if lost and args.deidentify and args.pictures:
            raise MaskError(lost)
        covers = boxes(store.load(image.key), image.shape)
        if args.deidentify:
            nameless = Nameless(image, covers, args.masks)
            done = nameless.write(masks, args.out, kind, with_pictures=args.pictures)
            done.notes += nameless.removed.notes
        else:
            done = formats.write(
                masks, image, args.out, kind, with_pictures=args.pictures, covers=covers
            )
    notes = [note for mask in masks for note in mask.notes] + done.notes
    notes += [lost] if lost and args.pictures else []
    notes += [image.said_of_left_out()] if image.left_out else []
    for note in dict.fromkeys(notes):
        print(note, file=sys.stderr)
    for path in done.paths:
        print(path)
    return 0


def _by_ending(path: Path) -> ExchangeFormat:
    from engine.masks.formats import ENDINGS, FORMATS

    name = path.name.lower()
    kinds = [kind for kind in FORMATS if name.endswith(ENDINGS[kind])]
    if len(kinds) != 1:
        choice = " or ".join(f"--to {kind}" for kind in kinds) or "the format with --to"
        raise InvalidInputError(
            f"The ending of {path.name} does not say its format; give {choice}."
        )
    return kinds[0]


def _check_target(args: argparse.Namespace, kind: ExchangeFormat) -> None:
    from engine.masks.formats import ENDINGS

    out: Path = args.out
    if not out.name.lower().endswith(ENDINGS[kind]):
        endings = " or ".join(ENDINGS[kind])
        raise InvalidInputError(f"A {kind} file ends in {endings}, and {out.name} does not.")
    if out.resolve() in {path.resolve() for path in (*args.masks, args.image)}:
        raise InvalidInputError(f"{out.name} would overwrite what it is made from; name another.")
    if not out.absolute().parent.is_dir():
        raise InvalidInputError(f"The folder of {out} is not there; make it, or name another.")


def _read(path: Path, image: Image, frame: int | None, kind: Any) -> list[Mask]:
    from engine.masks import formats

    if path.is_dir():
        raise MaskError(f"{path.name} is a folder; give the mask's file.")
    if frame is not None and not 0 <= frame < image.frames:
        raise InvalidInputError(f"There is no frame {frame}; the image has {image.frames}.")
    if path.suffix.lower() == ".json" and kind not in (None, "coco", "label-studio"):
        kind = None  # the sidecar beside such a file
    return formats.read(path, image, frame, kind)


def _joined(masks: list[Mask]) -> list[Mask]:
    """Join masks of one name and author: the frames of one mask, a PNG each."""
    from engine.masks.mask import Mask

    groups: dict[tuple[str, str], list[Mask]] = {}
    for mask in masks:
        groups.setdefault((mask.label, mask.author), []).append(mask)
    if len(masks) == 1 or any(_overlap(group) for group in groups.values()):
        return masks
    return [
        Mask(
            group[0].reference,
            group[0].label,
            colour=group[0].colour,
            author=group[0].author,
            id=group[0].id,
            frames={index: pixels for mask in group for index, pixels in mask.frames.items()},
            notes=dict.fromkeys(note for mask in group for note in mask.notes),
        )
        for group in groups.values()
    ]


def _overlap(group: list[Mask]) -> bool:
    frames = [index for mask in group for index in mask.frames]
    return len(frames) != len(set(frames))


def _image(path: Path, number: int | None, progress: Any) -> Image:
    from engine.images.scan import scan

    found = scan([path], progress.part(0.0, 0.2))
    series = [one for case in found.cases for one in case.series]
    if not series:
        raise InvalidInputError(
            found.problems[0].sentence if found.problems else f"There is no image in {path}."
        )
    if number is None:
        if len(series) > 1 and not _volumes_of_one_file(series):
            raise InvalidInputError(
                f"{path.name} holds {len(series)} series; choose one with --series 1 to "
                f"{len(series)} ({'; '.join(one.summary for one in series[:6])})."
            )
        number = 1
    if not 1 <= number <= len(series):
        raise InvalidInputError(f"There is no series {number}; {path.name} has {len(series)}.")
    return series[number - 1].load(progress.part(0.2, 0.8))


def _volumes_of_one_file(series: list[Series]) -> bool:
    """Whether they are the volumes of a 4-D NIfTI, of which the first is meant."""
    from engine.images.nifti import is_nifti

    paths = {path for one in series for path in one.paths}
    return len(paths) == 1 and is_nifti(next(iter(paths)).name)
