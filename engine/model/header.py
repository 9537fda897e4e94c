"""The header of a safetensors file, checked before anything is made of what follows it."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any, NoReturn

from engine.errors import CheckpointError

METADATA_KEY = "saliscope"
"""The one entry of the header's metadata, a text."""

# A header names a few thousand tensors in some 100 bytes each.
MAX_BYTES = 8 * 2**20

# torch.save writes a zip archive, before version 1.6 a bare pickle or a tar of pickles.
_PICKLES = (b"PK\x03\x04", b"\x80")
_PICKLE_SUFFIXES = (".pth", ".pt", ".tar", ".ckpt", ".bin", ".pkl")


def refuse(path: Path, reason: str, advice: str) -> NoReturn:
    """Raise ``CheckpointError`` with one sentence on why a file is no checkpoint."""
    raise CheckpointError(f"{path.name} cannot be opened as a checkpoint: {reason}; {advice}.")


def looks_like_pickle(path: Path, start: bytes) -> bool:
    """Whether a file that begins with ``start`` is one that ``torch.save`` wrote."""
    return start.startswith(_PICKLES) or path.suffix in _PICKLE_SUFFIXES


def read(data: bytes, path: Path) -> dict[str, Any]:
    """Return the header of a whole file, or refuse the file.

    It is 8 bytes of length, little-endian, then JSON: the tensors' types, shapes and places.
    """
    if looks_like_pickle(path, data[:4]) and data[8:9] != b"{":
        refuse(
            path,
            "it is a PyTorch pickle, which can run code when it is opened and so is never loaded",
            "ask for the checkpoint as safetensors",
        )
    if len(data) < 8:
        refuse(path, "it is shorter than a safetensors header", "fetch it again")
    (length,) = struct.unpack("<Q", data[:8])
    if length > MAX_BYTES or data[8:9] != b"{":
        refuse(path, "it is not a safetensors file", "choose a file that ends in .safetensors")
    if 8 + length > len(data):
        refuse(path, "it ends within its header", "fetch it again")
    try:
        header = json.loads(data[8 : 8 + length])
    except (ValueError, RecursionError):
        refuse(path, "its header is damaged", "fetch it again")
    if not isinstance(header, dict):
        refuse(path, "its header is damaged", "fetch it again")
    end = 0
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
        if not (
            isinstance(offsets, list)
            and len(offsets) == 2
            and all(isinstance(n, int) and n >= 0 for n in offsets)
        ):
            refuse(path, "its header is damaged", "fetch it again")
        end = max(end, offsets[1])
    if 8 + length + end > len(data):
        missing = 8 + length + end - len(data)
        refuse(path, f"it is cut short, {missing} bytes are missing", "fetch it again")
    return header
