"""Many cases into a folder: every case gets a folder of its own, and what fails is told.

    FOLDER/export.json     what was asked for, what was written, what failed, what made it
    FOLDER/scores.csv      every map against every mask, beside chance and the centre prior
    FOLDER/removed.txt     of a de-identified export: which attributes went, without their values
    FOLDER/case_001/...    (case_001/series_2/... where a case has several series)

Nothing that is in the folder already is overwritten: cases are numbered on.
"""

from __future__ import annotations

import csv
import json
import logging
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import CancelledError, InvalidInputError, MaskError, SaliscopeError
from engine.evaluation.coherence import Sign, coherence
from engine.export import anonymous, images, names, sources
from engine.export.wanted import MAX_FRAMES, Failure, Summary, Wanted, resolved
from engine.images.case import Case, Series
from engine.images.dicom.deidentify import MAY_HOLD_TEXT, Deidentifier
from engine.images.image import Image, Window
from engine.masks import measure
from engine.masks.formats import export_all, write
from engine.masks.formats.files import replacing
from engine.masks.formats.sidecar import program_version
from engine.masks.mask import Mask
from engine.masks.shapes import Box
from engine.measure import store
from engine.measure.covers import boxes
from engine.progress import Progress
from engine.report import findings as reading

if TYPE_CHECKING:
    from engine.masks.formats.export import FormatName
    from engine.report.findings import Findings, MapFinding
    from engine.session import Session

_log = logging.getLogger(__name__)

Chooser = Callable[[Image, str], tuple["Session", str]]

#: Less room than this on a disk, and nothing more is tried.
FULL_BYTES = 1 << 20

_TOGETHER = {
    "dicom-seg": "masks.dcm",
    "coco": "masks.coco.json",
    "label-studio": "masks.tasks.json",
}


@dataclass(frozen=True, eq=False)
class Item:
    """One series to export, and what is known of it where it is on screen.

    image: None to load it. masks: None for those that are saved, beside it or came with it.
    frame: the one for the report where it matters; None for the one with the most of a mask.
    covers: besides those that were put on the image in the program, which always hold.
    """

    case: Case
    series: Series
    image: Image | None = None
    masks: tuple[Mask, ...] | None = None
    compared: str = ""
    frame: int | None = None
    window: Window | None = None
    inverted: bool | None = None
    sign: Sign = "positive"
    covers: tuple[Box, ...] = ()
    extra_masks: tuple[Path, ...] = ()


@dataclass
class _Place:
    """Where the files of a series go, and how it is called."""

    folder: Path
    case: str
    what: str
    subject: str


@dataclass
class _Run:
    wanted: Wanted
    session: Session | None
    choose: Chooser | None
    summary: Summary
    deidentifier: Deidentifier | None
    hidden: tuple[str, ...] = ()
    listed: list[dict[str, Any]] = field(default_factory=list)


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
    _make(folder)
    summary = Summary(folder)
    deidentifier = Deidentifier() if wanted.deidentify else None
    hidden = names.to_hide([item.series for item in items], everything=wanted.deidentify)
    run = _Run(wanted, session, choose, summary, deidentifier, hidden)
    cases = list(dict.fromkeys(item.case for item in items))
    first = names.next_number(folder)
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
    except _StoppedError as stop:
        summary.stopped = str(stop)
    _finish(run)
    return summary


class _StoppedError(Exception):
    """There is no use in going on; the text says why."""


def _item(run: _Run, item: Item, number: int, position: int, what: str, progress: Progress) -> None:
    wanted, summary = run.wanted, run.summary
    loaded: list[tuple[Image, tuple[Mask, ...]]] = []

    def load() -> None:
        image = item.image or item.series.load(progress.part(0.0, 0.2))
        if item.masks is not None:
            masks = [mask for mask in item.masks if not mask.is_empty]
        else:
            masks, notes = sources.masks_of(image, item.series, item.extra_masks)
            summary.notes += [f"{what}: {note}" for note in notes if not wanted.deidentify]
        loaded.append((image, tuple(names.anonymous_label(mask, image) for mask in masks)))

    _attempt(run, what, load)
    if not loaded:
        return
    image, masks = loaded[0]
    kept = store.load(image.key)
    item = replace(item, covers=(*item.covers, *boxes(kept, image.shape)))
    place = _place(run, image, number, position, what)
    if place is None:
        return
    shown = image
    drawn = masks
    if run.deidentifier is not None:
        shown = anonymous.anonymous(image, run.deidentifier)
        drawn = tuple(anonymous.transferred(mask, shown) for mask in masks)
        if not image.identity.sop_instance_uids or not wanted.images:
            run.deidentifier.removed.add(_of_picture(image, item.covers))
    run.listed.append(_listed(image, shown, place, drawn, wanted, summary.folder))
    if wanted.masks and not masks:
        summary.notes.append(f"{what}: no mask is drawn on it.")
    if wanted.masks and masks:
        _masks(run, item, image, shown, masks, drawn, place)
    progress.report(0.35, what)
    if wanted.images:
        _images(run, item, image, place)
    progress.report(0.4, what)
    if wanted.uses_model:
        _analysed(run, item, image, shown, masks, drawn, place, progress.part(0.4, 1.0))


