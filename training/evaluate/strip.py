"""The strip of progressively blurred images: one example, kept for the report."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.deletion import STEPS, blurred, counts, on_input, order, perturbed
from engine.images.image import Image
from engine.images.preprocess import to_model_input
from engine.session import Session
from training import state
from training.evaluate.deletion import PERCENT
from training.evaluate.summary import Row


def choose(rows: Sequence[Row], name: str, label: str, target: int) -> Row | None:
    """Return the row of the example: of map ``name``, and rightly predicted as ``label``.

    The one with the median score: an example neither picked nor flattering. None without any.
    """
    right = [
        row
        for row in rows
        if row["map"] == name and row["label"] == label and int(row["target"]) == target
    ]
    ranked = sorted(right, key=lambda row: (float(row["ds"]), int(row["index"])))
    return ranked[len(ranked) // 2] if ranked else None


def write(
    path: Path, row: Row, session: Session, image: Image, frame: int, sigma: float, seed: int
) -> None:
    """Write the inputs along both orders and the map, with the row's probabilities, as NPZ.

    morf, lerf: uint8 (steps + 1, H, W, 3). relevance: float32 (H, W). q_morf, q_lerf: (steps + 1,).
    """
    prepared = to_model_input(image, frame, session.checkpoint.metadata.preprocessing)
    relevance = on_input(session, session.saliency(image, frame, row["map"], int(row["target"])))
    ranked = order(relevance, prepared.valid, seed)
    replacement = blurred(prepared.tensor, prepared.valid, sigma)
    replaced = counts(len(ranked), STEPS)
    arrays: dict[str, NDArray[Any]] = {"relevance": np.asarray(relevance, np.float32)}
    for name, pixels in (("morf", ranked), ("lerf", ranked[::-1])):
        inputs = [perturbed(prepared.tensor, replacement, pixels[:n]) for n in replaced]
        arrays[name] = np.stack([_picture(tensor, session) for tensor in inputs])
        arrays[f"q_{name}"] = np.array([float(row[f"{name}_{p}"]) for p in PERCENT])
    for name in ("map", "label", "image"):
        arrays[name] = np.array(row[name])
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with partial.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    state.replace(partial, path)


def _picture(tensor: NDArray[np.float32], session: Session) -> NDArray[np.uint8]:
    """Return a model input (3, H, W) as RGB (H, W, 3)."""
    preprocessing = session.checkpoint.metadata.preprocessing
    mean = np.asarray(preprocessing.mean)[:, None, None]
    std = np.asarray(preprocessing.std)[:, None, None]
    unit = np.clip(tensor * std + mean, 0, 1)
    picture: NDArray[np.uint8] = np.rint(unit * 255).astype(np.uint8).transpose(1, 2, 0)
    return picture
