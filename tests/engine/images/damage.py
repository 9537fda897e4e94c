"""Files that are damaged: an image all the same, or the one error for it."""

from __future__ import annotations

from pathlib import Path

from engine.errors import UnreadableImageError
from engine.images import reader


def fails(path: Path) -> bool:
    """Whether it cannot be read; any other error is the test's."""
    try:
        reader.read(path)
    except UnreadableImageError:
        return True
    return False
