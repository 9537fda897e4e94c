"""A run's files, each whole or not there: what it goes on with (no pickle), tables, JSON."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from engine.errors import InvalidInputError, SaliscopeError

KEY = "training"
"""The header entry that holds everything that is not a tensor, as JSON."""


def write(path: Path, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
    """Write tensors and JSON values as one file that is there whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    flat = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    save_file(flat, partial, {KEY: json.dumps(values)})
    replace(partial, path)


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return what ``write`` was given; ``SaliscopeError`` where the file is damaged."""
    try:
        with safe_open(path, "pt") as file:
            values = json.loads((file.metadata() or {})[KEY])
            return {name: file.get_tensor(name) for name in file.keys()}, values  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise SaliscopeError(
            f"The saved state {path} cannot be read ({error}); delete it to begin again."
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write a text file that is there whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    partial.write_text(text, "utf-8")
    replace(partial, path)


def write_json(path: Path, values: Any) -> None:
    """Write JSON for people to read, whole or not at all; no NaN."""
    write_text(path, json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path, refusal: str) -> dict[str, Any]:
    """Return a JSON object; ``InvalidInputError`` that says ``refusal`` where there is none."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInputError(refusal) from error
    if not isinstance(found, dict):
        raise InvalidInputError(refusal)
    return found


def recorded(path: Path, key: str) -> str | None:
    """Return what a JSON file says of ``key``; None where there is no file, or it does not say."""
    try:
        return str(json.loads(path.read_text("utf-8"))[key])
    except (OSError, ValueError, KeyError):
        return None


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], header: bool = True) -> str:
    """Return rows as CSV; None becomes an empty cell."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows, at least one, as CSV, whole or not at all."""
    write_text(path, csv_text(list(rows[0]), rows))


def read_csv(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def replace(partial: Path, path: Path) -> None:
    """Put ``partial``, safely on the disk, in the place of ``path``."""
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(path)
