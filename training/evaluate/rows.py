"""A table that grows an image at a time and can be killed at any moment."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from engine.errors import InvalidInputError
from training import state

Key = tuple[int, str]
"""The record's index and the map's name: one row each."""


class Rows:
    """Rows of ``columns``, "index" and "map" among them, in a CSV file.

    What an earlier process left is kept, except for a last line that it did not finish. Raises
    ``InvalidInputError`` where the file is another table.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path = path
        self.columns = tuple(columns)
        if not path.is_file():
            state.write_text(path, state.csv_text(self.columns, ()))
        text = path.read_text("utf-8")
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            state.write_text(path, whole)
        rows = list(csv.DictReader(io.StringIO(whole)))
        if whole.splitlines()[:1] != [",".join(self.columns)]:
            raise InvalidInputError(
                f"{path} was written by another version; delete it to compute it again."
            )
        self.known: set[Key] = {(int(row["index"]), row["map"]) for row in rows}

    def missing(self, index: int, maps: Iterable[str]) -> tuple[str, ...]:
        """Return those of ``maps`` that have no row for the record yet."""
        return tuple(name for name in maps if (index, name) not in self.known)

    def append(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add an image's rows in one write, and see that they reach the disk."""
        if not rows:
            return
        with self.path.open("a", encoding="utf-8", newline="") as file:
            file.write(state.csv_text(self.columns, rows, header=False))
            file.flush()
            os.fsync(file.fileno())
        self.known |= {(row["index"], row["map"]) for row in rows}
