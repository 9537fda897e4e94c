"""What a folder or a handful of files turns into: cases, each with series that load when asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.images.image import Image
from engine.progress import Progress

Loader = Callable[[Progress | None], Image]
ThumbnailLoader = Callable[[int], NDArray[np.uint8]]


@dataclass(frozen=True, eq=False)
class Series:
    """One stack of frames that opens as one ``Image``.

    title: what distinguishes it within the case ("T1 axial", "echo 2", a file name).
    summary: "MR · 141 × 138 · 59 slices".
    frames, shape: 0 and (0, 0) where not known before loading.
    reference_masks: mask files that came with it (BUSI style), to be OR-ed.
    frame_masks: (frame, mask file) where each frame has a mask of its own, to be OR-ed as well.
    notes: gaps, duplicates and the like, one sentence each.
    sequence: how it was acquired, as the scanner names it ("*tse2d1_7"), "" where not said.
    details: more of that, a phrase each ("TR 500 ms").
    """

    title: str
    summary: str
    load: Loader
    thumbnail: ThumbnailLoader
    paths: tuple[Path, ...]
    modality: str = ""
    frames: int = 0
    shape: tuple[int, int] = (0, 0)
    reference_masks: tuple[Path, ...] = ()
    frame_masks: tuple[tuple[int, Path], ...] = ()
    notes: tuple[str, ...] = ()
    sequence: str = ""
    details: tuple[str, ...] = ()

    @property
    def has_reference(self) -> bool:
        """Whether a reference mask came with it."""
        return bool(self.reference_masks or self.frame_masks)


@dataclass(frozen=True, eq=False)
class Case:
    """One patient's study, or one file where the format knows no patient.

    ``title`` may be a patient's name: it is for the screen alone, never for logs or file names.
    ``study_date``: as "2019-03-04", "" where not known.
    """

    title: str
    series: tuple[Series, ...]
    patient_id: str = ""
    study: str = ""
    study_date: str = ""

    @property
    def images(self) -> int:
        """The number of frames of all its series, as far as known before loading."""
        return sum(max(series.frames, 1) for series in self.series)


@dataclass(frozen=True)
class Problem:
    """A file that was passed over, and the one sentence that says why and what to do."""

    path: Path
    sentence: str


@dataclass(frozen=True)
class ScanResult:
    """What was found under the paths that the user gave."""

    cases: tuple[Case, ...] = ()
    problems: tuple[Problem, ...] = field(default_factory=tuple)
