"""All facts about maps of one frame at once, for the command line and the window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.coherence import Sign, coherence, relevance
from engine.evaluation.deletion.single import baselines, delete_image
from engine.evaluation.honesty import Facts, spread
from engine.evaluation.randomisation import randomise
from engine.images.image import Image
from engine.progress import Progress
from engine.saliency.map import SaliencyMap
from engine.saliency.scale import gate_opening

if TYPE_CHECKING:
    from engine.session import Session


def check(
    session: Session,
    image: Image,
    frame: int,
    maps: Mapping[str, SaliencyMap],
    mask: NDArray[np.bool_] | None = None,
    *,
    sign: Sign = "positive",
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Facts]:
    """Measure the session's own maps of a frame, by name: at least 90 passes of the network.

    mask: (rows, cols), for the agreement. Raises ``InvalidInputError`` for a mask of another
    image, and ``CancelledError``.
    """
    progress = progress or Progress()
    # What cannot be scored is found before anything takes long.
    scores = {
        name: None if mask is None else coherence(found.values, mask, sign)
        for name, found in maps.items()
    }
    reasons = {name: relevance(found.values, sign)[1] for name, found in maps.items()}
    shown = {name: found for name, found in maps.items() if reasons[name] is None}
    slow = sum(name.startswith("shap-") for name in shown)
    end = 0.8 if slow else 0.3
    shuffled = randomise(session, image, frame, shown, seed=seed, progress=progress.part(0, end))
    middle = end + (1 - end) / 2
    known = baselines(session, image, frame, seed=seed, progress=progress.part(end, middle))
    deleted = delete_image(
        session, image, frame, shown, known, seed=seed, progress=progress.part(middle, 1.0)
    )
    return {
        name: Facts(
            reasons[name],
            found.provenance.parameters.get("outside_anatomy"),
            spread(found.values, sign),
            scores[name],
            deleted.get(name),
            shuffled.get(name),
            gate_opening(found),
        )
        for name, found in maps.items()
    }
