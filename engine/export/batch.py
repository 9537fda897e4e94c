"""Many cases into a folder: every case gets a folder of its own, and what fails is told.

    FOLDER/export.json     what was asked for, what was written, what failed, what made it
    FOLDER/scores.csv      every map against every mask, beside chance and the centre prior
    FOLDER/removed.txt     of a de-identified export: which attributes went, without their values
    FOLDER/case_001/...    (case_001/series_2/... where a case has several series)

Nothing that is in the folder already is overwritten: cases are numbered on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import CancelledError, InvalidInputError, MaskError
from engine.export import anonymous, images, names, sources
from engine.export.explaining import explain
from engine.export.running import (
    Chooser,
    Item,
    Opened,
    Place,
    Run,
    StoppedError,
    attempt,
    make_folder,
    place_for,
)
from engine.export.tables import finish, listed
from engine.export.wanted import Summary, Wanted
from engine.images.dicom.deidentify import Deidentifier
from engine.images.image import Image
from engine.images.reslice import reslice
from engine.masks.formats import export_all, write
from engine.masks.formats.files import synced_together
from engine.masks.mask import Mask
from engine.measure import store
from engine.measure.covers import boxes
from engine.progress import Progress

if TYPE_CHECKING:
    from engine.masks.formats.export import FormatName
    from engine.session import Session

__all__ = ["Chooser", "Item", "export"]

_TOGETHER = {
    "dicom-seg": "masks.dcm",
    "coco": "masks.coco.json",
    "label-studio": "masks.tasks.json",
}


def export(
    items: Sequence[Item],
    folder: Path,
    wanted: Wanted,
    *,
    session: Session | None = None,
    choose: Chooser | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Write what is wanted of every item; return what was written and what failed.

    session: the model of all, or choose: gives each image's own (image, modality as it is known
    beside the file), and why it may not suit or ""; neither, and what goes without a model is
    written.

    A thing that fails costs itself alone, but a full disk or a folder that may not be written to
    ends the batch; so does cancelling, which keeps what is there. Raises ``InvalidInputError``
    for wishes that make no sense, ``MaskError`` where the folder cannot be made.
    """
    wanted.check()
    if wanted.needs_model and session is None and choose is None:
        raise InvalidInputError("Maps and scores need a model; load a checkpoint first.")
    progress = progress or Progress()
    make_folder(folder)
    summary = Summary(folder)
    deidentifier = Deidentifier() if wanted.deidentify else None
    hidden = names.to_hide([item.series for item in items], everything=wanted.deidentify)
    run = Run(wanted, session, choose, summary, deidentifier, hidden)
    with synced_together():
        _all(run, items, progress)
        finish(run)
    return summary


def _all(run: Run, items: Sequence[Item], progress: Progress) -> None:
    """Write every item; where that ends early, say why in the summary."""
    summary = run.summary
    cases = list(dict.fromkeys(item.case for item in items))
    first = names.next_number(summary.folder)
    total = len(items)
    done = 0
    try:
        for number, case in enumerate(cases, first):
            own = [item for item in items if item.case is case]
            summary.cases += 1
            for position, item in enumerate(own, 1):
                part = progress.part(done / total, (done + 1) / total)
                several = len(own) > 1
                name = names.case_name(number)
                what = f"{name}, series {position}" if several else name
                part.report(0.0, what)
                _item(run, item, number, position if several else 0, what, part)
                done += 1
    except CancelledError:
        left = total - done
        summary.stopped = f"Cancelled; {left} of {total} series {'was' if left == 1 else 'were'} "
        summary.stopped += "not finished."
    except StoppedError as stop:
        summary.stopped = str(stop)


