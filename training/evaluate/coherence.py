"""Coherence of an image's maps with its lesion mask, as rows of a table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.coherence import coherence
from engine.saliency.placement import place
from engine.session import Forward, Session

RANDOM = "random"
"""A map of noise on the fused map's grid, drawn as that one is: what luck can do at its grain."""

COLUMNS = (
    *("index", "image", "frame", "group", "fold", "label", "map", "target"),
    *("area", "pixels", "rma", "rra", "chance", "centre_rma", "centre_rra", "reason"),
)
"""chance: the mask's share of the image, which is RMA's and RRA's expected value."""


def random_map(
    session: Session, forward: Forward, shape: tuple[int, int], seed: tuple[int, ...]
) -> NDArray[np.float32]:
    """Return noise on the fused map's grid, placed on an image of ``shape``."""
    name = session.checkpoint.metadata.architecture.fusion
    grid = session.grids[name]
    noise = np.random.default_rng(seed).random(grid.shape).astype(np.float32)
    return place(noise, grid, forward.to_image, shape)


def rows(
    about: dict[str, Any],
    maps: Iterable[tuple[str, NDArray[np.float32], int | None]],
    mask: NDArray[np.bool_],
) -> list[dict[str, Any]]:
    """Score maps (name, values, class explained) of one image; signed ones by what is positive.

    about: the columns that say which image it is.
    """
    found = []
    for name, values, target in maps:
        score = coherence(values, mask)
        found.append(
            {
                **about,
                "map": name,
                "target": target,
                "area": score.area,
                "pixels": mask.size,
                "rma": score.rma,
                "rra": score.rra,
                "chance": score.chance_rma,
                "centre_rma": score.prior_rma,
                "centre_rra": score.prior_rra,
                "reason": score.reason,
            }
        )
    return found
