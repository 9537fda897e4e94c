"""A folder's ``manifest.csv``: which mask belongs to which image, and whose images they are.

The table lies beside the images or in a folder above them. Paths in it are relative to it, with
forward slashes. ``path`` is required; ``mask`` (a file, or nothing or "empty" where there is no
lesion), ``frame`` (of ``path``, from 0), ``patient``, ``title``, ``modality``, ``sequence`` and
``label`` (the class) may be there; other columns are passed over. ``python -m training.phantom``
writes such tables.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from engine.images import limits

NAME = "manifest.csv"
LEVELS = 4
"""Folders above an image in which its manifest is looked for (patient, study, series, "images")."""

_NO_MASK = ("", "empty")


@dataclass
class Entry:
    """What the table says of one file.

    ``masks``: (frame of the file, mask file), in its order. ``labels``: by frame of the file.
    """

    patient: str = ""
    title: str = ""
    modality: str = ""
    sequence: str = ""
    masks: list[tuple[int, Path]] = field(default_factory=list)
    labels: dict[int, str] = field(default_factory=dict)


class Manifests:
    """The manifests above the files of one scan, each read once."""

    def __init__(self) -> None:
        self._tables: dict[Path, dict[Path, Entry] | None] = {}

    def entry(self, file: Path) -> Entry | None:
        """Return what the nearest manifest that names this file says of it."""
        file = file.absolute()
        for folder in file.parents[:LEVELS]:
            table = self._table(folder)
            if table is not None and file in table:
                return table[file]
        return None

    def _table(self, folder: Path) -> dict[Path, Entry] | None:
        if folder not in self._tables:
            self._tables[folder] = _read(folder / NAME)
        return self._tables[folder]


def _read(path: Path) -> dict[Path, Entry] | None:
    """Return the table's entries by file; None where there is no table of this kind."""
    try:
        if not path.is_file() or path.stat().st_size > limits.MAX_MANIFEST_BYTES:
            return None
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restkey="", restval="")
            if "path" not in (reader.fieldnames or ()):
                return None
            entries: dict[Path, Entry] = {}
            for row in reader:
                _take(path.parent, row, entries)
    except (OSError, UnicodeDecodeError, csv.Error):
        # Another program's file of this name: the images are shown without what it says.
        return None
    return entries


def _take(folder: Path, row: dict[str, str], entries: dict[Path, Entry]) -> None:
    image = _inside(folder, row["path"])
    if image is None:
        return
    patient, title, modality, sequence = (
        (row.get(name) or "").strip() for name in ("patient", "title", "modality", "sequence")
    )
    entry = entries.setdefault(image, Entry(patient, title, modality, sequence))
    named = row.get("mask", "").strip()
    mask = None if named.casefold() in _NO_MASK else _inside(folder, named)
    frame = row.get("frame", "").strip() or "0"
    if mask is not None and frame.isdecimal():
        entry.masks.append((int(frame), mask))
    label = row.get("label", "").strip()
    if label and frame.isdecimal():
        entry.labels[int(frame)] = label


def _inside(folder: Path, written: str) -> Path | None:
    """Return the file, None where the table points out of its own folder."""
    relative = PurePosixPath(written.strip())
    if not relative.parts or relative.is_absolute() or ".." in relative.parts:
        return None
    return folder / relative
