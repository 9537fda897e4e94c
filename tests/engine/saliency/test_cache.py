"""The cache gives back exactly what was stored, or nothing; never something else."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from engine.saliency.cache import AttributionCache, Entry

KEY = {"image": "abc", "frame": 3, "samples": 64}


def entry(value: float = 1.5, size: int = 4) -> Entry:
    return Entry(np.full((size, size), value, np.float32), {"sum": 0.25, "words": "ü"})


def test_survives_the_process(tmp_path: Path):
    AttributionCache(tmp_path / "new").put(KEY, entry())
    found = AttributionCache(tmp_path / "new").get(dict(reversed(KEY.items())))
    assert found is not None
    assert np.array_equal(found.raw, entry().raw)
    assert found.facts == entry().facts
    assert AttributionCache(tmp_path / "new").get(KEY | {"frame": 4}) is None


def test_damaged_entries_are_as_good_as_none(tmp_path: Path):
    AttributionCache(tmp_path).put(KEY, entry())
    (file,) = tmp_path.glob("*.npz")
    whole = file.read_bytes()
    other = AttributionCache(tmp_path / "other")
    other.put(KEY | {"frame": 9}, entry())
    (foreign,) = (tmp_path / "other").glob("*.npz")
    pickled = tmp_path / "pickled.npz"
    np.savez(pickled, raw=np.array([{}], object), facts=np.zeros(2, np.uint8))
    damages = [b"", whole[:100], whole[:-30], bytes(len(whole)), foreign.read_bytes()]
    damages.append(pickled.read_bytes())
    for position in range(40, len(whole), 97):  # a flipped bit anywhere
        damages.append(whole[:position] + bytes([whole[position] ^ 64]) + whole[position + 1 :])
    pickled.unlink()
    for damage in damages:
        file.write_bytes(damage)
        found = AttributionCache(tmp_path).get(KEY)
        if found is None:
            assert not file.exists()
        else:
            assert np.array_equal(found.raw, entry().raw)
            assert found.facts == entry().facts


def test_the_ones_unused_for_longest_go_first(tmp_path: Path):
    cache = AttributionCache(tmp_path, limit=5 * 70_000)
    size = 128  # 64 KiB each
    for frame in range(5):
        cache.put(KEY | {"frame": frame}, entry(frame, size))
        for age, path in enumerate(sorted(tmp_path.iterdir(), key=lambda p: p.stat().st_mtime_ns)):
            os.utime(path, ns=(age * 10**9, age * 10**9))
    (tmp_path / "left-by-a-kill.part").write_bytes(b"x" * 1000)
    os.utime(tmp_path / "left-by-a-kill.part", ns=(0, 0))
    assert AttributionCache(tmp_path).get(KEY | {"frame": 0}) is not None  # now in use
    cache.put(KEY | {"frame": 5}, entry(5, size))
    kept = [frame for frame in range(6) if AttributionCache(tmp_path).get(KEY | {"frame": frame})]
    assert kept == [0, 2, 3, 4, 5]
    assert not list(tmp_path.glob("*.part"))


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    cache = AttributionCache(tmp_path / "file" / "folder")
    cache.put(KEY, entry())
    found = cache.get(KEY)  # from memory
    assert found is not None and found.facts == entry().facts


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    AttributionCache(tmp_path).put(KEY, entry())
    assert not list(tmp_path.iterdir())
