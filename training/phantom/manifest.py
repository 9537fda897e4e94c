"""The manifest of a phantom folder: one row an image."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

NAME = "manifest.csv"

EMPTY = "empty"
"""In the column ``mask``: there is no lesion in this image."""


@dataclass(frozen=True)
class Row:
    """One image. Paths are relative to the manifest, with forward slashes.

    frame: as ``engine.images.reader.read`` counts, from 0. mask: a file, or EMPTY; a NIfTI mask
    is indexed by ``frame``. label: the class to learn. finding: what was simulated. title: what to
    call the patient on the screen.
    """

    patient: str
    path: str
    frame: int
    modality: str
    sequence: str
    label: str
    finding: str
    mask: str
    body_part: str
    format: str
    rows: int
    cols: int
    title: str


def write(rows: Iterable[Row], folder: Path) -> Path:
    """Write ``manifest.csv`` into a folder and return its path."""
    path = folder / NAME
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(f.name for f in fields(Row))
        out.writerows(astuple(row) for row in rows)
    return path
