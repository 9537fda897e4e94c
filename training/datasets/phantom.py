"""Phantoms made by ``python -m training.phantom --out DIR``."""

from __future__ import annotations

import csv
from pathlib import Path

from engine.errors import InvalidInputError
from training.datasets.record import Dataset, Record
from training.phantom import manifest
from training.phantom.study import LABELS

CLASSES = LABELS
"""Not suspicious, Suspicious: the positive class last."""

LICENCE = "CC0-1.0"


def load(data: Path, classes: tuple[str, ...] | None = None) -> Dataset:
    """Return the images of a phantom folder, in the manifest's order.

    Raises
    ------
    InvalidInputError: where there is no manifest, it is not a phantom's, or a file is missing.
    """
    if classes is not None and set(classes) != set(CLASSES):
        raise InvalidInputError(f"Phantoms have the classes {' and '.join(CLASSES)} only.")
    path = data / manifest.NAME
    if not path.is_file():
        raise InvalidInputError(
            f"There is no {manifest.NAME} in {data}; make phantoms with "
            f"python -m training.phantom --out {data}."
        )
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        wanted = {"patient", "path", "frame", "modality", "sequence", "label", "mask"}
        missing = sorted(wanted - set(reader.fieldnames or ()))
        if missing:
            raise InvalidInputError(
                f"{path} is not a phantom's manifest: it has no column {missing[0]!r}; "
                "make the folder again."
            )
        records = tuple(_record(data, row, reader.line_num) for row in reader)
    return Dataset("phantom", classes or CLASSES, records, licence=LICENCE)


def _record(data: Path, row: dict[str, str], line: int) -> Record:
    empty = row["mask"] == manifest.EMPTY
    image, mask = data / row["path"], data / row["mask"]
    for file in (image,) if empty else (image, mask):
        if not file.is_file():
            raise InvalidInputError(
                f"{manifest.NAME}, line {line}: there is no file {file}; make the folder again."
            )
    return Record(
        path=image,
        frame=int(row["frame"]),
        label=row["label"],
        patient=row["patient"],
        modality=row["modality"],
        sequence=row["sequence"],
        mask_paths=() if empty else (mask,),
        group=f"patient:{row['patient']}",
        known_empty=empty,
        origin=f"{manifest.NAME}, line {line}",
    )
