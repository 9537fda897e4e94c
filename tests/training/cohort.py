"""A manifest of small pictures, each with a disc as its lesion: bright is malignant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from training import cv

SIDE = 64
CLASSES = ("benign", "malignant")


def write(folder: Path, patients: int, *, seed: int = 0) -> Path:
    """Write ``patients`` images with masks, the last of them without one; return the folder."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    lines = ["path,label,patient,modality,mask"]
    for patient in range(patients):
        image = rng.integers(0, 100, (SIDE, SIDE), np.uint8)
        row, col = rng.integers(16, SIDE - 16, 2)
        radius = rng.integers(5, 12)
        disc = (y - row) ** 2 + (x - col) ** 2 < radius**2
        image[disc] += np.uint8(40 + 100 * (patient % 2))
        PillowImage.fromarray(image).save(folder / f"p{patient}.png")
        mask = ""
        if patient < patients - 1:
            mask = f"p{patient}_mask.png"
            PillowImage.fromarray(disc.astype(np.uint8) * 255).save(folder / mask)
        lines.append(f"p{patient}.png,{CLASSES[patient % 2]},P{patient},US,{mask}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder


def options(data: Path) -> list[str]:
    """The options of a training of one epoch on such a folder."""
    how = ["--size", str(SIDE), "--epochs", "1", "--device", "cpu"]
    return ["--dataset", "manifest", "--data", str(data), *how]


def cross_validate(data: Path, out: Path, *more: str) -> Path:
    """Train two folds and return the run."""
    assert cv.main([*options(data), "--folds", "2", "--out", str(out), *more]) == 0
    return out
