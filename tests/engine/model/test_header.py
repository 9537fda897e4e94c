"""Files that are no whole safetensors files with Saliscope's metadata are refused, unread."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import torch
from safetensors.torch import save_file

from engine.model import header
from engine.model.checkpoint import Checkpoint
from tests.engine.model.stored import parts, refused


def test_truncation_anywhere(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    checkpoint.save(path)
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    for size in (0, 1, 7, 8, 9, 100, 7 + length, 8 + length, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:size])
        refused(path)
    path.write_bytes(data + b"more")
    refused(path)


def test_hostile_headers(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    for start in (2**64 - 1, 2**40, header.MAX_BYTES + 1):
        path.write_bytes(struct.pack("<Q", start) + b"{}" + bytes(100))
        assert "not a safetensors file" in refused(path)
    for text in (b"{" * 1000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000, b'{"a": 3}', b"{}"):
        path.write_bytes(struct.pack("<Q", len(text)) + text)
        refused(path)
    checkpoint.save(path)
    entries, body = parts(path)
    name = next(n for n in entries if n.endswith("conv2.weight"))
    entries[name]["shape"] = [2**31, 2**31]
    text = json.dumps(entries).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    assert "damaged" in refused(path)


def test_pickle_isrefused(tmp_path: Path) -> None:
    for name in ("model.pth", "model.safetensors"):
        torch.save({"a": torch.zeros(1)}, tmp_path / name)
        assert "pickle" in refused(tmp_path / name)


def test_not_a_checkpoint(tmp_path: Path) -> None:
    refused(tmp_path / "missing.safetensors")
    refused(tmp_path)
    (tmp_path / "note.txt").write_text("not a model at all")
    assert "not a safetensors file" in refused(tmp_path / "note.txt")
    save_file({"a": torch.zeros(1)}, tmp_path / "plain.safetensors")
    assert "no Saliscope metadata" in refused(tmp_path / "plain.safetensors")
