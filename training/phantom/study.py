"""What a phantom patient consists of, before it is written in any format."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

NOT_SUSPICIOUS = "Not suspicious"
SUSPICIOUS = "Suspicious"
LABELS = (NOT_SUSPICIOUS, SUSPICIOUS)
"""The two classes common to all phantoms: muscle disease and malignant-looking masses are
suspicious; healthy limbs, normal breasts, cysts and benign-looking masses are not."""

NO_FINDING = "none"

Modality = Literal["MR", "US"]


@dataclass(frozen=True, eq=False)
class Sequence:
    """One series: a stack of images on one grid, and the exact lesion masks.

    pixels: (frames, rows, cols) uint16 or uint8. masks: the same shape, bool.
    spacing: (row, col) mm. slice_spacing, slice_thickness: mm (MRI).
    origin: LPS mm of the centre of the first pixel of frame 0; rows run to the left (+x),
    columns to the back (+y), frames to the head (+z).
    parameters: acquisition facts by DICOM keyword.
    """

    name: str
    pixels: NDArray[Any]
    masks: NDArray[np.bool_]
    spacing: tuple[float, float]
    slice_spacing: float = 0.0
    slice_thickness: float = 0.0
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Study:
    """One patient: ``name`` as DICOM person name, ``key`` unique to seed and case (for UIDs)."""

    key: str
    patient: str
    name: str
    modality: Modality
    body_part: str
    label: str
    finding: str
    sequences: tuple[Sequence, ...]
