"""What a model says of a series in a batch: maps, figures, scores and the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.export import anonymous, names
from engine.export.running import Item, Opened, Place, Run, attempt, write_json
from engine.export.tables import rows_of
from engine.export.wanted import MAX_FRAMES, resolved
from engine.images.image import Image
from engine.masks.formats.files import replacing
from engine.masks.mask import Mask
from engine.measure import store
from engine.progress import Progress
from engine.report import findings as reading

if TYPE_CHECKING:
    from engine.report.findings import Findings
    from engine.session import Session


def explain(run: Run, opened: Opened, place: Place, progress: Progress) -> None:
    """Ask the model about every frame that is wanted, and write what it says."""
    wanted, item = run.wanted, opened.item
    image, masks, shown, drawn = opened.image, opened.masks, opened.shown, opened.drawn
    models: list[tuple[Session, tuple[str, ...], str]] = []

    def choose() -> None:
        session, why = run.session, ""
        if run.choose is not None:
            session, why = run.choose(image, item.series.modality)
        if session is not None:
            models.append((session, resolved(wanted.maps, session.map_names), why))
            run.listed[-1]["model"] = asdict(reading.describe(session))

    attempt(run, f"{place.what}, model", choose)
    session, chosen, unsuited = models[0] if models else (None, (), "")
    key_frame = _key_frame(item, image, masks)
    drawn_on = sorted({i for mask in masks for i, p in mask.frames.items() if p.any()})
    several = wanted.scores or wanted.figures or wanted.overlays or wanted.arrays
    frames = (drawn_on or [key_frame]) if several else []
    if len(frames) > MAX_FRAMES:
        left = len(frames) - MAX_FRAMES
        run.summary.notes.append(
            f"{place.what}: maps and figures are of {MAX_FRAMES} frames; {left} are left out."
        )
        evenly = np.linspace(0, len(frames) - 1, MAX_FRAMES).round().astype(int)
        frames = [frames[i] for i in evenly]
    asked = [*frames, *([key_frame] if wanted.report and key_frame not in frames else [])]
    compared = next((mask for mask in masks if mask.id == item.compared), None)
    for number, frame in enumerate(asked):
        part = progress.part(number / len(asked), (number + 1) / len(asked))
        found: list[Findings] = []

        def look(frame: int = frame, part: Progress = part, found: Any = found) -> None:
            found.append(
                reading.gather(
                    image,
                    frame,
                    session=session,
                    map_names=chosen,
                    masks=masks,
                    compared=compared,
                    sign=item.sign,
                    window=item.window,
                    covers=item.covers,
                    case=place.case,
                    unsuited=unsuited,
                    measurements=reading.measured(image, store.load(image.key), frame),
                    progress=part.part(0.0, 0.6),
                )
            )

        where = f"{place.what}, frame {frame + 1}" if image.frames > 1 else place.what
        attempt(run, where, look)
        if not found:
            continue
        same = next((i for i, mask in enumerate(masks) if mask is found[0].compared), None)
        said = replace(
            found[0],
            image=shown,
            masks=drawn,
            compared=None if same is None else drawn[same],
            maps=tuple(anonymous.of_image(m, image, shown) for m in found[0].maps),
            inverted=item.inverted,
        )
        if frame in frames:
            _frame(run, said, place, where, part.part(0.6, 0.9))
        if wanted.report and frame == key_frame:
            attempt(run, f"{place.what}, report", lambda said=said: _report(run, said, place))  # type: ignore[misc]
        part.report(1.0, place.what)


def _key_frame(item: Item, image: Image, masks: Sequence[Mask]) -> int:
    if item.frame is not None:
        return min(max(item.frame, 0), image.frames - 1)
    areas = np.zeros(image.frames, np.int64)
    for mask in masks:
        for index, pixels in mask.frames.items():
            areas[index] += np.count_nonzero(pixels)
    return int(areas.argmax()) if areas.any() else image.frames // 2


def _frame(run: Run, said: Findings, place: Place, where: str, progress: Progress) -> None:
    wanted = run.wanted
    suffix = f"_f{said.frame + 1:03d}" if said.image.frames > 1 else ""
    if wanted.scores and said.prediction is not None:
        run.summary.rows += rows_of(said, place)
    for number, one in enumerate(said.maps):
        progress.report(number / len(said.maps), where)
        stem = f"{one.map.name}{suffix}"
        if wanted.overlays:
            attempt(run, f"{where}, {one.map.name}", _overlay(said, one, place, stem))
        if wanted.arrays:
            attempt(run, f"{where}, {one.map.name}", _array(one, place, stem))
        for kind in wanted.figures:
            target = names.free(place.folder, f"figure_{stem}.{kind}")
            attempt(run, f"{where}, {target.name}", _figure(said, one, target, wanted.dpi))
    if wanted.figures and not said.maps:  # without a model: the image and its masks
        for kind in wanted.figures:
            target = names.free(place.folder, f"figure_image{suffix}.{kind}")
            attempt(run, f"{where}, {target.name}", _figure(said, None, target, wanted.dpi))
    if wanted.overlays:
        attempt(run, f"{where}, overlay", _outlines(said, place, suffix))
    if wanted.overlays or wanted.arrays:
        attempt(run, f"{where}, provenance", _provenance(said, place, suffix))


def _overlay(said: Findings, one: Any, place: Place, stem: str) -> Callable[[], list[Path]]:
    def work() -> list[Path]:
        from engine.report import overlay

        target = names.free(place.folder, f"map_{stem}.png")
        with replacing(target) as temporary:
            overlay.save(temporary, said.image, said.frame, one.map, said.covers)
        return [target]

    return work


def _outlines(said: Findings, place: Place, suffix: str) -> Callable[[], list[Path]]:
    def work() -> list[Path]:
        from engine.masks.formats import overlay

        target = names.free(place.folder, f"masks{suffix}.png")
        overlay.export(
            said.masks, said.image, said.frame, target, window=said.window, covers=said.covers
        )
        return [target]

    return work


def _array(one: Any, place: Place, stem: str) -> Callable[[], list[Path]]:
    def work() -> list[Path]:
        target = names.free(place.folder, f"map_{stem}.npy")
        with replacing(target) as temporary, temporary.open("wb") as file:
            np.save(file, one.map.values, allow_pickle=False)
        return [target]

    return work


def _figure(said: Findings, one: Any, target: Path, dpi: int) -> Callable[[], list[Path]]:
    def work() -> list[Path]:
        from engine.report import figure  # matplotlib takes a second

        figure.export(said, one, target, dpi=dpi)
        return [target]

    return work


def _report(run: Run, said: Findings, place: Place) -> list[Path]:
    from engine.report import page

    target = names.free(place.folder, "report.pdf")
    page.export(said, target, include_patient=run.wanted.include_patient)
    return [target]


def _provenance(said: Findings, place: Place, suffix: str) -> Callable[[], list[Path]]:
    def work() -> list[Path]:
        target = names.free(place.folder, f"maps{suffix}.json")
        write_json(target, reading.provenance(said))
        return [target]

    return work
