"""A batch under way: what it was asked, what it has written, where, and what failed."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import CancelledError, InvalidInputError, MaskError, SaliscopeError
from engine.evaluation.coherence import Sign
from engine.export import names
from engine.export.wanted import Failure, Summary, Wanted
from engine.images.case import Case, Series
from engine.images.dicom.deidentify import Deidentifier
from engine.images.image import Image, Window
from engine.masks.formats.files import replacing
from engine.masks.mask import Mask
from engine.masks.shapes import Box

if TYPE_CHECKING:
    from engine.session import Session

_log = logging.getLogger(__name__)

Chooser = Callable[[Image, str], tuple["Session", str]]

#: Less room than this on a disk, and nothing more is tried.
FULL_BYTES = 1 << 20


@dataclass(frozen=True, eq=False)
class Item:
    """One series to export, and what is known of it where it is on screen.

    image: as acquired, None to load it. masks: those that are drawn on it cut along ``axis``, None
    for those that are saved, beside it or came with it.
    frame: the one for the report where it matters; None for the one with the most of a mask.
    covers: besides those that were put on the image in the program, which always hold.
    """

    case: Case
    series: Series
    image: Image | None = None
    masks: tuple[Mask, ...] | None = None
    axis: int = 0
    compared: str = ""
    frame: int | None = None
    window: Window | None = None
    inverted: bool | None = None
    sign: Sign = "positive"
    covers: tuple[Box, ...] = ()
    extra_masks: tuple[Path, ...] = ()


@dataclass
class Place:
    """Where the files of a series go, and how it is called."""

    folder: Path
    case: str
    what: str
    subject: str


@dataclass(frozen=True, eq=False)
class Opened:
    """A series that has been read, and what of it may be shown.

    image, masks: as they are. shown, drawn: as they are written, without what leads back to the
    patient where that is wanted; the same elsewhere.
    """

    item: Item
    image: Image
    masks: tuple[Mask, ...]
    shown: Image
    drawn: tuple[Mask, ...]


@dataclass
class Run:
    """One batch: what it was asked, by which models, and what has come of it so far."""

    wanted: Wanted
    session: Session | None
    choose: Chooser | None
    summary: Summary
    deidentifier: Deidentifier | None
    hidden: tuple[str, ...] = ()
    listed: list[dict[str, Any]] = field(default_factory=list)


class StoppedError(Exception):
    """There is no use in going on; the text says why."""


def place_for(run: Run, image: Image, number: int, position: int, what: str) -> Place | None:
    """Make the folder of a series; None, noted, where it cannot be made."""
    wanted, root = run.wanted, run.summary.folder
    name = names.case_name(number)
    if wanted.naming == "file" and not wanted.deidentify and names.source_name(image):
        folder = names.free(root, names.source_name(image))
    else:
        folder = root / name
        if position:
            folder = folder / f"series_{position}"
    made: list[Path] = []

    def make() -> None:
        folder.mkdir(parents=True)
        made.append(folder)

    attempt(run, what, make)
    if not made:
        return None
    case = f"Case {number:03d}" + (f", series {position}" if position else "")
    return Place(folder, case, what, name.upper().replace("_", ""))


def make_folder(folder: Path) -> None:
    """Make the batch's folder; raise ``MaskError`` where it cannot be made or written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MaskError(
            f"The folder “{folder.name or folder}” cannot be made ({_reason(error)}); choose "
            "another one."
        ) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise MaskError(f"The folder “{folder.name}” may not be written to; choose another one.")


def attempt(
    run: Run, what: str, work: Callable[[], list[Path] | None], *, stop: bool = True
) -> None:
    """Do one thing; note what it wrote, or why it failed. Ends the batch where all would fail."""
    sentence = ""
    try:
        run.summary.written += work() or []
        return
    except CancelledError:
        raise
    except (InvalidInputError, SaliscopeError) as error:
        sentence = str(error)
    except OSError as error:
        sentence = f"It cannot be written ({_reason(error)}); choose another folder or make room."
    except MemoryError:
        sentence = "There is not enough memory for it; close other programs and try again."
    except Exception as error:  # one case must not cost the others
        _log.error("export: %s in %s", type(error).__name__, _last_place(error))
        sentence = "Something went wrong that should not have; the log says where."
    run.summary.failed.append(Failure(what, sentence))
    if stop:
        _check_room(run.summary.folder)


def _check_room(folder: Path) -> None:
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        raise StoppedError(
            f"The folder “{folder.name}” is gone, so the export has ended; choose another one."
        ) from None
    if free < FULL_BYTES:
        raise StoppedError("The disk is full, so the export has ended; make room and export again.")
    if not os.access(folder, os.W_OK):
        raise StoppedError(
            f"The folder “{folder.name}” may no longer be written to, so the export has ended; "
            "choose another one."
        )


def _reason(error: OSError) -> str:
    return (error.strerror or "the system refused").lower()


def _last_place(error: BaseException) -> str:
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].name}:{frames[-1].lineno}" if frames else ""


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file whole or not at all."""
    with replacing(path) as temporary:
        text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
        temporary.write_text(text + "\n", encoding="utf-8")
