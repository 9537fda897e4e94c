"""Near-identical images: found by perceptual hash and correlation, to be kept in one fold.

Public collections hold the same frame several times (saved twice, with and without callipers).
Split across folds they let a model recognise what it was trained on.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage
from scipy.fft import dctn

from engine import folders
from engine.images import reader

HASH_SIZE = 8
"""The hash is the sign of the HASH_SIZE x HASH_SIZE lowest frequencies."""

HASH_DISTANCE = 20
"""Candidates differ in at most this many of the 64 bits; unrelated images differ in about 32."""

CORRELATION = 0.985
"""Candidates are near-duplicates from this correlation of their thumbnails on."""

THUMBNAIL = 32
"""Side of the thumbnails that are correlated, pixels."""


def thumbnail(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (rows, cols) stretched to THUMBNAIL x THUMBNAIL, averaging what is joined."""
    small = PilImage.fromarray(np.ascontiguousarray(grey, np.float32)).resize(
        (THUMBNAIL, THUMBNAIL), PilImage.Resampling.BOX
    )
    return np.asarray(small, np.float32)


def perceptual_hash(thumbnails: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return (N, 64) bits: which low DCT coefficients lie above their image's median.

    The first coefficient (mean brightness) is replaced by the next on the diagonal, as usual.
    """
    spectrum = dctn(thumbnails, axes=(1, 2), norm="ortho")
    low = spectrum[:, :HASH_SIZE, :HASH_SIZE].reshape(len(thumbnails), -1).copy()
    low[:, 0] = spectrum[:, HASH_SIZE, HASH_SIZE]
    return low > np.median(low, axis=1, keepdims=True)


def join(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Return for each of ``count`` items the smallest item that ``pairs`` connect it with."""
    parent = list(range(count))

    def root(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for a, b in pairs:
        ra, rb = root(a), root(b)
        parent[max(ra, rb)] = min(ra, rb)
    return [root(i) for i in range(count)]


def near_duplicates(thumbnails: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Return the pairs (i < j) of near-identical thumbnails, (N, THUMBNAIL, THUMBNAIL)."""
    count = len(thumbnails)
    bits = perceptual_hash(thumbnails).astype(np.float32) * 2 - 1
    flat = thumbnails.reshape(count, -1).astype(np.float32)
    flat = flat - flat.mean(1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
    pairs: list[tuple[int, int]] = []
    block = 512
    for start in range(0, count, block):
        stop = start + block
        distance = (bits.shape[1] - bits[start:stop] @ bits.T) / 2
        close = distance <= HASH_DISTANCE
        for i, row in enumerate(close, start):
            others = np.flatnonzero(row[i + 1 :]) + i + 1
            if others.size:
                similar = flat[others] @ flat[i]
                pairs += [(i, int(j)) for j in others[similar >= CORRELATION]]
    return pairs


def near_duplicates_of_files(paths: Sequence[Path]) -> list[tuple[int, int]]:
    """Return the pairs of near-identical files (first frame each); remembered between runs."""
    stamp = hashlib.blake2b(digest_size=16)
    stamp.update(repr((HASH_SIZE, HASH_DISTANCE, CORRELATION, THUMBNAIL)).encode())
    for path in paths:
        status = path.stat()
        stamp.update(f"{path.resolve()}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    memory = folders.cache() / "near-duplicates" / f"{stamp.hexdigest()}.json"
    if memory.is_file():
        try:
            return [(int(a), int(b)) for a, b in json.loads(memory.read_text("utf-8"))]
        except ValueError:
            memory.unlink()
    pairs = near_duplicates(np.stack([thumbnail(reader.read(p).grey(0)) for p in paths]))
    memory.parent.mkdir(parents=True, exist_ok=True)
    partial = memory.with_suffix(f".{os.getpid()}.tmp")
    partial.write_text(json.dumps(pairs), "utf-8")
    partial.replace(memory)
    return pairs
