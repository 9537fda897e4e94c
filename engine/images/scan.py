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
from engine.images.names import natural_key, readable
from engine.images.series import Record, Stack, records, stacks
from engine.images.thumbnail import LazyThumbnail
from engine.progress import Progress


@dataclass
class _Found:
    """Files by format, in the order they were met."""

    dicom: list[Record] = field(default_factory=list)
    raster: list[Path] = field(default_factory=list)
    nifti: list[Path] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


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
    cases = [*_dicom_cases(found.dicom), *_file_cases(found)]
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


def _dicom_cases(found: list[Record]) -> list[Case]:
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
        opened = [_dicom_series(stack) for group in members for stack in stacks(group)]
        cases.append(
            Case(
                title=_case_title(first),
                series=tuple(opened),
                patient_id=first.patient_id,
                study=first.study_title,
            )
        )
    return cases


def _case_title(record: Record) -> str:
    name = identity.spoken(record.patient_name)
    return name or record.patient_id or readable(record.path.parent.name) or "DICOM"


def _dicom_series(stack: Stack) -> Series:
    first = stack.records[0]
    title = first.series_title or first.modality or readable(first.path.stem)
    if stack.label:
        title = f"{title} · {stack.label}"
    sources = _sources(stack.records)
    middle = stack.records[len(stack.records) // 2]

    def load(progress: Progress | None) -> Image:
        return dicom_reader.read_sources(sources, title=title, notes=stack.notes, progress=progress)

    def read_middle() -> tuple[Image, int]:
        source = dicom_reader.Source(middle.path, (middle.frame,))
        return dicom_reader.read_sources([source], title=title), 0

    return Series(
        title=title,
        summary=_summary(first.modality, first.shape, len(stack.records)),
        load=load,
        thumbnail=LazyThumbnail(read_middle),
        paths=tuple(dict.fromkeys(r.path for r in stack.records)),
        modality=first.modality,
        frames=len(stack.records),
        shape=first.shape,
        notes=stack.notes,
    )


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
    paired = pairs.pair([*found.raster, *found.nifti])
    pictures = set(found.raster)
    cases = []
    for path in sorted(paired, key=lambda p: (natural_key(str(p.parent)), natural_key(p.name))):
        try:
            make = _raster_case if path in pictures else _nifti_case
            cases.append(make(path, paired[path]))
        except UnreadableImageError as error:
            found.problems.append(Problem(path, str(error)))
    return cases


def _raster_case(path: Path, masks: tuple[Path, ...]) -> Case:
    frames, shape = raster.probe(path)
    title = readable(path.stem)

    def load(progress: Progress | None) -> Image:
        return reader.read(path, progress=progress)

    series = Series(
        title=title,
        summary=_summary("", shape, frames).replace("slices", "pages"),
        load=load,
        thumbnail=LazyThumbnail(lambda: (reader.read(path), 0)),
        paths=(path,),
        frames=frames,
        shape=shape,
        reference_masks=masks,
    )
    return Case(title=title, series=(series,))


def _nifti_case(path: Path, masks: tuple[Path, ...]) -> Case:
    head = nifti.read_header(path)
    title = readable(nifti.stem(path))
    series = tuple(
        _nifti_series(path, head, volume, title, masks) for volume in range(head.volumes)
    )
    return Case(title=title, series=series)


def _nifti_series(
    path: Path, head: nifti.Header, volume: int, title: str, masks: tuple[Path, ...]
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
        summary=_summary("", (rows, cols), frames),
        load=load,
        thumbnail=LazyThumbnail(read_middle),
        paths=(path,),
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
