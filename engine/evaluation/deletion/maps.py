"""A session's maps on the model's input, which is where pixels are deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.saliency.map import SaliencyMap
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


def on_input(session: Session, saliency: SaliencyMap) -> NDArray[np.float32]:
    """Return a map of the session (H, W) on the model's input.

    Each cell is drawn at the centre of its receptive field; SHAP's raw values are the input's
    pixels already.
    """
    if saliency.name.startswith(_SHAP):
        return saliency.raw
    size = session.checkpoint.metadata.preprocessing.size
    return place(saliency.raw, session.grids[saliency.name], np.eye(3), size)
