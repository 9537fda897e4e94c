"""Header values that may be missing, empty, malformed or of another type than the standard says."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

MAX_TEXT = 1024
"""Characters of a text that are kept: the longest value read here is of ST, 1024 (PS3.5 6.2). A
damaged length makes a value of all that follows in the file."""

_CODE = re.compile(r"[A-Z0-9_ ]{1,16}")


def raw(dataset: Dataset, keyword: str) -> Any:
    """Return an element's value, or None where it is absent or cannot be converted at all."""
    try:
        return dataset.get(keyword)
    except Exception:  # pydicom raises whatever a malformed value makes it trip over
        return None


def text(dataset: Dataset, keyword: str) -> str:
    """Return a value as text on one line, "" where there is none; of several, "A\\B".

    At most ``MAX_TEXT`` characters; those that cannot be printed become spaces.
    """
    value = raw(dataset, keyword)
    if value is None:
        return ""
    try:
        if isinstance(value, (list, tuple)) or type(value).__name__ == "MultiValue":
            written = "\\".join(str(part) for part in value)
        else:
            written = str(value)
    except Exception:
        return ""
    kept = written[:MAX_TEXT]
    return "".join(c if c.isprintable() else " " for c in kept).strip()


def code(dataset: Dataset, keyword: str) -> str:
    """Return a code string (PS3.5 6.2, CS), or "" where the value cannot be one.

    What is quoted in an error or a title is read so: a damaged header may have anything here,
    the patient's name among it.
    """
    value = text(dataset, keyword)
    return value if _CODE.fullmatch(value) else ""


def texts(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """Return a multi-valued text."""
    joined = text(dataset, keyword)
    return tuple(part.strip() for part in joined.split("\\")) if joined else ()


def floats(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """Return finite numbers, or () where one is missing or malformed."""
    value = raw(dataset, keyword)
    if value is None or value == "":
        return ()
    several = isinstance(value, (list, tuple, np.ndarray)) or type(value).__name__ == "MultiValue"
    try:
        # A comma is the decimal point of some writers, against PS3.5 6.2.
        numbers = tuple(float(str(v).replace(",", ".")) for v in (value if several else [value]))
    except (TypeError, ValueError):
        return ()
    return numbers if all(math.isfinite(n) for n in numbers) else ()


def vector(dataset: Dataset, keyword: str, length: int) -> NDArray[np.float64] | None:
    """Return exactly ``length`` finite numbers, or None."""
    numbers = floats(dataset, keyword)
    return np.array(numbers) if len(numbers) == length else None


def number(dataset: Dataset, keyword: str) -> float | None:
    """Return the first finite number, or None."""
    numbers = floats(dataset, keyword)
    return numbers[0] if numbers else None


def integer(dataset: Dataset, keyword: str) -> int | None:
    """Return the first number where it is whole, or None."""
    value = number(dataset, keyword)
    return int(value) if value is not None and value == int(value) else None


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Return a sequence's items, [] where it is absent or no sequence."""
    value = raw(dataset, keyword)
    if value is None:
        return []
    try:
        return [item for item in value if isinstance(item, Dataset)]
    except TypeError:
        return []