# Masks and images


def _masks(
    run: _Run,
    item: Item,
    image: Image,
    shown: Image,
    masks: Sequence[Mask],
    drawn: Sequence[Mask],
    place: _Place,
) -> None:
    wanted = run.wanted
    single: list[FormatName] = [k for k in ("png", "nifti", "nrrd") if k in wanted.masks]

    def alone() -> list[Path]:
        done = export_all(
            drawn,
            shown,
            place.folder,
            single,
            window=item.window,
            include_patient=wanted.include_patient,
            covers=item.covers,
        )
        run.summary.notes += [f"{place.what}: {note}" for note in done.notes]
        return done.paths

    if single:
        _attempt(run, f"{place.what}, masks", alone)
    for kind in ("dicom-seg", "coco", "label-studio"):
        if kind in wanted.masks:
            _attempt(
                run,
                f"{place.what}, {kind}",
                _together(run, item, image, shown, masks, drawn, place, kind),
            )


def _together(
    run: _Run,
    item: Item,
    image: Image,
    shown: Image,
    masks: Sequence[Mask],
    drawn: Sequence[Mask],
    place: _Place,
    kind: Any,
) -> Callable[[], list[Path]]:
    def work() -> list[Path]:
        target = names.free(place.folder, _TOGETHER[kind])
        if kind == "dicom-seg" and run.deidentifier is not None:
            from engine.masks.formats import dicom_seg

            apply = run.deidentifier.apply
            unsigned = [anonymous.transferred(mask, image) for mask in masks]
            dicom_seg.export(
                unsigned,
                image,
                target,
                deidentify=lambda made: apply(made, place.subject),
            )
            return [target]
        done = write(drawn, shown, target, kind, with_pictures=True, covers=item.covers)
        run.summary.notes += [f"{place.what}: {note}" for note in done.notes]
        return done.paths

    return work


def _images(run: _Run, item: Item, image: Image, place: _Place) -> None:
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

    _attempt(run, f"{place.what}, images", work)


# Maps, figures, scores, report


def _analysed(
    run: _Run,
    item: Item,
    image: Image,
    shown: Image,
    masks: Sequence[Mask],
    drawn: Sequence[Mask],
    place: _Place,
    progress: Progress,
) -> None:
    wanted = run.wanted
    models: list[tuple[Session, tuple[str, ...], str]] = []

    def choose() -> None:
        session, why = run.session, ""
        if run.choose is not None:
            session, why = run.choose(image, item.series.modality)
        if session is not None:
            models.append((session, resolved(wanted.maps, session.map_names), why))
            run.listed[-1]["model"] = asdict(reading.describe(session))

    _attempt(run, f"{place.what}, model", choose)
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
        _attempt(run, where, look)
        if not found:
            continue
        same = next((i for i, mask in enumerate(masks) if mask is found[0].compared), None)
        said = replace(
            found[0],
            image=shown,
            masks=tuple(drawn),
            compared=None if same is None else drawn[same],
            maps=found[0].maps if shown is image else tuple(_of(m, shown) for m in found[0].maps),
            inverted=item.inverted,
        )
        if frame in frames:
            _frame(run, said, place, where, part.part(0.6, 0.9))
        if wanted.report and frame == key_frame:
            _attempt(run, f"{place.what}, report", lambda said=said: _report(run, said, place))  # type: ignore[misc]
        part.report(1.0, place.what)


def _of(one: MapFinding, image: Image) -> MapFinding:
    """Return a map that says it is of ``image``: the key of the original leads back to it."""
    made = replace(one.map.provenance, image_key=image.key)
    return replace(one, map=replace(one.map, provenance=made))


def _key_frame(item: Item, image: Image, masks: Sequence[Mask]) -> int:
    if item.frame is not None:
        return min(max(item.frame, 0), image.frames - 1)
    areas = np.zeros(image.frames, np.int64)
    for mask in masks:
        for index, pixels in mask.frames.items():
            areas[index] += np.count_nonzero(pixels)
    return int(areas.argmax()) if areas.any() else image.frames // 2


