"""A saliency map: values on the image's own pixels, and where they came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.saliency.scale import natural_range

Sign = Literal["nonnegative", "signed"]


@dataclass(frozen=True)
class Provenance:
    """What made a map, so that it can be made again.

    branch: "global", "local", "gate", "concat", "product" or "attention".
    method: "channel-sum", "attention" or "shap-gradient".
    """

    checkpoint: str
    checkpoint_sha256: str
    branch: str
    method: str
    parameters: dict[str, Any] = field(default_factory=dict)
    preprocessing: dict[str, Any] = field(default_factory=dict)
    image_key: str = ""
    frame: int = 0


@dataclass(frozen=True, eq=False)
class SaliencyMap:
    """Relevance of every pixel of one frame for one class. Never stored only as colours.

    name: the map's key ("gate", "shap-gate", ...). values: float32 (rows, cols) on the image's
    grid, 0 where no cell of the raw grid reaches. raw: float32, the branch's own grid.
    target: class index.
    """

    name: str
    values: NDArray[np.float32]
    raw: NDArray[np.float32]
    sign: Sign
    target: int
    target_name: str
    provenance: Provenance

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.dtype != np.float32:
            raise ValueError("values must be float32 (rows, cols)")
        self.values.flags.writeable = False
        self.raw.flags.writeable = False

    @cached_property
    def range(self) -> tuple[float, float]:
        """The values at the ends of the map's own colour scale (``scale.natural_range``)."""
        return natural_range(self)
