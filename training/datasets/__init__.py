"""Data sets to train on, one file each, by name.

Each module has ``load(data: Path, classes: tuple[str, ...] | None) -> Dataset``; ``classes``
chooses among the classes that the data set knows (None: its default).
"""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

from engine.errors import InvalidInputError
from training.datasets.record import Dataset, Record

NAMES = ("busi", "sts", "phantom", "manifest", "busbra")

EXTERNAL = ("busbra",)
"""Kept for testing models that were trained elsewhere."""

FORCE = "--train-on-external-test-set"

__all__ = ["EXTERNAL", "NAMES", "Dataset", "Record", "add_force", "check_trainable", "load"]


def add_force(parser: argparse.ArgumentParser) -> None:
    """Add the option without which nothing is trained on an external test set."""
    parser.add_argument(
        FORCE,
        action="store_true",
        dest="force_external",
        help=f"train on {', '.join(EXTERNAL)} too, which is kept for testing",
    )


def check_trainable(name: str, forced: bool) -> None:
    """Raise ``InvalidInputError`` for an external test set, unless training on it is forced."""
    if name in EXTERNAL and not forced:
        raise InvalidInputError(
            f"{name} is an external test set: train on another and test on it with "
            f"training.external, or give {FORCE} and lose it for testing."
        )


def load(name: str, data: Path, classes: tuple[str, ...] | None = None) -> Dataset:
    """Return the data set ``name`` found at ``data``; ``InvalidInputError`` says what is wrong."""
    if name not in NAMES:
        raise InvalidInputError(f"There is no data set {name!r}; there are {', '.join(NAMES)}.")
    if not data.exists():
        raise InvalidInputError(f"There is nothing at {data}; give the data set with --data.")
    dataset: Dataset = import_module(f"training.datasets.{name}").load(data, classes)
    return dataset
