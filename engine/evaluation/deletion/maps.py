"""A session's maps on the model's input, which is where pixels are deleted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.images.image import Image
from engine.progress import Progress
from engine.saliency.placement import place

if TYPE_CHECKING:
    from engine.session import Session

_SHAP = "shap-"


def output_of(name: str) -> str:
    """Return which of the outputs "global", "local" and "fusion" a map explains.

    The fusion's are those of the gate, concat, product, and of the attention.
    """
    branch = name.removeprefix(_SHAP)
    return branch if branch in ("global", "local") else "fusion"


def input_maps(
    session: Session,
    image: Image,
    frame: int,
    names: Iterable[str],
    targets: dict[str, int],
    progress: Progress | None = None,
) -> dict[str, NDArray[np.float32]]:
    """Return maps (H, W) on the model's input, each cell at its receptive field's centre.

    targets: the explained class by output; only SHAP's maps depend on it.
    """
    forward = session.forward(image, frame)
    size = session.checkpoint.metadata.preprocessing.size
    found = {}
    for name in names:
        if name.startswith(_SHAP):
            # SHAP's raw values lie on the input's pixels already.
            target = targets[output_of(name)]
            found[name] = session.saliency(image, frame, name, target, progress).raw
        else:
            found[name] = place(forward.raw[name].values, session.grids[name], np.eye(3), size)
    return found
