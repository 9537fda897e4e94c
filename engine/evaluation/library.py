"""The cases of a folder that look most alike to a frame, with what is known of them.

Meant for a model's training images, which do not come with it: whoever has them names their
folder. What counts as alike is ``likeness``; what each case is stands in the folder's
``manifest.csv`` (column ``label``), in the name of the folder that it lies in where that is one of
the model's classes (as in BUSI), or at least in its mask.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import InvalidInputError, SaliscopeError
from engine.evaluation.likeness import Alike, Search, search
from engine.images import reference, scan
from engine.images.case import Series
from engine.images.manifest import Manifests
from engine.progress import Progress

if TYPE_CHECKING:
    from engine.images.image import Image
    from engine.session import Session

#: Share of the work that is finding the files.
_SCANNING = 0.15

#: Characters of a label that are shown.
LONGEST = 60


@dataclass(frozen=True)
class Library:
    """The nearest cases of a folder, labelled; unreadable counts what could not be read."""

    found: tuple[Alike, ...]
    cases: int
    frames: int
    unreadable: int


def nearest(
    session: Session,
    image: Image,
    frame: int,
    folder: Path,
    count: int,
    *,
    without: Collection[Path] = (),
    progress: Progress | None = None,
) -> Library:
    """Return the ``count`` cases under a folder that are most alike to one frame.

    without: files of the case that is compared; cases that hold any of them are left out.
    Raises ``InvalidInputError`` where the folder has no other readable case, and
    ``CancelledError``; features computed until then are kept.
    """
    report = progress or Progress()
    listed = scan.scan([folder], report.part(0.0, _SCANNING))
    own = {path.absolute() for path in without}
    cases = [
        case
        for case in listed.cases
        if not any(path.absolute() in own for one in case.series for path in one.paths)
    ]
    result: Search = search(session, image, frame, cases, report.part(_SCANNING, 1.0))
    if not result.found:
        raise InvalidInputError(
            "There is no other image in this folder that can be read and compared; "
            "choose the folder that holds the training images."
        )
    manifests = Manifests()
    found = tuple(
        replace(one, label=label_of(one.series, one.frame, session.classes, manifests))
        for one in result.found[:count]
    )
    unreadable = result.unreadable + len(listed.problems)
    return Library(found, result.cases, result.frames, unreadable)


def label_of(
    series: Series, frame: int, classes: Collection[str], manifests: Manifests | None = None
) -> str:
    """Return what is known of a frame of a series, "" where nothing is.

    Its label by the manifest, in one line of no more than ``LONGEST`` characters; the folder's
    name, where that is a class of the model; "marked" or "nothing marked", where a mask came
    with it.
    """
    several = len(series.paths) > 1
    path = series.paths[frame if several and len(series.paths) == series.frames else 0]
    entry = (manifests or Manifests()).entry(path)
    if entry is not None and entry.labels:
        label = _plain(entry.labels.get(0 if several else frame, ""))
        if label:
            return label
    named = {one.casefold(): one for one in classes}
    for folder in path.absolute().parents[:2]:
        if folder.name.casefold() in named:
            return named[folder.name.casefold()]
    if not series.has_reference:
        return ""
    try:
        marked = reference.read_reference_mask(series, frame).any()
    except SaliscopeError:
        return ""
    return "marked" if marked else "nothing marked"


def _plain(text: str) -> str:
    """Return a text without what moves a terminal's cursor, and as long as a header has room."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