def _frame(run: _Run, said: Findings, place: _Place, where: str, progress: Progress) -> None:
    wanted = run.wanted
    suffix = f"_f{said.frame + 1:03d}" if said.image.frames > 1 else ""
    if wanted.scores and said.prediction is not None:
        run.summary.rows += _rows(said, place)
    for number, one in enumerate(said.maps):
        progress.report(number / len(said.maps), where)
        stem = f"{one.map.name}{suffix}"
        if wanted.overlays:
            _attempt(run, f"{where}, {one.map.name}", _overlay(said, one, place, stem))
        if wanted.arrays:
            _attempt(run, f"{where}, {one.map.name}", _array(one, place, stem))
        for kind in wanted.figures:
            target = names.free(place.folder, f"figure_{stem}.{kind}")
            _attempt(run, f"{where}, {target.name}", _figure(said, one, target, wanted.dpi))
    if wanted.figures and not said.maps:  # without a model: the image and its masks
        for kind in wanted.figures:
            target = names.free(place.folder, f"figure_image{suffix}.{kind}")
            _attempt(run, f"{where}, {target.name}", _figure(said, None, target, wanted.dpi))
    if wanted.overlays:
        _attempt(run, f"{where}, overlay", _outlines(said, place, suffix))
    if wanted.overlays or wanted.arrays:
        _attempt(run, f"{where}, provenance", _provenance(said, place, suffix))


def _overlay(said: Findings, one: Any, place: _Place, stem: str) -> Callable[[], list[Path]]:
    def work() -> list[Path]:
        from engine.report import overlay

        target = names.free(place.folder, f"map_{stem}.png")
        with replacing(target) as temporary:
            overlay.save(temporary, said.image, said.frame, one.map, said.covers)
        return [target]

    return work


def _outlines(said: Findings, place: _Place, suffix: str) -> Callable[[], list[Path]]:
    def work() -> list[Path]:
        from engine.masks.formats import overlay

        target = names.free(place.folder, f"masks{suffix}.png")
        overlay.export(
            said.masks, said.image, said.frame, target, window=said.window, covers=said.covers
        )
        return [target]

    return work


def _array(one: Any, place: _Place, stem: str) -> Callable[[], list[Path]]:
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


def _report(run: _Run, said: Findings, place: _Place) -> list[Path]:
    from engine.report import page

    target = names.free(place.folder, "report.pdf")
    page.export(said, target, include_patient=run.wanted.include_patient)
    return [target]


def _provenance(said: Findings, place: _Place, suffix: str) -> Callable[[], list[Path]]:
    def work() -> list[Path]:
        target = names.free(place.folder, f"maps{suffix}.json")
        _json(target, reading.provenance(said))
        return [target]

    return work


# Tables and summary


def _rows(said: Findings, place: _Place) -> list[dict[str, Any]]:
    """Return a row for each map against each mask on the frame (or none)."""
    found = said.prediction
    assert found is not None
    model, near = said.model, said.familiarity
    rows = []
    masks: list[Mask | None] = [mask for mask in said.masks if mask.area(said.frame)]
    for mask in masks or [None]:
        for one in said.maps:
            sign = one.scores.sign if one.scores is not None else "positive"
            score = coherence(one.map.values, mask.frame(said.frame), sign) if mask else None
            rows.append(
                {
                    "case": place.what,
                    "frame": said.frame + 1,
                    "mask": mask.label if mask is not None else "",
                    "author": mask.author if mask is not None else "",
                    "area_pixels": mask.area(said.frame) if mask is not None else None,
                    "area_mm2": measure.area_mm2(mask, said.frame, said.image.geometry)
                    if mask is not None
                    else None,
                    "map": one.map.name,
                    "class": one.map.target_name,
                    "rma": score.rma if score else None,
                    "rra": score.rra if score else None,
                    "chance": score.chance_rma if score else None,
                    "prior_rma": score.prior_rma if score else None,
                    "prior_rra": score.prior_rra if score else None,
                    "lift": score.lift if score else None,
                    "sign": sign,
                    "outside_anatomy": one.outside,
                    "predicted": found.classes[found.predicted],
                    "probability": found.branches["fusion"][found.predicted],
                    "likeness": near.ratio if near is not None else None,
                    "checkpoint": f"{model.name} {model.version}" if model else "",
                    "sha256": model.sha256 if model else "",
                }
            )
    return rows


