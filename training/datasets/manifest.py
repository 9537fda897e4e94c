"""Any cohort, by a CSV file: the way in for a hospital's own images."""

from __future__ import annotations

import csv
from pathlib import Path

from engine.errors import InvalidInputError
from training.datasets.record import Dataset, Record

REQUIRED = ("path", "label")
OPTIONAL = ("patient", "modality", "sequence", "frame", "mask")

EMPTY = "empty"
"""In the column ``mask``: there is no lesion in this image (an empty cell: not known)."""


def load(data: Path, classes: tuple[str, ...] | None = None) -> Dataset:
    """Return the records of a CSV file (or of ``manifest.csv`` in a folder).

    Columns: path, label; and optionally patient, modality (MR, US), sequence (T1, STIR), frame
    (counted from 0), mask. Paths are relative to the CSV; several masks are separated by ";".
    Without ``classes`` the labels are put in alphabetical order; the last is the positive class.

    Raises
    ------
    InvalidInputError: with every error of the file, one a line, each with its line number.
    """
    path = data / "manifest.csv" if data.is_dir() else data
    if not path.is_file():
        raise InvalidInputError(f"There is no manifest at {path}; give a CSV file with --data.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restkey="", skipinitialspace=True)
            header = [name.strip().lower() for name in (reader.fieldnames or ())]
            reader.fieldnames = header
            rows = [(reader.line_num, row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidInputError(
            f"{path.name} is not a CSV file in UTF-8 ({error}); save it as such."
        ) from error
    errors = [f"line 1: the column {name!r} is missing" for name in REQUIRED if name not in header]
    errors += [
        f"line 1: the column {name!r} is not known (known: {', '.join(REQUIRED + OPTIONAL)})"
        for name in header
        if name not in REQUIRED + OPTIONAL
    ]
    errors += [
        f"line 1: the column {name!r} occurs twice"
        for name in sorted({n for n in header if header.count(n) > 1})
    ]
    records: list[Record] = []
    if not errors:
        seen: dict[tuple[Path, int], int] = {}
        for line, row in rows:
            record = _record(path, line, row, classes, seen, errors)
            if record is not None:
                records.append(record)
        if not rows:
            errors.append("line 2: there are no images below the header")
        labels = {r.label for r in records}
        if not errors and len(labels) < 2:
            errors.append(f"every line has the label {labels.pop()!r}; a classifier needs two")
    if errors:
        count = f"{len(errors)} errors" if len(errors) > 1 else "an error"
        raise InvalidInputError("\n  ".join([f"{path.name} has {count}; correct them:", *errors]))
    return Dataset(
        name="manifest",
        classes=classes or tuple(sorted({r.label for r in records})),
        records=tuple(records),
    )


def _record(
    manifest: Path,
    line: int,
    row: dict[str, str | None],
    classes: tuple[str, ...] | None,
    seen: dict[tuple[Path, int], int],
    errors: list[str],
) -> Record | None:
    """Turn a row into a record, or add what is wrong with it to ``errors``."""
    before = len(errors)
    if row.pop("", None):
        errors.append(f"line {line}: there are more cells than columns")
    cells = {name: (value or "").strip() for name, value in row.items()}
    image = manifest.parent / cells["path"]
    if not cells["path"]:
        errors.append(f"line {line}: the path is empty")
    elif not image.exists():
        errors.append(f"line {line}: there is no file {cells['path']!r}")
    if not cells["label"]:
        errors.append(f"line {line}: the label is empty")
    elif classes is not None and cells["label"] not in classes:
        errors.append(f"line {line}: the label {cells['label']!r} is none of {', '.join(classes)}")
    frame = cells.get("frame") or "0"
    if not (frame.isascii() and frame.isdigit()):
        errors.append(f"line {line}: the frame {frame!r} is not a number counted from 0")
        frame = "0"
    mask = cells.get("mask", "")
    names = [] if mask in ("", EMPTY) else [part.strip() for part in mask.split(";")]
    errors += [
        f"line {line}: there is no mask file {name!r}"
        for name in names
        if not name or not (manifest.parent / name).is_file()
    ]
    if cells["path"]:
        first = seen.setdefault((image, int(frame)), line)
        if first != line:
            errors.append(f"line {line}: the image is the one of line {first}")
    if len(errors) > before:
        return None
    patient = cells.get("patient", "")
    return Record(
        path=image,
        frame=int(frame),
        label=cells["label"],
        patient=patient,
        modality=cells.get("modality", "").upper(),
        sequence=cells.get("sequence", ""),
        mask_paths=tuple(manifest.parent / name for name in names),
        group=f"patient:{patient}" if patient else f"file:{cells['path']}",
        known_empty=mask == EMPTY,
        origin=f"{manifest.name}, line {line}",
    )
