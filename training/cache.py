"""Decoded, preprocessed images and masks on disk, so that no epoch decodes anything.

A cache is a folder of memory-mapped arrays, named by what went into it: the list of files with
their sizes and times, and the preprocessing. It is written under another name and renamed when
complete, so that a killed run leaves nothing that looks like a cache.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine import folders
from engine.errors import InvalidInputError, SaliscopeError
from engine.images import reader
from engine.images.image import Image
from engine.images.preprocess import Preprocessing, to_model_input
from engine.progress import Progress
from training.datasets.record import Record

VERSION = 1
"""Part of every cache's name; raised when what is stored changes."""

ERRORS_SHOWN = 20
"""Of more unreadable files than this the first are named and the rest counted."""


@dataclass(frozen=True, eq=False)
class Pixels:
    """The images and masks of a list of records, in its order, on the model's input grid.

    images: uint8 (N, C, H, W), the model's input before normalisation, 0 to 255 for 0 to 1; C is
    1 where every image is grey. Rounding costs at most half a grey level of 255. masks: uint8
    (N, H, W), 1 in a lesion. known: (N,), whether the mask (be it empty) is known.
    """

    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    known: NDArray[np.bool_]
    preprocessing: Preprocessing

    def __len__(self) -> int:
        return len(self.images)

    def normalise(self, images: Tensor) -> Tensor:
        """Return (n, C, H, W) in 0..1 as the network's input (n, 3, H, W)."""
        mean = torch.tensor(self.preprocessing.mean, device=images.device).view(1, 3, 1, 1)
        std = torch.tensor(self.preprocessing.std, device=images.device).view(1, 3, 1, 1)
        return (images - mean) / std


def pixels(
    records: Sequence[Record],
    preprocessing: Preprocessing,
    progress: Progress | None = None,
    folder: Path | None = None,
) -> Pixels:
    """Return the cached pixels of ``records``, read and stored first where they are not yet.

    folder: of all caches, the program's cache folder by default. ``InvalidInputError`` names
    every file that cannot be used.
    """
    folder = folder if folder is not None else folders.cache() / "training"
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / _key(records, preprocessing)
    if not place.is_dir():
        work = Path(tempfile.mkdtemp(prefix="unfinished-", dir=folder))
        try:
            _write(work, records, preprocessing, progress)
            try:
                work.replace(place)
            except OSError:
                # Another process finished the same cache first; its is as good.
                if not place.is_dir():
                    raise
        finally:
            shutil.rmtree(work, ignore_errors=True)
    # Copy on write: torch wants writable memory; nothing written would reach the file.
    images = np.load(place / "images.npy", mmap_mode="c", allow_pickle=False)
    masks = np.load(place / "masks.npy", mmap_mode="c", allow_pickle=False)
    known = np.load(place / "known.npy", allow_pickle=False)
    return Pixels(images, masks, known, preprocessing)


def _key(records: Sequence[Record], preprocessing: Preprocessing) -> str:
    digest = hashlib.blake2b(digest_size=12)
    fields = dataclasses.asdict(preprocessing)
    digest.update(json.dumps([VERSION, fields], sort_keys=True, default=repr).encode())
    stamps: dict[Path, str] = {}
    for record in records:
        for path in (record.path, *record.mask_paths):
            if path not in stamps:
                try:
                    status = path.stat()
                except OSError as error:
                    raise InvalidInputError(
                        f"{path.name} is listed but cannot be opened ({error.strerror}); "
                        "restore it or take it off the list."
                    ) from error
                stamps[path] = f"{path.resolve()}|{status.st_size}|{status.st_mtime_ns}"
        parts = [stamps[path] for path in (record.path, *record.mask_paths)]
        digest.update(repr((parts, record.frame, record.known_empty)).encode())
    return digest.hexdigest()


