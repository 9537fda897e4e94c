"""``python -m engine score``: how well a map agrees with a mask."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli import output

if TYPE_CHECKING:
    from engine.evaluation.coherence import Coherence

_DESCRIPTION = """\
Score a saliency map against a mask of the same image.

  RMA  relevance mass accuracy: the share of all relevance that lies inside the mask.
  RRA  relevance rank accuracy: of the K most relevant pixels, the share inside the mask; K is
       the mask's area, and pixels of equal relevance at rank K count as expected under random
       order.

Beside each stands what chance gives (the mask's share of the image), and what a Gaussian at the
image's centre gives, which knows nothing about the image. A map that does not beat these two has
not found anything.
"""

_EPILOG = """\
MAP is the .npy file that explain wrote, or NIfTI. MASK is PNG, .npy or NIfTI; all that is not
zero belongs to the mask. Frames count from 0. An empty mask, or a map without relevance, has no
score: null in JSON, with the reason on standard error.
"""


def add(commands: Any) -> None:
    """Add the subcommand's arguments."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "score",
        help="how well a map agrees with a mask",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("map", metavar="MAP", type=Path)
    parser.add_argument("mask", metavar="MASK", type=Path)
    parser.add_argument(
        "--sign",
        choices=("positive", "absolute"),
        default="positive",
        help="what counts as relevance in a map with negative values: its positive part, or its "
        "absolute value (default: positive)",
    )
    parser.add_argument(
        "--frame", metavar="N", type=int, help="frame to score where a file holds several"
    )
    output.add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read, score and print; raise ``SaliscopeError`` for bad input."""
    # Not at the top, so that -h and wrong arguments are answered at once.
    from engine.cli.arrays import one_frame, read_map, read_mask
    from engine.evaluation.coherence import coherence

    values, mask, remark = one_frame(read_map(args.map), read_mask(args.mask), args.frame)
    score = coherence(values, mask, args.sign)
    if remark:
        print(remark, file=sys.stderr)
    if score.reason:
        print(f"No score: {score.reason}.", file=sys.stderr)
    if args.json:
        output.print_json(to_json(score))
    else:
        _print(score, mask.size)
    return 0


def to_json(score: Coherence) -> dict[str, Any]:
    """Return the scores as the command's JSON has them."""
    return {
        "rma": score.rma,
        "rra": score.rra,
        "chance": {"rma": score.chance_rma, "rra": score.chance_rra},
        "centre_prior": {"rma": score.prior_rma, "rra": score.prior_rra},
    }


def _print(score: Coherence, pixels: int) -> None:
    def number(value: float | None) -> str:
        return "–" if value is None else f"{value:.4f}"

    output.print_table(
        ("", "map", "chance", "centre prior"),
        [
            ("RMA", number(score.rma), number(score.chance_rma), number(score.prior_rma)),
            ("RRA", number(score.rra), number(score.chance_rra), number(score.prior_rra)),
        ],
    )
    kind = {"positive": "the map's positive part", "absolute": "the map's absolute values"}
    print(
        f"Mask: {score.area:,} of {pixels:,} pixels ({score.area / pixels:.2%}); "
        f"scored: {kind[score.sign]}."
    )
