"""Checkpoints as files: taken apart, changed, and refused in one clear sentence."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.errors import CheckpointError
from engine.model.checkpoint import load


def parts(path: Path) -> tuple[dict[str, Any], bytes]:
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def rewrite(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the JSON metadata of a stored checkpoint."""
    header, body = parts(path)
    metadata = json.loads(header["__metadata__"]["saliscope"])
    change(metadata)
    header["__metadata__"]["saliscope"] = json.dumps(metadata)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def refused(path: Path) -> str:
    with pytest.raises(CheckpointError) as error:
        load(path)
    sentence = str(error.value)
    assert sentence.startswith(f"{path.name} cannot be opened as a checkpoint: ")
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence
