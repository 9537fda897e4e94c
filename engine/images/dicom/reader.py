"""DICOM files to an image: one file with its frames, or the files of a series in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from engine.errors import NO_MEMORY, CancelledError, UnreadableImageError
from engine.images import limits
from engine.images.dicom import geometry, header, identity, lut, pixels, values
from engine.images.dicom.functional import FrameView, frame_views
from engine.images.image import Display, Image, LeftOut, Window
from engine.images.names import readable
from engine.progress import Progress


@dataclass(frozen=True)
class Source:
    """Frames of one file: ``frames`` counts from 0, None means all of them in order."""

    path: Path
    frames: tuple[int, ...] | None = None


def read(path: Path, *, progress: Progress | None = None) -> Image:
    """Read all frames of one file. Raises ``UnreadableImageError``."""
    return read_sources([Source(path)], title=readable(path.stem), progress=progress)


@dataclass
class _Part:
    """What one file contributes."""

    dataset: Dataset
    path: Path
    pixels: NDArray[Any]
    views: list[FrameView]
    numbers: list[int]
    planes: list[geometry.Plane]
    windows: list[tuple[Window, ...]]
    place: int


def read_sources(
    sources: Sequence[Source],
    *,
    title: str = "",
    notes: Sequence[str] = (),
    progress: Progress | None = None,
) -> Image:
    """Read frames from files, in the order given, as one image.

    Files that cannot be read, or are not of the others' shape, are left out and said
    (``Image.left_out``). Raises ``UnreadableImageError`` where that is all of them, and
    ``CancelledError``.
    """
    path = sources[0].path
    try:
        return _read(sources, title, list(notes), progress)
    except (UnreadableImageError, CancelledError):
        raise
    except MemoryError:
        raise UnreadableImageError.too_large(path) from None
    except Exception:
        # Elements are converted when first asked for, so a damaged one can raise anywhere, and
        # of any kind.
        raise header.damaged(path) from None


def _read(
    sources: Sequence[Source], title: str, found: list[str], progress: Progress | None
) -> Image:
    parts: list[_Part] = []
    failed: list[LeftOut] = []
    share = 1.0 / len(sources)
    total = place = 0
    for index, source in enumerate(sources):
        part_progress = (
            progress.part(index * share, (index + 1) * share) if progress is not None else None
        )
        try:
            part = _part(source, place, found, part_progress)
        except (CancelledError, MemoryError):
            raise
        except Exception as error:
            # Elements are converted when first asked for, so a damaged one can raise anything.
            why = error if isinstance(error, UnreadableImageError) else header.damaged(source.path)
            if why.reason == NO_MEMORY or len(sources) == 1:
                raise why from None
            failed += _missing(source, place, why)
            place += len(source.frames or (0,))
            continue
        place += len(part.numbers)
        total += part.pixels.nbytes
        if total > limits.MAX_DECODED_BYTES:
            raise UnreadableImageError(
                source.path,
                f"its series has more than {limits.MAX_DECODED_BYTES / 2**30:.0f} GiB of pixels",
                "open fewer files at once",
            )
        parts.append(part)
    if not parts:
        raise UnreadableImageError(failed[0].path, failed[0].reason, failed[0].advice)
    parts, others = _of_one_shape(parts)
    return _assemble(parts, title, found, sorted((*failed, *others), key=lambda one: one.place))


def _missing(source: Source, place: int, why: UnreadableImageError) -> list[LeftOut]:
    frames = len(source.frames or (0,))
    return [LeftOut(source.path, place + i, why.reason, why.advice) for i in range(frames)]


def _of_one_shape(parts: list[_Part]) -> tuple[list[_Part], list[LeftOut]]:
    """Return the parts of the shape that most have (of equals, the first), and what others lack."""
    shapes = Counter(part.pixels.shape[1:] for part in parts)
    shape = shapes.most_common(1)[0][0]
    others = [
        LeftOut(
            part.path,
            part.place + i,
            "its size or colours differ from the rest of its series",
            "open it on its own",
        )
        for part in parts
        if part.pixels.shape[1:] != shape
        for i in range(len(part.numbers))
    ]
    return [part for part in parts if part.pixels.shape[1:] == shape], others


def _part(source: Source, place: int, notes: list[str], progress: Progress | None) -> _Part:
    dataset = header.read(source.path, pixels=True)
    stored = pixels.decode(source.path, dataset, source.frames, progress, notes)
    count = header.frame_count(dataset)
    every = list(frame_views(dataset, count))
    wanted = list(range(count)) if source.frames is None else list(source.frames)
    views = [every[index] for index in wanted]
    if stored.ndim == 3 and not _is_mask(dataset):
        converted = [lut.to_modality(stored[i], view) for i, view in enumerate(views)]
        kind = np.result_type(*{frame.dtype for frame in converted})
        if len(converted) == 1:
            stored = converted[0][None]
        else:
            stored = np.stack([frame.astype(_small(kind), copy=False) for frame in converted])
    # The pixels are decoded; the encoded copy would double the memory of a long series.
    for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData"):
        if keyword in dataset:
            del dataset[keyword]
    return _Part(
        dataset,
        source.path,
        stored,
        views,
        [index + 1 for index in wanted],
        [geometry.plane(view, index) for view, index in zip(views, wanted, strict=True)],
        [] if stored.ndim == 4 else [lut.windows(view) for view in views],
        place,
    )


def _small(kind: np.dtype[Any]) -> np.dtype[Any]:
    """Return a type that images may have: 64 bits become float32."""
    return kind if kind.itemsize <= 4 else np.dtype(np.float32)


def _is_mask(dataset: Dataset) -> bool:
    return values.integer(dataset, "BitsAllocated") == 1


def _assemble(
    parts: list[_Part], title: str, notes: list[str], left_out: Sequence[LeftOut]
) -> Image:
    first = parts[0].dataset
    kind = _small(np.result_type(*{part.pixels.dtype for part in parts}))
    stacked = (
        parts[0].pixels.astype(kind, copy=False)
        if len(parts) == 1
        else np.concatenate([part.pixels.astype(kind, copy=False) for part in parts])
    )
    views = [view for part in parts for view in part.views]
    numbers = [number for part in parts for number in part.numbers]
    planes = [plane for part in parts for plane in part.planes]
    shape = (int(stacked.shape[1]), int(stacked.shape[2]))
    where = geometry.geometry(first, planes, shape, notes)
    places = [part.place + i for part in parts for i in range(len(part.numbers))]
    where = geometry.with_gaps(where, planes, places)
    paths = [part.path for part in parts for _ in part.numbers]
    uids = [values.text(part.dataset, "SOPInstanceUID") for part in parts for _ in part.numbers]
    made = Image(
        pixels=np.ascontiguousarray(stacked),
        geometry=where,
        identity=identity.identity(first, paths, uids, numbers),
        display=_display(first, views, [w for part in parts for w in part.windows]),
        title=title,
        left_out=tuple(left_out),
    )
    said = made.said_of_left_out()
    return replace(made, notes=tuple(dict.fromkeys([said, *notes] if said else notes)))


def _display(
    dataset: Dataset, views: list[FrameView], windows: list[tuple[Window, ...]]
) -> Display:
    """Say how to show it; windows: each frame's own, none where it is in colour."""
    if not windows:
        return Display(
            frame_times_ms=_frame_times(dataset, len(views)),
            frame_rate=_frame_rate(dataset, len(views)),
        )
    differ = any(w != windows[0] for w in windows)
    shared: tuple[Window, ...] = windows[0]
    inverted = values.text(dataset, "PhotometricInterpretation") == "MONOCHROME1" or (
        values.text(dataset, "PresentationLUTShape") == "INVERSE"
    )
    return Display(
        inverted=inverted,
        windows=shared,
        voi_lut=lut.voi_table(views[0]),
        unit=lut.unit(views[0]),
        frame_times_ms=_frame_times(dataset, len(views)),
        frame_windows=tuple(windows) if differ and all(windows) else (),
        padding=lut.padding(dataset, views[0]),
        frame_rate=_frame_rate(dataset, len(views)),
    )


