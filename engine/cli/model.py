"""What the commands that need a network share: its arguments, and opening it quietly."""

from __future__ import annotations

import argparse
import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import InvalidInputError

if TYPE_CHECKING:
    from engine.images.image import Image
    from engine.model.catalogue import Choice
    from engine.model.checkpoint import Checkpoint
    from engine.session import Session

AUTO = "auto"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--model``, ``--checkpoint``, ``--device`` and ``--precision``."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--model",
        metavar="M",
        default=AUTO,
        help="an installed network by its file's name, such as demo; auto takes, for each image, "
        "the one trained on its modality, and where the file does not say it, the one whose "
        "training images it is most like (default: auto)",
    )
    which.add_argument(
        "--checkpoint", metavar="C", type=Path, help="a trained network of yours, .safetensors"
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


class Networks:
    """The network that answers for each image; every file is opened once."""

    def __init__(self, args: argparse.Namespace) -> None:
        """Raise ``InvalidInputError`` where there is no such model, or none at all."""
        from engine.model import catalogue

        self._args = args
        self._sessions: dict[Path, Session] = {}
        self._fixed: Path | None = args.checkpoint
        self._entries = catalogue.installed()
        if self._fixed is None and args.model != AUTO:
            known = {entry.path.stem: entry.path for entry in self._entries}
            if args.model not in known:
                raise InvalidInputError(
                    f"There is no model {args.model!r} installed; choose "
                    f"{' or '.join([AUTO, *known])}, or give a file with --checkpoint."
                )
            self._fixed = known[args.model]
        if self._fixed is None and not self._entries:
            raise InvalidInputError("No network is installed; say which network with --checkpoint.")

    def of(self, image: Image) -> tuple[Session, str | None]:
        """Return the network for an image and why it; None where the user chose it.

        Raises ``CheckpointError`` or ``InvalidInputError``.
        """
        choice = self._choose(image)
        if choice is None:
            assert self._fixed is not None
            return self._open(self._fixed), None
        return self._open(choice.entry.path), choice.reason

    def unsuited(self, image: Image) -> str:
        """Return why the network chosen for an image may not suit it, "" where it does."""
        choice = self._choose(image)
        return choice.reason if choice is not None and not choice.fits else ""

    def _choose(self, image: Image) -> Choice | None:
        from engine.model import catalogue

        if self._fixed is not None:
            return None
        return catalogue.choose(
            image,
            self._entries,
            lambda entry: self._open(entry.path).familiarity(image, image.frames // 2),
        )

    def _open(self, path: Path) -> Session:
        from engine.session import Session

        if path not in self._sessions:
            self._sessions[path] = Session.open(
                path, device=self._args.device, precision=self._args.precision
            )
        return self._sessions[path]


def describe(checkpoint: Checkpoint) -> str:
    """Name a checkpoint so that it can be recognised: name, version, SHA-256 of the file."""
    metadata = checkpoint.metadata
    return f"{metadata.name} {metadata.version} sha256:{checkpoint.sha256}"


def title(checkpoint: Checkpoint, why: str | None) -> str:
    """Name a checkpoint, and say why it was taken where the user did not say it."""
    name = f"{checkpoint.metadata.name} {checkpoint.metadata.version}"
    return name if why is None else f"{name}: {why}"


def quiet() -> None:
    """Keep libraries' warnings off standard error: what matters is said by the commands."""
    warnings.simplefilter("ignore")
    logging.getLogger().addHandler(logging.NullHandler())
