"""Data sets to train on, one file each, by name.

Each module has ``load(data: Path, classes: tuple[str, ...] | None) -> Dataset``; ``classes``
chooses among the classes that the data set knows (None: its default).
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from engine.errors import InvalidInputError
from training.datasets.record import Dataset, Record

NAMES = ("busi", "sts", "phantom", "manifest")

__all__ = ["NAMES", "Dataset", "Record", "load"]


def load(name: str, data: Path, classes: tuple[str, ...] | None = None) -> Dataset:
    """Return the data set ``name`` found at ``data``; ``InvalidInputError`` says what is wrong."""
    if name not in NAMES:
        raise InvalidInputError(f"There is no data set {name!r}; there are {', '.join(NAMES)}.")
    if not data.exists():
        raise InvalidInputError(f"There is nothing at {data}; give the data set with --data.")
    dataset: Dataset = import_module(f"training.datasets.{name}").load(data, classes)
    return dataset
