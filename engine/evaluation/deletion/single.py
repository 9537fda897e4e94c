"""Deletion of one image by its maps, beside what chance and a blob in the centre reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.evaluation.coherence.prior import CENTRE_PRIOR
from engine.evaluation.deletion.curves import RANDOM, Trace, delete, random_relevance
from engine.evaluation.deletion.maps import on_input, output_of
from engine.images.image import Image
from engine.images.preprocess import to_model_input
from engine.progress import Progress
from engine.saliency.map import SaliencyMap

if TYPE_CHECKING:
    from engine.session import Session

RANDOM_ORDERS = 3
"""Baselines of noise. The score of noise is as often above 0 as below (its least relevant first
is noise again), so that its spread is known from few."""

_CENTRE = "centre"


@dataclass(frozen=True)
class Deletion:
    """Deletion of one image by one map, for the map's class at the output that it explains.

    score: DS (13). random: the spread of DS of random orders, root of the mean square. centre: DS
    of a Gaussian in the image's centre. morf, lerf: the curves, from 0 to 100 % deleted.
    """

    score: float
    random: float
    centre: float
    morf: tuple[float, ...]
    lerf: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "ds": self.score,
            "random": self.random,
            "centre": self.centre,
            "morf": list(self.morf),
            "lerf": list(self.lerf),
        }


Baselines = Mapping[str, Trace]
"""What does not depend on a map: the traces of the random orders and of the centre."""


def baselines(
    session: Session, image: Image, frame: int, *, seed: int = 0, progress: Progress | None = None
) -> Baselines:
    """Delete one frame at random and from its centre; serves all maps of the frame."""
    prepared = to_model_input(image, frame, session.checkpoint.metadata.preprocessing)
    shape = (prepared.valid.shape[0], prepared.valid.shape[1])
    rows, cols = (
        np.flatnonzero(prepared.valid.any(axis=1)),
        np.flatnonzero(prepared.valid.any(axis=0)),
    )
    centre = np.zeros(shape)
    inner = (len(rows), len(cols))
    centre[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1] = CENTRE_PRIOR.values(inner)
    maps = {f"{RANDOM}-{n}": random_relevance(shape, seed + n) for n in range(RANDOM_ORDERS)}
    return delete(
        session.probabilities,
        prepared.tensor,
        prepared.valid,
        {**maps, _CENTRE: centre},
        seed=seed,
        progress=progress,
    )


def delete_image(
    session: Session,
    image: Image,
    frame: int,
    maps: Mapping[str, SaliencyMap],
    known: Baselines,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Deletion]:
    """Delete one frame by each of the session's maps of it, by name; ``known``: ``baselines``."""
    prepared = to_model_input(image, frame, session.checkpoint.metadata.preprocessing)
    traces = delete(
        session.probabilities,
        prepared.tensor,
        prepared.valid,
        {name: on_input(session, found) for name, found in maps.items()},
        seed=seed,
        progress=progress,
    )
    result = {}
    for name, found in maps.items():
        output, target = output_of(name), found.target
        curves = traces[name].curves(output, target)
        noise = [
            trace.curves(output, target).score
            for key, trace in known.items()
            if key.startswith(RANDOM)
        ]
        result[name] = Deletion(
            curves.score,
            float(np.sqrt(np.mean(np.square(noise)))),
            known[_CENTRE].curves(output, target).score,
            tuple(curves.morf.tolist()),
            tuple(curves.lerf.tolist()),
        )
    return result
