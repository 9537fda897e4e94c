"""Stored values to modality units, and how the file asks for them to be shown.

Modality LUT: PS3.3 C.11.1. VOI LUT: PS3.3 C.11.2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from engine.images.dicom import values
from engine.images.dicom.functional import FrameView
from engine.images.image import Window, WindowFunction

_FUNCTIONS: tuple[WindowFunction, ...] = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
_INTEGER_TYPES = (np.uint8, np.int16, np.uint16, np.int32, np.uint32)


def to_modality(stored: NDArray[Any], view: FrameView) -> NDArray[Any]:
    """Convert one frame's stored values (rows, cols) to modality units.

    Whole slopes and intercepts give the smallest integer type that holds all possible results,
    so that every slice of a series gets the same type; others give float32.
    """
    table = _modality_table(view.dataset)
    if table is not None:
        first, outputs = table
        index = np.clip(stored.astype(np.int64) - first, 0, len(outputs) - 1)
        return outputs[index]
    slope, intercept = rescale(view)
    if stored.dtype.kind == "f":
        return (stored.astype(np.float64) * slope + intercept).astype(np.float32)
    if slope == 1 and intercept == 0:
        return stored.astype(_native(stored.dtype), copy=False)
    if slope == int(slope) and intercept == int(intercept):
        low, high = stored_range(view.dataset, stored.dtype)
        ends = sorted((int(low * slope + intercept), int(high * slope + intercept)))
        for kind in _INTEGER_TYPES:
            info = np.iinfo(kind)
            if info.min <= ends[0] and ends[1] <= info.max:
                return (stored.astype(np.int64) * int(slope) + int(intercept)).astype(kind)
    return (stored.astype(np.float64) * slope + intercept).astype(np.float32)


def _native(kind: np.dtype[Any]) -> np.dtype[Any]:
    return kind.newbyteorder("=")


def stored_range(dataset: Dataset, kind: np.dtype[Any]) -> tuple[int, int]:
    """Return the lowest and highest stored value that BitsStored allows."""
    bits = values.integer(dataset, "BitsStored") or 8 * kind.itemsize
    bits = min(max(bits, 1), 8 * kind.itemsize)
    if kind.kind == "i":
        return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return 0, 2**bits - 1


def rescale(view: FrameView) -> tuple[float, float]:
    """Return (slope, intercept), (1, 0) where they are missing or make no sense."""
    source = view.transformation
    slope = values.number(source, "RescaleSlope")
    intercept = values.number(source, "RescaleIntercept")
    if slope is None or slope == 0:
        return 1.0, 0.0 if slope == 0 else intercept or 0.0
    return slope, intercept or 0.0


def unit(view: FrameView) -> str:
    """Return the modality unit where the file names one: "HU", "US" (unspecified) gives ""."""
    kind = values.text(view.transformation, "RescaleType")
    if not kind and values.text(view.dataset, "Modality") == "CT":
        return "HU"
    return "" if kind in ("US", "UNSPECIFIED") else kind


def table(item: Dataset) -> tuple[int, NDArray[np.float64], int] | None:
    """Return (first input, outputs, bits) of a LUT sequence item (PS3.3 C.11.1.1.1)."""
    descriptor = values.floats(item, "LUTDescriptor")
    data = values.raw(item, "LUTData")
    if len(descriptor) != 3 or data is None:
        return None
    entries = int(descriptor[0]) or 2**16
    bits = int(descriptor[2])
    if isinstance(data, (bytes, bytearray)):
        # OW: 8-bit entries may be packed two to a word; the length tells.
        kind = np.uint8 if len(data) < 2 * entries else np.dtype("<u2")
        outputs = np.frombuffer(bytes(data), kind).astype(np.float64)
    else:
        outputs = np.atleast_1d(np.asarray(data, np.float64))
    if len(outputs) < 1:
        return None
    if not 1 <= bits <= 16:
        bits = 16 if outputs.max() > 255 else 8
    return int(descriptor[1]), outputs[:entries], bits


def _modality_table(dataset: Dataset) -> tuple[int, NDArray[Any]] | None:
    sequence = values.items(dataset, "ModalityLUTSequence")
    found = table(sequence[0]) if sequence else None
    if found is None:
        return None
    first, outputs, bits = found
    return first, outputs.astype(np.uint8 if bits <= 8 else np.uint16)


def windows(view: FrameView) -> tuple[Window, ...]:
    """Return a frame's stored windows with their names; invalid ones (no width) are left out."""
    source = view.window
    centres = values.floats(source, "WindowCenter")
    widths = values.floats(source, "WindowWidth")
    names = values.texts(source, "WindowCenterWidthExplanation")
    stated = values.text(source, "VOILUTFunction").upper()
    function: WindowFunction = next((f for f in _FUNCTIONS if f == stated), "LINEAR")
    found = []
    for index, (centre, width) in enumerate(zip(centres, widths, strict=False)):
        if width < 1 and function == "LINEAR":
            if width <= 0:
                continue
        elif width <= 0:
            continue
        name = names[index] if index < len(names) else ""
        found.append(Window(centre, width, name, function))
    return tuple(found)


def voi_table(view: FrameView) -> tuple[int, NDArray[np.float64]] | None:
    """Return (first input, outputs from 0 to 1) of the first VOI LUT, or None."""
    sequence = values.items(view.window, "VOILUTSequence") or values.items(
        view.dataset, "VOILUTSequence"
    )
    found = table(sequence[0]) if sequence else None
    if found is None:
        return None
    first, outputs, bits = found
    return first, np.clip(outputs / (2.0**bits - 1.0), 0.0, 1.0)


def padding(dataset: Dataset, view: FrameView) -> tuple[float, float] | None:
    """Return the range of padding values in modality units (PS3.3 C.7.5.1.1.2)."""
    value = values.number(dataset, "PixelPaddingValue")
    if value is None:
        return None
    limit = values.number(dataset, "PixelPaddingRangeLimit")
    slope, intercept = rescale(view)
    ends = [v * slope + intercept for v in (value, value if limit is None else limit)]
    return min(ends), max(ends)
