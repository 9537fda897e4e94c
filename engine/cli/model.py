"""What the commands that need a network share: its arguments, and opening it quietly."""

from __future__ import annotations

import argparse
import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import resources
from engine.errors import InvalidInputError

if TYPE_CHECKING:
    from engine.model.checkpoint import Checkpoint
    from engine.session import Session


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--checkpoint``, ``--device`` and ``--precision``."""
    parser.add_argument(
        "--checkpoint",
        metavar="C",
        type=Path,
        help="the trained network, a .safetensors file (default: the demo network that ships "
        "with the program)",
    )
    parser.add_argument(
        "--device",
        metavar="D",
        default="auto",
        help="where to compute: cpu, cuda or mps (default: auto, the fastest there is)",
    )
    parser.add_argument(
        "--precision",
        choices=("float32", "bfloat16", "auto"),
        # Figures should not depend on the machine's kind of processor.
        default="float32",
        help="numbers to compute with; auto takes bfloat16 where it is faster and agrees "
        "(default: float32)",
    )


def open_session(args: argparse.Namespace) -> Session:
    """Open the checkpoint; raise ``CheckpointError`` or ``InvalidInputError``."""
    from engine.session import Session

    path = args.checkpoint
    if path is None:
        path = resources.path("models", "demo.safetensors")
        if not path.is_file():
            raise InvalidInputError(
                "The demo network is not installed; say which network with --checkpoint."
            )
    return Session.open(path, device=args.device, precision=args.precision)


def describe(checkpoint: Checkpoint) -> str:
    """Name a checkpoint so that it can be recognised: name, version, SHA-256 of the file."""
    metadata = checkpoint.metadata
    return f"{metadata.name} {metadata.version} sha256:{checkpoint.sha256}"


def quiet() -> None:
    """Keep libraries' warnings off standard error: what matters is said by the commands."""
    warnings.simplefilter("ignore")
    logging.getLogger().addHandler(logging.NullHandler())