MAX_FRAME_RATE = 1000.0
"""Frames a second beyond which a stated rate is a mistake."""


def _frame_rate(dataset: Dataset, count: int) -> float | None:
    """Return the frames a second to play at (PS3.3 C.7.6.5), None for stills and where not said.

    The rate recommended for display comes first, then the cine rate, then what the frame times
    amount to.
    """
    if count < 2:
        return None
    for keyword in ("RecommendedDisplayFrameRate", "CineRate"):
        rate = values.number(dataset, keyword)
        if rate is not None and 0 < rate <= MAX_FRAME_RATE:
            return rate
    times = _frame_times(dataset, count)
    if times and times[-1] > times[0]:
        rate = 1000.0 * (len(times) - 1) / (times[-1] - times[0])
        return rate if 0 < rate <= MAX_FRAME_RATE else None
    return None


def _frame_times(dataset: Dataset, count: int) -> tuple[float, ...]:
    """Return each frame's time in ms from the first (PS3.3 C.7.6.5), () for stills."""
    if count < 2:
        return ()
    steps = values.floats(dataset, "FrameTimeVector")
    if len(steps) == count:
        return tuple(float(t) for t in np.cumsum(steps) - steps[0])
    time = values.number(dataset, "FrameTime")
    if time is None or time <= 0:
        rate = values.number(dataset, "CineRate") or values.number(
            dataset, "RecommendedDisplayFrameRate"
        )
        time = 1000.0 / rate if rate and rate > 0 else None
    return tuple(index * time for index in range(count)) if time else ()
