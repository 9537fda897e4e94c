"""Files that hold what the user made: written whole, and never overwritten unread.

A file is written beside its place, synced and renamed. A process that is killed in between leaves
the new text under the name ``NAME.PID.part``; the next one to read takes it, if it is whole. A
file that cannot be understood is moved aside (``NAME.damaged-2026-11-23``) before another is
written in its place.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

#: What was left half done longer ago than this, seconds, belongs to no living process.
LEFT_AFTER = 60.0


def write(path: Path, text: str) -> None:
    """Write a text whole or not at all. Raises ``OSError``, and then leaves nothing behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    forget_left(path)


def remove(path: Path, empty: str) -> None:
    """Delete a file; where a killed process left something beside it, write ``empty`` instead.

    Otherwise what is left would count as the newest text. Raises ``OSError``.
    """
    if any(_left(path)):
        write(path, empty)
    else:
        path.unlink(missing_ok=True)


def read(path: Path, understand: Callable[[bytes], T | None], largest: int) -> T | None:
    """Return what the newest whole text of a file says, None where there is none.

    understand: returns None for bytes that are not the file's; of a file that another process was
    killed while writing, the text beside it counts if it is newer, or alone. A file that is not
    understood hides what is older: that is not what was kept last. largest: bytes that no such
    file exceeds. Raises ``OSError`` where a file is there and cannot be read.
    """
    for candidate in sorted(_texts(path), key=_changed, reverse=True):
        with contextlib.suppress(FileNotFoundError):
            if candidate.stat().st_size <= largest:
                found = understand(candidate.read_bytes())
                if found is not None:
                    return found
            if candidate == path:
                return None
    return None


def set_aside(path: Path, kind: str = "damaged") -> Path | None:
    """Move a file out of the way, to ``NAME.KIND-DATE``; return its new place, None without one.

    Raises ``OSError``.
    """
    if not path.exists():
        return None
    target = _aside(path, kind)
    path.replace(target)
    return target


def copy_aside(path: Path, kind: str = "damaged") -> Path:
    """Copy a file to ``NAME.KIND-DATE`` where it has to stay as well. Raises ``OSError``."""
    target = _aside(path, kind)
    shutil.copyfile(path, target)
    return target


def _aside(path: Path, kind: str) -> Path:
    base = f"{path.name}.{kind}-{date.today().isoformat()}"
    target, number = path.with_name(base), 2
    while target.exists():
        target = path.with_name(f"{base}-{number}")
        number += 1
    return target


def forget_left(path: Path) -> None:
    """Delete what processes that are gone left beside a file which has been written since."""
    for left in _left(path):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > LEFT_AFTER:
                left.unlink()


def _texts(path: Path) -> Iterator[Path]:
    if path.exists():
        yield path
    yield from _left(path)


def _left(path: Path) -> Iterator[Path]:
    if path.parent.is_dir():
        for left in path.parent.iterdir():
            rest = left.name.removeprefix(f"{path.name}.")
            if rest != left.name and rest.endswith(".part"):
                yield left


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
