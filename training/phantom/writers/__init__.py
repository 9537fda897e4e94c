"""Writers of a phantom study, one format a file.

Each has ``write(study, images: Path, masks: Path) -> list[Written]``: it makes the files of one
patient below the two folders, and says for every image where it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from training.phantom.study import Sequence, Study

FORMATS = ("dicom", "nifti", "png")


@dataclass(frozen=True)
class Written:
    """One image: frame ``frame`` of ``image`` as ``engine.images.reader.read`` counts frames.

    mask: None where there is no lesion. index: the frame within ``sequence``.
    """

    image: Path
    frame: int
    mask: Path | None
    sequence: Sequence
    index: int


Writer = Callable[[Study, Path, Path], list[Written]]


def writer(name: str) -> Writer:
    """Return the writer of a format."""
    if name not in FORMATS:
        raise ValueError(f"{name} is none of {FORMATS}")
    write: Writer = import_module(f"training.phantom.writers.{name}").write
    return write