def _finish(run: _Run) -> None:
    """Write the table, the list of what was removed, and the summary."""
    summary, wanted = run.summary, run.wanted
    summary.notes = list(dict.fromkeys(summary.notes))
    if summary.rows:
        _attempt(run, "scores.csv", lambda: _scores(summary), stop=False)
    if run.deidentifier is not None:
        summary.removed = run.deidentifier.removed.sentences()
        summary.notes += run.deidentifier.removed.notes
        _attempt(run, "removed.txt", lambda: _removed(summary), stop=False)
    target = names.free(summary.folder, "export.json")
    record = {
        "program": {"name": "Saliscope", "version": program_version()},
        "research_use_only": True,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "wanted": asdict(wanted),
        "cases": run.listed,
        "files": [str(path.relative_to(summary.folder).as_posix()) for path in summary.written],
        "failed": [
            {"what": failure.what, "sentence": names.unnamed(failure.sentence, run.hidden)}
            for failure in summary.failed
        ],
        "notes": [names.unnamed(note, run.hidden) for note in summary.notes],
        "stopped": summary.stopped,
    }

    def work() -> list[Path]:
        _json(target, record)
        return [target]

    _attempt(run, "export.json", work, stop=False)


def _scores(summary: Summary) -> list[Path]:
    target = names.free(summary.folder, "scores.csv")
    with replacing(target) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(summary.rows[0]), lineterminator="\n")
        table.writeheader()
        for row in summary.rows:
            table.writerow({k: _cell(v) for k, v in row.items()})
    return [target]


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@")):
        return f"'{value}"  # a mask's name must not become a formula
    return value


def _removed(summary: Summary) -> list[Path]:
    target = names.free(summary.folder, "removed.txt")
    with replacing(target) as temporary:
        temporary.write_text("\n".join(summary.removed) + "\n", encoding="utf-8")
    return [target]


def _json(path: Path, value: Mapping[str, Any]) -> None:
    with replacing(path) as temporary:
        text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
        temporary.write_text(text + "\n", encoding="utf-8")


def _listed(
    image: Image, shown: Image, place: _Place, masks: Sequence[Mask], wanted: Wanted, root: Path
) -> dict[str, Any]:
    """Return what tells one series from another, without the patient."""
    found: dict[str, Any] = {
        "case": place.what,
        "folder": place.folder.relative_to(root).as_posix(),
        "modality": shown.identity.modality,
        "frames": shown.frames,
        "shape": list(shown.shape),
        "series_instance_uid": shown.identity.series_instance_uid,
        "masks": [mask.label for mask in masks],
    }
    if not wanted.deidentify:
        found["image_key"] = image.key
        if not image.identity.sop_instance_uids:
            found["file"] = [path.name for path in image.identity.source_paths]
    return found


def _of_picture(image: Image, covers: Sequence[Box]) -> Any:
    """Return what de-identifying an image that is not written as DICOM amounts to."""
    from engine.images.dicom.deidentify import Removed

    done = Removed({"File and folder names": "removed"}, files=1, covered=len(covers))
    if image.identity.sop_instance_uids:
        done.attributes["Patient, study and series names, numbers and dates"] = "removed"
        done.attributes["Study, series, instance and frame of reference UIDs"] = "replaced"
    done.attributes["Names of those who drew masks"] = "removed"
    if not covers and image.identity.modality in ("US", "SC", "OT", ""):
        done.notes.append(MAY_HOLD_TEXT)
    return done


# Folders and failures


def _place(run: _Run, image: Image, number: int, position: int, what: str) -> _Place | None:
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

    _attempt(run, what, make)
    if not made:
        return None
    case = f"Case {number:03d}" + (f", series {position}" if position else "")
    return _Place(folder, case, what, name.upper().replace("_", ""))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MaskError(
            f"The folder “{folder.name or folder}” cannot be made ({_reason(error)}); choose "
            "another one."
        ) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise MaskError(f"The folder “{folder.name}” may not be written to; choose another one.")


def _attempt(
    run: _Run, what: str, work: Callable[[], list[Path] | None], *, stop: bool = True
) -> None:
    """Do one thing; note what it wrote, or why it failed. Ends the batch where all would fail."""
    sentence = ""
    try:
        run.summary.written += work() or []
        return
    except CancelledError:
        raise
    except InvalidInputError as error:
        sentence = str(error)
    except SaliscopeError as error:
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
        raise _StoppedError(
            f"The folder “{folder.name}” is gone, so the export has ended; choose another one."
        ) from None
    if free < FULL_BYTES:
        raise _StoppedError(
            "The disk is full, so the export has ended; make room and export again."
        )
    if not os.access(folder, os.W_OK):
        raise _StoppedError(
            f"The folder “{folder.name}” may no longer be written to, so the export has ended; "
            "choose another one."
        )


def _reason(error: OSError) -> str:
    return (error.strerror or "the system refused").lower()


def _last_place(error: BaseException) -> str:
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].name}:{frames[-1].lineno}" if frames else ""
