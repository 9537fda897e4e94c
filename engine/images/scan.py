"""Paths, folders and mixed drops to cases: headers are read, pixels only when a series opens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.errors import UnreadableImageError
from engine.images import nifti, pairs, raster, reader, walk
from engine.images.case import Case, Problem, ScanResult, Series
from engine.images.dicom import header, identity, pixels, recognise
from engine.images.dicom import reader as dicom_reader
from engine.images.image import Image
from engine.images.manifest import Entry, Manifests
from engine.images.names import natural_key, readable
from engine.images.series import Record, Stack, records, stack_notes, stacks
from engine.images.thumbnail import LazyThumbnail
from engine.progress import Progress

THUMBNAIL_TRIES = 5
"""Slices that are tried, from the middle outwards, before a series goes without a small picture."""


@dataclass
class _Found:
    """Files by format, in the order they were met."""

    dicom: list[Record] = field(default_factory=list)
    raster: list[Path] = field(default_factory=list)
    nifti: list[Path] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    manifests: Manifests = field(default_factory=Manifests)


def scan(paths: Sequence[Path], progress: Progress | None = None) -> ScanResult:
    """Find the cases under paths. Never raises for bad files: each becomes a ``Problem``.

    Files that are plainly no images (text, tables) are passed over in silence inside folders
    and reported when named. Raises ``CancelledError`` alone.
    """
    found = _Found()
    total = 0
    for file, named in walk.files(paths, found.problems, progress):
        total += 1
        if progress is not None:
            # How many there are is not known before the end; the bar nears 1 without lying.
            progress.report(1.0 - 1.0 / (1.0 + total / 200.0), f"{total} files")
        try:
            _sort_in(file, named, found)
        except UnreadableImageError as error:
            found.problems.append(Problem(file, str(error)))
    cases = [*_dicom_cases(found.dicom, found.manifests), *_file_cases(found)]
    if progress is not None:
        progress.report(1.0, f"{total} files")
    return ScanResult(tuple(_distinct(cases)), tuple(found.problems))


def _sort_in(file: Path, named: bool, found: _Found) -> None:
    kind = reader.sniff(file)
    if kind == "raster":
        found.raster.append(file)
    elif kind == "nifti":
        # Of a pair, the header stands for both.
        partner = file.with_name(file.name.replace(".img", ".hdr"))
        if ".img" in file.name and partner != file and partner.exists():
            if named:
                found.nifti.append(partner)
            return
        found.nifti.append(file)
    elif kind == "dicom":
        dataset = header.read(file, pixels=False, keywords=header.SCANNED)
        if recognise.is_directory(dataset):
            if named:
                raise recognise.not_an_image(file, dataset)
            return
        try:
            pixels.check_header(file, dataset)
            described = records(file, dataset)
        except UnreadableImageError:
            raise
        except Exception:
            # Elements are converted when first asked for, and a damaged one raises anything.
            raise header.damaged(file) from None
        found.dicom.extend(described)
    elif named:
        raise reader.unknown(file)


# --- DICOM ---------------------------------------------------------------------------------


def _dicom_cases(found: list[Record], manifests: Manifests) -> list[Case]:
    by_series: dict[tuple[str, str], list[Record]] = {}
    for record in found:
        # Without a UID, files of one folder belong together.
        series = record.series or str(record.path.parent)
        by_series.setdefault((record.patient, series), []).append(record)
    studies: dict[tuple[str, str], list[list[Record]]] = {}
    for group in by_series.values():
        # A series is of one study. Some anonymisers give every file a study of its own, so the
        # series decides, not the file.
        study = group[0].study or str(group[0].path.parent)
        studies.setdefault((group[0].patient, study), []).append(group)
    cases = []
    for groups in studies.values():
        members = sorted(groups, key=lambda group: group[0].series_number)
        first = members[0][0]
        opened = [_dicom_series(s, manifests) for group in members for s in stacks(group)]
        cases.append(
            Case(
                title=_case_title(first),
                series=tuple(opened),
                patient_id=first.patient_id,
                study=first.study_title,
                study_date=first.study_date,
            )
        )
    return cases


def _case_title(record: Record) -> str:
    name = identity.spoken(record.patient_name)
    return name or record.patient_id or readable(record.path.parent.name) or "DICOM"


def _dicom_series(stack: Stack, manifests: Manifests) -> Series:
    first = stack.records[0]
    title = first.series_title or first.modality or readable(first.path.stem)
    if stack.label:
        title = f"{title} · {stack.label}"
    sources = _sources(stack.records)
    places = {id(record): place for place, record in enumerate(stack.records)}

    def load(progress: Progress | None) -> Image:
        image = dicom_reader.read_sources(
            sources, title=title, notes=stack.notes, progress=progress
        )
        if not image.left_out:
            return image
        # Gaps are counted anew, among the slices that could be read.
        lost = {one.place for one in image.left_out}
        kept = [record for place, record in enumerate(stack.records) if place not in lost]
        notes = [note for note in image.notes if note not in stack.notes]
        copies = [note for note in stack.notes if note not in stack_notes(stack.records)]
        return replace(image, notes=tuple(dict.fromkeys([*notes, *stack_notes(kept), *copies])))

    def read_middle() -> tuple[Image, int]:
        outwards = sorted(stack.records, key=lambda r: abs(places[id(r)] - len(places) // 2))
        for record in outwards[:THUMBNAIL_TRIES]:
            try:
                source = dicom_reader.Source(record.path, (record.frame,))
                return dicom_reader.read_sources([source], title=title), 0
            except UnreadableImageError as error:
                failure = error
        raise failure

    return Series(
        title=title,
        summary=_summary(first.modality, first.shape, len(stack.records)),
        load=load,
        thumbnail=LazyThumbnail(read_middle),
        paths=tuple(dict.fromkeys(r.path for r in stack.records)),
        modality=first.modality,
        frames=len(stack.records),
        shape=first.shape,
        frame_masks=_frame_masks(stack.records, manifests),
        notes=stack.notes,
        sequence=first.sequence,
        details=first.details,
    )


def _frame_masks(records: Sequence[Record], manifests: Manifests) -> tuple[tuple[int, Path], ...]:
    """Return the masks that a manifest names, by place in the stack."""
    found = []
    for index, record in enumerate(records):
        entry = manifests.entry(record.path)
        masks = entry.masks if entry is not None else []
        found += [(index, mask) for frame, mask in masks if frame == record.frame]
    return tuple(found)


def _sources(ordered: Sequence[Record]) -> list[dicom_reader.Source]:
    """Join neighbouring frames of one file, so that it is opened once."""
    sources: list[dicom_reader.Source] = []
    for record in ordered:
        last = sources[-1] if sources else None
        if last is not None and last.path == record.path:
            sources[-1] = replace(last, frames=(*(last.frames or ()), record.frame))
        else:
            sources.append(dicom_reader.Source(record.path, (record.frame,)))
    return sources


def _summary(modality: str, shape: tuple[int, int], frames: int) -> str:
    parts = [modality] if modality else []
    if shape != (0, 0):
        parts.append(f"{shape[1]} × {shape[0]}")
    if frames > 1:
        parts.append(f"{frames} slices" if modality not in ("US", "XA") else f"{frames} frames")
    return " · ".join(parts)


# --- Pictures and NIfTI --------------------------------------------------------------------


def _file_cases(found: _Found) -> list[Case]:
    said = {p: found.manifests.entry(p) for p in [*found.raster, *found.nifti]}
    owners = [*said.values(), *(found.manifests.entry(r.path) for r in found.dicom)]
    masks = {mask for entry in owners if entry is not None for _, mask in entry.masks}
    # A mask that a manifest gives to an image is no image of its own, whatever it is called.
    said = {p: entry for p, entry in said.items() if p.absolute() not in masks}
    paired = pairs.pair(said)
    pictures = set(found.raster)
    groups: dict[object, list[tuple[Entry | None, tuple[Series, ...]]]] = {}
    for path in sorted(paired, key=lambda p: (natural_key(str(p.parent)), natural_key(p.name))):
        entry = said[path]
        named = tuple(mask for _, mask in entry.masks) if entry is not None else ()
        with_masks = tuple(dict.fromkeys((*paired[path], *named)))
        try:
            make = _raster_series if path in pictures else _nifti_series
            series = make(path, with_masks, entry)
        except UnreadableImageError as error:
            found.problems.append(Problem(path, str(error)))
            continue
        patient = entry.patient if entry is not None else ""
        groups.setdefault(patient or path, []).append((entry, series))
    return [_file_case(members) for members in groups.values()]


def _file_case(members: list[tuple[Entry | None, tuple[Series, ...]]]) -> Case:
    """Join the files that a manifest gives to one patient; any other file is a case of its own."""
    entry = members[0][0]
    series = [one for _, several in members for one in several]
    if entry is None or not entry.patient:
        return Case(title=_stem(series[0].paths[0]), series=tuple(series))
    titles = [one.title for one in series]
    if len(set(titles)) < len(titles):  # two views of one sequence are told apart by file
        series = [replace(one, title=_without(_stem(one.paths[0]), entry)) for one in series]
    return Case(title=entry.title or entry.patient, series=tuple(series), patient_id=entry.patient)


def _stem(path: Path) -> str:
    return readable(nifti.stem(path) if nifti.is_nifti(path.name) else path.stem)


def _without(stem: str, entry: Entry) -> str:
    """Leave the patient out of a file's name: the case above says it."""
    return stem.removeprefix(entry.patient).strip(" _-") or stem