def _item(run: Run, item: Item, number: int, position: int, what: str, progress: Progress) -> None:
    wanted, summary = run.wanted, run.summary
    loaded: list[tuple[Image, tuple[Mask, ...]]] = []

    def load() -> None:
        image = item.image or item.series.load(progress.part(0.0, 0.2))
        left_out = image.said_of_left_out("a file" if wanted.deidentify else "")
        summary.notes += [f"{what}: {left_out}"] if left_out else []
        lost = store.problem(image.key) or _covered_elsewhere(image, item.axis)
        if lost and wanted.deidentify:
            raise MaskError(lost)
        summary.notes += [f"{what}: {lost}"] if lost else []
        if item.masks is not None:
            masks, notes = sources.with_other_axes(image, item.masks, item.axis)
        else:
            masks, notes = sources.masks_of(image, item.series, item.extra_masks)
        summary.notes += [f"{what}: {note}" for note in notes if not wanted.deidentify]
        also = names.stems(image) if wanted.deidentify else ()
        loaded.append((image, tuple(names.anonymous_label(mask, image, also) for mask in masks)))

    attempt(run, what, load)
    if not loaded:
        return
    image, masks = loaded[0]
    kept = store.load(image.key)
    item = replace(item, covers=(*item.covers, *boxes(kept, image.shape)))
    place = place_for(run, image, number, position, what)
    if place is None:
        return
    shown = image
    drawn = masks
    if run.deidentifier is not None:
        shown = anonymous.anonymous(image, run.deidentifier)
        drawn = tuple(anonymous.transferred(mask, shown) for mask in masks)
        if not image.identity.sop_instance_uids or not wanted.images:
            run.deidentifier.removed.add(anonymous.of_picture(image, item.covers))
    opened = Opened(item, image, masks, shown, drawn)
    run.listed.append(listed(image, shown, place, drawn, wanted, summary.folder))
    if wanted.masks and not masks:
        summary.notes.append(f"{what}: no mask is drawn on it.")
    if wanted.masks and masks:
        _masks(run, opened, place)
    progress.report(0.35, what)
    if wanted.images:
        _images(run, item, image, place)
    progress.report(0.4, what)
    if wanted.uses_model:
        explain(run, opened, place, progress.part(0.4, 1.0))


def _covered_elsewhere(image: Image, axis: int) -> str:
    """Return why covers on the slices along an axis do not hold for those as acquired, or ""."""
    if axis == 0:
        return ""
    cut = reslice(image, axis)
    if not store.problem(cut.key) and not boxes(store.load(cut.key), cut.shape):
        return ""
    return (
        "Areas were covered on slices along another axis, and the slices as acquired, which are "
        "exported, do not have them; show the stack as acquired and cover burnt-in text there."
    )


# Masks and images


def _masks(run: Run, opened: Opened, place: Place) -> None:
    wanted = run.wanted
    single: list[FormatName] = [k for k in ("png", "nifti", "nrrd") if k in wanted.masks]

    def alone() -> list[Path]:
        done = export_all(
            opened.drawn,
            opened.shown,
            place.folder,
            single,
            window=opened.item.window,
            include_patient=wanted.include_patient,
            covers=opened.item.covers,
        )
        run.summary.notes += [f"{place.what}: {note}" for note in done.notes]
        return done.paths

    if single:
        attempt(run, f"{place.what}, masks", alone)
    for kind in ("dicom-seg", "coco", "label-studio"):
        if kind in wanted.masks:
            attempt(
                run,
                f"{place.what}, {kind}",
                _together(run, opened, place, kind),
            )


def _together(run: Run, opened: Opened, place: Place, kind: Any) -> Callable[[], list[Path]]:
    def work() -> list[Path]:
        target = names.free(place.folder, _TOGETHER[kind])
        if kind == "dicom-seg" and run.deidentifier is not None:
            from engine.masks.formats import dicom_seg

            apply = run.deidentifier.apply
            unsigned = [anonymous.transferred(mask, opened.image) for mask in opened.masks]
            dicom_seg.export(
                unsigned,
                opened.image,
                target,
                deidentify=lambda made: apply(made, place.subject),
            )
            return [target]
        done = write(
            opened.drawn,
            opened.shown,
            target,
            kind,
            with_pictures=True,
            covers=opened.item.covers,
        )
        run.summary.notes += [f"{place.what}: {note}" for note in done.notes]
        return done.paths

    return work


def _images(run: Run, item: Item, image: Image, place: Place) -> None:
    def work() -> list[Path]:
        folder = place.folder / "images"
        folder.mkdir(exist_ok=True)
        written, notes = images.export(
            image,
            folder,
            deidentifier=run.deidentifier,
            subject=place.subject,
            covers=item.covers,
        )
        run.summary.notes += notes
        return written

    attempt(run, f"{place.what}, images", work)
