"""File names that every system takes, and files that are whole or not there."""

from __future__ import annotations

import contextlib
import json
import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from engine.errors import MaskError

#: Leaves room for "_f0000.nii.gz" and a counter within the 255 bytes of most file systems.
MAX_STEM_BYTES = 120

#: zlib's level for PNG of images: a quarter of the time of its default, and no larger, since the
#: noise of images does not compress; see Pillow's ``compress_level``.
PNG_LEVEL = 2

_RESERVED = {"con", "prn", "aux", "nul"} | {f"{p}{n}" for p in ("com", "lpt") for n in range(10)}


def safe_stem(label: str) -> str:
    """Turn a mask's name into a file name without suffix: letters, digits, ``_`` and ``-``."""
    text = unicodedata.normalize("NFC", label)
    text = re.sub(r"[^\w-]+", "_", text).strip("_-.") or "mask"
    while len(text.encode()) > MAX_STEM_BYTES:
        text = text[:-1]
    return f"{text}_" if text.casefold() in _RESERVED else text


def free_stem(folder: Path, label: str, taken: set[str]) -> str:
    """Return a stem that no file in ``folder`` and none in ``taken`` begins with, and take it.

    Upper and lower case count as the same, as they do on Windows and macOS.
    """
    present = {p.name.casefold() for p in folder.iterdir()} if folder.is_dir() else set()
    base = safe_stem(label)
    stem, number = base, 2
    while stem.casefold() in taken or any(_belongs(name, stem.casefold()) for name in present):
        stem, number = f"{base}_{number}", number + 1
    taken.add(stem.casefold())
    return stem


def _belongs(name: str, stem: str) -> bool:
    rest = name.removeprefix(stem)
    return rest != name and bool(re.fullmatch(r"(_f\d+)?(_overlay(_f\d+)?)?\.[a-z.]+", rest))


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path to write to, beside ``path``; it takes its place when all went well.

    A reader sees the old file or the whole new one. Raises ``MaskError`` where the system
    refuses (no space, no permission), and then leaves nothing behind.
    """
    # The suffix stays: libraries choose the format (and gzip) by it.
    temporary = path.with_name(f".{os.getpid()}-partial-{path.name}")
    try:
        yield temporary
        waiting = _waiting.get()
        if waiting is None:
            _sync(temporary)
        temporary.replace(path)
        if waiting is not None:
            waiting.append(path)
    except OSError as error:
        reason = (error.strerror or "the system refused").lower()
        raise MaskError(
            f"“{path.name}” cannot be written ({reason}); choose another folder or make room."
        ) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


_waiting: ContextVar[list[Path] | None] = ContextVar("waiting", default=None)


@contextmanager
def synced_together() -> Iterator[None]:
    """Bring files that are written meanwhile to the disk at the end, and not one by one.

    For batches, whose sources are still there after a power cut: waiting for the disk after every
    file takes longer than all the work.
    """
    waiting: list[Path] = []
    token = _waiting.set(waiting)
    try:
        yield
    finally:
        _waiting.reset(token)
        together = getattr(os, "sync", None)  # one wait for all of them; Windows has none
        if together is not None and waiting:
            together()
            waiting = []
        for path in waiting:
            with contextlib.suppress(OSError):  # gone again, or on a disk that is
                _sync(path)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def cannot_read(path: Path, reason: str, advice: str) -> MaskError:
    """Return the error for a mask file that cannot be used, one sentence."""
    return MaskError(f"{path.name} cannot be read as a mask: {reason}; {advice}.")


#: A JSON file of masks: a data set of ten thousand pictures stays below.
MAX_JSON_BYTES = 128 * 2**20


def read_json(path: Path) -> Any:
    """Read a JSON file of masks. Raises ``MaskError``."""
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise cannot_read(path, "it is far too large", "export this image's masks alone")
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        reason = (error.strerror or "the system refused").lower()
        raise cannot_read(path, reason, "check that it exists and may be read") from None
    except (ValueError, RecursionError):
        raise cannot_read(path, "it is no JSON", "export it again") from None


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file whole or not at all. Raises ``MaskError``."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