def _write(
    folder: Path,
    records: Sequence[Record],
    preprocessing: Preprocessing,
    progress: Progress | None,
) -> None:
    """Write images.npy, masks.npy and known.npy of ``records`` into ``folder``."""
    count, (rows, cols) = len(records), preprocessing.size
    images = _create(folder / "colour.npy", (count, 3, rows, cols))
    masks = _create(folder / "masks.npy", (count, rows, cols))
    known = np.array([bool(r.mask_paths) or r.known_empty for r in records])
    errors: list[str] = []
    grey = True
    # Frames of one file in a row, so that each file is read once.
    order = sorted(range(count), key=lambda i: (str(records[i].path), records[i].frame))
    files = Files()
    unscaled = dataclasses.replace(preprocessing, mean=(0.0,) * 3, std=(1.0,) * 3)
    for done, index in enumerate(order):
        if progress is not None:
            progress.report(done / count, f"reading image {done + 1} of {count}")
        record = records[index]
        try:
            image = files.read(record.path)
            if not 0 <= record.frame < image.frames:
                raise InvalidInputError(
                    f"{record.path.name} has {image.frames} frames, so there is no frame "
                    f"{record.frame} (counted from 0)."
                )
            entry = to_model_input(image, record.frame, unscaled)
            images[index] = np.clip(np.rint(entry.tensor * 255), 0, 255).astype(np.uint8)
            grey = grey and bool((images[index] == images[index][:1]).all())
            if record.mask_paths:
                lesion = lesion_mask(files, record, image.shape)
                masks[index] = _resample(lesion, entry.to_image, (rows, cols))
        except SaliscopeError as error:
            errors.append(f"{record.origin}: {error}" if record.origin else str(error))
    if errors:
        shown = errors[:ERRORS_SHOWN]
        if len(errors) > len(shown):
            shown.append(f"and {len(errors) - len(shown)} more")
        raise InvalidInputError(
            "\n  ".join([f"{len(errors)} of {count} images cannot be used:", *shown])
        )
    if grey:
        one = _create(folder / "images.npy", (count, 1, rows, cols))
        for start in range(0, count, 64):
            one[start : start + 64] = images[start : start + 64, :1]
        one.flush()
        del images
        (folder / "colour.npy").unlink()
    else:
        images.flush()
        (folder / "colour.npy").rename(folder / "images.npy")
    masks.flush()
    np.save(folder / "known.npy", known)
    for path in folder.iterdir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())


def _create(path: Path, shape: tuple[int, ...]) -> np.memmap[Any, np.dtype[np.uint8]]:
    return np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)


class Files:
    """Reads files, keeping the last few: a volume's image and masks alternate."""

    KEPT = 4

    def __init__(self) -> None:
        self._images: dict[Path, Image] = {}

    def read(self, path: Path) -> Image:
        """Return the image of a file; raise what its reader does."""
        image = self._images.pop(path, None) or reader.read(path)
        self._images[path] = image
        while len(self._images) > self.KEPT:
            del self._images[next(iter(self._images))]
        return image


def lesion_mask(files: Files, record: Record, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the union of a record's masks, (rows, cols) of its image."""
    union = np.zeros(shape, bool)
    for path in record.mask_paths:
        mask = files.read(path)
        frame = record.frame if mask.frames > 1 else 0
        if mask.shape != shape or frame >= mask.frames:
            raise InvalidInputError(
                f"The mask {path.name} is of {mask.frames} x {mask.shape[0]} x {mask.shape[1]}, "
                f"which does not fit {record.name} of {shape[0]} x {shape[1]}; correct the mask."
            )
        union |= mask.grey(frame) > 0
    return union


def _resample(
    mask: NDArray[np.bool_], to_image: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Return the mask at the centres of the input's pixels, 0 outside the image."""
    rows, cols = np.mgrid[: size[0], : size[1]]
    points = to_image @ np.stack([rows.ravel(), cols.ravel(), np.ones(rows.size)])
    row, col = np.rint(points[:2]).astype(np.int64)
    inside = (row >= 0) & (row < mask.shape[0]) & (col >= 0) & (col < mask.shape[1])
    result = np.zeros(rows.size, np.uint8)
    result[inside] = mask[row[inside], col[inside]]
    return result.reshape(size)
