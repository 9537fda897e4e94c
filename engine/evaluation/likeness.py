"""Which of the listed cases look most alike to the model: by its pooled features.

The features are those that the classifiers see of the branches, [GAP(X_g); AAP(X_l)] of eq. (6).
Where the checkpoint describes its training images' features, each is taken in parts of its spread
there, so that no single one decides. The likeness of two frames is the cosine between them: 1 for
the same, about 0 for two that have nothing in common.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from engine import folders
from engine.errors import CancelledError, SaliscopeError, UnreadableImageError
from engine.images.case import Case, Series
from engine.images.image import Image
from engine.progress import Progress

if TYPE_CHECKING:
    from engine.session import Session

#: Frames of a stack that are looked at, evenly spaced: slices next to one another are alike.
FRAMES = 5
#: Frames whose features are kept on disk for each checkpoint; some 10 kB each.
KEPT = 20_000
#: Files whose content is known by their path, size and time; some 250 bytes each.
KEPT_FILES = 100_000

Features = NDArray[np.float32]


@dataclass(frozen=True)
class Alike:
    """A frame of another case. likeness: cosine, -1 to 1. label: what it is, "" where not known."""

    case: Case
    series: Series
    frame: int
    likeness: float
    label: str = ""


@dataclass(frozen=True)
class Search:
    """What was found, the likest first, one a case; how many cases and frames were looked at."""

    found: tuple[Alike, ...]
    cases: int
    frames: int
    unreadable: int


def search(
    session: Session,
    image: Image,
    frame: int,
    cases: Sequence[Case],
    progress: Progress | None = None,
) -> Search:
    """Compare one frame with frames of other cases; series that cannot be read are passed over.

    Raises ``CancelledError``; what has been computed until then is kept.
    """
    report = progress or Progress()
    own = _scaled(session, session.forward(image, frame).features)
    cache = Cache(session.checkpoint.sha256)
    series = [(case, one) for case in cases for one in case.series]
    best: dict[Case, Alike] = {}
    looked = unreadable = 0
    try:
        for at, (case, one) in enumerate(series):
            report.report(at / max(len(series), 1), f"Case {at + 1} of {len(series)}")
            try:
                features = embed(session, one, cache, report)
            except CancelledError:
                raise
            except SaliscopeError:
                unreadable += 1
                continue
            for number, values in features.items():
                looked += 1
                likeness = cosine(own, _scaled(session, values))
                if case not in best or likeness > best[case].likeness:
                    best[case] = Alike(case, one, number, likeness)
    finally:
        cache.save()
    found = tuple(sorted(best.values(), key=lambda alike: -alike.likeness))
    return Search(found, len(best), looked, unreadable)


def embed(
    session: Session, series: Series, cache: Cache, progress: Progress | None = None
) -> dict[int, Features]:
    """Return the features of a series' frames that are looked at; read only where not kept."""
    stamp = cache.stamp(series)
    known = cache.get(stamp)
    if known:
        return known
    image = series.load(None)
    if image.left_out:
        # Its frames are no longer those that a folder's labels count.
        first = image.left_out[0]
        raise UnreadableImageError(first.path, first.reason, first.advice)
    found: dict[int, Features] = {}
    for frame in frames_of(image.frames):
        if progress is not None:
            progress.check()
        found[frame] = session.forward(image, frame).features
    if cache.stamp(series) == stamp:  # else a file was changed between the digest and the reading
        cache.put(stamp, found)
    return found


def frames_of(frames: int) -> list[int]:
    """Return the frames of a stack that are looked at, its ends left out where it has many."""
    if frames <= FRAMES:
        return list(range(frames))
    at = (np.arange(FRAMES) + 0.5) / FRAMES * frames
    return [int(one) for one in at]


def cosine(one: Features, other: Features) -> float:
    """Return the cosine of the angle between two vectors, 0 where one has no length."""
    length = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / length if length > 0 else 0.0


class Cache:
    """Features by the content of a series' files, in one file a checkpoint.

    Its keys are digests: neither names nor paths are in it. A file is read for its digest once, as
    long as its path, size and time stay; one that was moved or copied is known by its content.
    """

    def __init__(self, sha256: str) -> None:
        self._path = folders.cache() / "features" / f"{sha256[:32]}.npz"
        self._new = False
        self._stamps: list[str] = []
        self._frames: list[int] = []
        self._values: list[Features] = []
        self._contents: dict[str, str] = {}  # a file's state to its content, both as digests
        try:
            with np.load(self._path, allow_pickle=False) as file:
                self._stamps = [str(stamp) for stamp in file["stamps"]]
                self._frames = [int(frame) for frame in file["frames"]]
                self._values = list(file["values"].astype(np.float32))
                states, contents = file["states"].tolist(), file["contents"].tolist()
                self._contents = dict(zip(states, contents, strict=True))
        except (OSError, ValueError, TypeError, KeyError, EOFError, BadZipFile):
            pass  # none yet, or damaged: computed again
        if not len(self._stamps) == len(self._frames) == len(self._values):
            self._stamps, self._frames, self._values = [], [], []
        self._rows: dict[str, list[int]] = {}
        for row, stamp in enumerate(self._stamps):
            self._rows.setdefault(stamp, []).append(row)

    def stamp(self, series: Series) -> str:
        """Return a digest of what a series' files hold now."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(f"{series.title}\0{series.summary}".encode())  # of a file that holds several
        for path in series.paths:
            digest.update(f"\0{self._content(path)}".encode())
        return digest.hexdigest()

    def _content(self, path: Path) -> str:
        state = hashlib.blake2b(_state_of(path).encode(), digest_size=16).hexdigest()
        known = self._contents.get(state)
        if known is not None:
            return known
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16))
        except OSError:
            return state  # cannot be read: whoever loads it says so
        self._contents[state] = found.hexdigest()
        self._new = True
        return self._contents[state]

    def get(self, stamp: str) -> dict[int, Features]:
        """Return the features of a series by frame; empty where there are none."""
        rows = self._rows.get(stamp, ())
        return {self._frames[row]: self._values[row] for row in rows}

    def put(self, stamp: str, features: dict[int, Features]) -> None:
        """Keep the features of a series."""
        for frame, values in features.items():
            self._rows.setdefault(stamp, []).append(len(self._stamps))
            self._stamps.append(stamp)
            self._frames.append(frame)
            self._values.append(values)
        self._new = True

    def save(self) -> None:
        """Write what is new; a disk that refuses costs time the next time, nothing else."""
        if not self._new:
            return
        temporary = self._path.with_name(f"{self._path.stem}-{os.getpid()}.npz")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            np.savez(
                temporary,
                stamps=np.array(self._stamps[-KEPT:]),
                frames=np.array(self._frames[-KEPT:], np.int32),
                values=np.array(self._values[-KEPT:], np.float32),
                states=np.array(list(self._contents)[-KEPT_FILES:], np.str_),
                contents=np.array(list(self._contents.values())[-KEPT_FILES:], np.str_),
            )
            temporary.replace(self._path)
        except OSError:
            temporary.unlink(missing_ok=True)


def _scaled(session: Session, features: Features) -> Features:
    reference = session.checkpoint.familiarity
    if reference is None:
        return features
    scaled: Features = (features - reference.mean) / reference.scale
    return scaled


def _state_of(path: Path) -> str:
    try:
        state = path.stat()
    except OSError:
        return str(path)
    return f"{path}\0{state.st_size}\0{state.st_mtime_ns}"
