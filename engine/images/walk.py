"""Files below what a user opened or dropped, each once, in natural order."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.errors import UnreadableImageError
from engine.images import limits
from engine.images.case import Problem
from engine.images.names import natural_key, readable
from engine.progress import Progress

_PASSED_OVER = {"thumbs.db", "desktop.ini", "__macosx", "$recycle.bin", "system volume information"}


def files(
    paths: Sequence[Path], problems: list[Problem], progress: Progress | None = None
) -> Iterator[tuple[Path, bool]]:
    """Yield (file, whether the user named it) for files and all files in folders.

    Hidden files inside folders are passed over. A folder reached twice (by a link) is entered
    once, so loops end. Devices and pipes are never opened: they might block for ever.
    """
    seen_files: set[tuple[int, int]] = set()
    seen_folders: set[tuple[int, int]] = set()
    count = 0
    for path in paths:
        for file, named in _below(Path(path), seen_folders, problems, progress):
            try:
                status = file.stat()
            except OSError as error:
                problems.append(_unreadable(file, error))
                continue
            identity = (status.st_dev, status.st_ino)
            # Some network file systems number no files: all would look like one.
            if status.st_ino and identity in seen_files:
                continue
            seen_files.add(identity)
            count += 1
            if count > limits.MAX_FILES:
                problems.append(
                    Problem(
                        Path(path),
                        f"{readable(Path(path).name)} holds more than {limits.MAX_FILES} files; "
                        "the rest was left out, so open a folder further down.",
                    )
                )
                return
            yield file, named


def _below(
    top: Path,
    seen: set[tuple[int, int]],
    problems: list[Problem],
    progress: Progress | None,
) -> Iterator[tuple[Path, bool]]:
    try:
        if not top.is_dir():
            if top.is_file() or not top.exists():
                yield top, True
            else:
                problems.append(
                    Problem(
                        top, f"{readable(top.name)} cannot be read: it is no file; open a file."
                    )
                )
            return
    except OSError as error:
        problems.append(_unreadable(top, error))
        return
    waiting = [(top, 0)]
    while waiting:
        folder, depth = waiting.pop()
        if progress is not None:
            progress.check()
        try:
            status = folder.stat()
            identity = (status.st_dev, status.st_ino)
            if status.st_ino and identity in seen:
                continue
            seen.add(identity)
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: natural_key(entry.name))
        except OSError as error:
            problems.append(_unreadable(folder, error))
            continue
        deeper = []
        for entry in entries:
            if entry.name.startswith(".") or entry.name.casefold() in _PASSED_OVER:
                continue
            try:
                if entry.is_dir():
                    if depth < limits.MAX_DEPTH:
                        deeper.append((Path(entry.path), depth + 1))
                elif entry.is_file():
                    yield Path(entry.path), False
            except OSError as error:
                problems.append(_unreadable(Path(entry.path), error))
        waiting.extend(reversed(deeper))


def _unreadable(path: Path, error: OSError) -> Problem:
    return Problem(path, str(UnreadableImageError.refused(readable(path.name), error)))