def _raster_series(path: Path, masks: tuple[Path, ...], entry: Entry | None) -> tuple[Series, ...]:
    frames, shape = raster.probe(path)
    title = entry.sequence if entry is not None and entry.sequence else _stem(path)
    modality = entry.modality if entry is not None else ""

    def load(progress: Progress | None) -> Image:
        return reader.read(path, progress=progress)

    return (
        Series(
            title=title,
            summary=_summary(modality, shape, frames).replace("slices", "pages"),
            load=load,
            thumbnail=LazyThumbnail(lambda: (reader.read(path), 0)),
            paths=(path,),
            modality=modality,
            frames=frames,
            shape=shape,
            reference_masks=masks,
        ),
    )


def _nifti_series(path: Path, masks: tuple[Path, ...], entry: Entry | None) -> tuple[Series, ...]:
    head = nifti.read_header(path)
    title = entry.sequence if entry is not None and entry.sequence else _stem(path)
    modality = entry.modality if entry is not None else ""
    return tuple(
        _nifti_volume(path, head, volume, title, modality, masks) for volume in range(head.volumes)
    )


def _nifti_volume(
    path: Path, head: nifti.Header, volume: int, title: str, modality: str, masks: tuple[Path, ...]
) -> Series:
    where = nifti.layout(head, nifti.default_axis(head))
    frames, rows, cols = (head.shape[axis] for axis in where.axes)
    if head.volumes > 1:
        title = f"{title} · volume {volume + 1}"

    def load(progress: Progress | None) -> Image:
        return replace(nifti.read(path, volume=volume, progress=progress), title=title)

    def read_middle() -> tuple[Image, int]:
        return nifti.read(path, volume=volume), frames // 2

    return Series(
        title=title,
        summary=_summary(modality, (rows, cols), frames),
        load=load,
        thumbnail=LazyThumbnail(read_middle),
        paths=(path,),
        modality=modality,
        frames=frames,
        shape=(rows, cols),
        reference_masks=masks,
    )


def _distinct(cases: list[Case]) -> list[Case]:
    """Put the folder's name before titles that several files share (patient folders)."""
    titles: dict[str, int] = {}
    for case in cases:
        titles[case.title] = titles.get(case.title, 0) + 1
    return [
        replace(case, title=f"{readable(case.series[0].paths[0].parent.name)} · {case.title}")
        if titles[case.title] > 1 and not case.patient_id
        else case
        for case in cases
    ]
