"""DICOM files to series: split what does not belong together, sort the rest by position.

Files arrive as header records, which hold no pixels; nothing here opens a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from engine.images.dicom import geometry, header, values
from engine.images.dicom.functional import FrameView, frame_views
from engine.images.gaps import after
from engine.images.names import natural_key, readable

ORIENTATION_DECIMALS = 2
"""Direction cosines that agree to two decimals (about half a degree) are one orientation."""

DUPLICATE_DISTANCE = 0.01
"""Millimetres between two slices of one stack below which they are at the same place."""

TOMOGRAPHIC = ("MR", "CT", "PT", "SEG", "RTDOSE")
"""Modalities whose files are slices even where their header gives no position."""

_COMPONENTS = {
    "M": "magnitude", "MAGNITUDE": "magnitude", "P": "phase", "PHASE": "phase",
    "R": "real", "REAL": "real", "I": "imaginary", "IMAGINARY": "imaginary",
    "W": "water", "WATER": "water", "F": "fat", "FAT": "fat", "IP": "in phase",
    "IN_PHASE": "in phase", "OP": "opposed phase", "OUT_PHASE": "opposed phase",
    "OPP_PHASE": "opposed phase",
}  # fmt: skip
"""ImageType values from the third on that tell contrasts of one series apart."""


@dataclass(frozen=True, eq=False)
class Record:
    """One frame as its header describes it. ``frame`` counts from 0 in its file."""

    path: Path
    frame: int
    frames_in_file: int
    patient: str
    patient_id: str
    patient_name: str
    study: str
    study_title: str
    series: str
    series_title: str
    series_number: int
    modality: str
    sop_uid: str
    shape: tuple[int, int]
    colour: bool
    orientation: tuple[float, ...]
    distance: float | None
    position: tuple[float, ...]
    instance: int | None
    acquisition: int | None
    echo: float | None
    component: str
    time: float | None
    b_value: float | None
    stack: str
    study_date: str = ""
    sequence: str = ""
    details: tuple[str, ...] = ()


def records(path: Path, dataset: Dataset) -> list[Record]:
    """Turn a header into one record a frame."""
    count = header.frame_count(dataset)
    return [
        _record(path, dataset, view, index, count)
        for index, view in enumerate(frame_views(dataset, count))
    ]


def _record(path: Path, dataset: Dataset, view: FrameView, index: int, count: int) -> Record:
    place = geometry.plane(view, index)
    orientation = (
        tuple(round(float(v), ORIENTATION_DECIMALS) + 0.0 for v in place.orientation)
        if place.orientation is not None
        else ()
    )
    enhanced = view.is_enhanced
    echo = values.number(view.echo, "EffectiveEchoTime")
    if echo is None:
        echo = values.number(dataset, "EchoTime")
    time = values.number(view.content, "TemporalPositionIndex")
    if time is None:
        time = values.number(dataset, "TemporalPositionIdentifier")
    if time is None and not enhanced:
        time = values.number(dataset, "TriggerTime")
    name = values.text(dataset, "PatientName")
    identifier = values.text(dataset, "PatientID")
    return Record(
        path=path,
        frame=index,
        frames_in_file=count,
        patient="\0".join((identifier, name)),
        patient_id=identifier,
        patient_name=name,
        study=values.text(dataset, "StudyInstanceUID"),
        study_title=values.text(dataset, "StudyDescription"),
        series=values.text(dataset, "SeriesInstanceUID"),
        series_title=values.text(dataset, "SeriesDescription")
        or values.text(dataset, "ProtocolName"),
        series_number=values.integer(dataset, "SeriesNumber") or 0,
        modality=values.code(dataset, "Modality"),
        sop_uid=values.text(dataset, "SOPInstanceUID"),
        shape=(values.integer(dataset, "Rows") or 0, values.integer(dataset, "Columns") or 0),
        colour=(values.integer(dataset, "SamplesPerPixel") or 1) > 1
        or values.text(dataset, "PhotometricInterpretation") == "PALETTE COLOR",
        orientation=orientation,
        distance=place.distance,
        position=tuple(float(v) for v in place.position) if place.position is not None else (),
        instance=values.integer(dataset, "InstanceNumber"),
        acquisition=values.integer(dataset, "AcquisitionNumber"),
        echo=echo,
        component=_component(dataset, view),
        time=time,
        b_value=_b_value(dataset, view),
        stack=values.text(view.content, "StackID") if enhanced else "",
        study_date=_date(values.text(dataset, "StudyDate")),
        sequence=values.text(dataset, "PulseSequenceName") or values.text(dataset, "SequenceName"),
        details=_details(dataset, echo, place.thickness),
    )


def _date(stored: str) -> str:
    """Return a date (PS3.5 6.2, DA) as 2019-03-04, "" for anything else."""
    return f"{stored[:4]}-{stored[4:6]}-{stored[6:8]}" if re.fullmatch(r"\d{8}", stored) else ""


def _details(dataset: Dataset, echo: float | None, thickness: float | None) -> tuple[str, ...]:
    """Return what a reader asks of an acquisition: TR, TE, TI and how thick a slice is."""
    found = [
        ("TR", values.number(dataset, "RepetitionTime"), " ms"),
        ("TE", echo, " ms"),
        ("TI", values.number(dataset, "InversionTime"), " ms"),
        ("slices of", thickness, " mm"),
    ]
    return tuple(f"{name} {value:g}{unit}" for name, value, unit in found if value)


def _component(dataset: Dataset, view: FrameView) -> str:
    """Return "magnitude", "phase", "water", ... where the image type names it."""
    kinds = values.texts(view.frame_type, "FrameType") or values.texts(dataset, "ImageType")
    stated = values.text(view.frame_type, "ComplexImageComponent").upper()
    for kind in kinds[2:]:
        found = _COMPONENTS.get(kind.upper())
        if found not in (None, "magnitude"):
            return found or ""
    if stated in _COMPONENTS:
        return _COMPONENTS[stated]
    return "magnitude" if any(_COMPONENTS.get(k.upper()) for k in kinds[2:]) else ""


def _b_value(dataset: Dataset, view: FrameView) -> float | None:
    found = values.number(view.diffusion, "DiffusionBValue")
    return found if found is not None else values.number(dataset, "DiffusionBValue")


@dataclass(frozen=True, eq=False)
class Stack:
    """Frames of one series in display order, and what sets them apart within it."""

    records: tuple[Record, ...]
    label: str
    notes: tuple[str, ...]


def stacks(of_series: Sequence[Record]) -> list[Stack]:
    """Split one series into stacks and sort each.

    Split, in this order, by: size and colour; multi-frame file (each on its own); orientation;
    component (magnitude, phase, water, fat ...); echo time; b-value; and time (temporal
    position, trigger time, or else acquisition number), this last only where slices would
    otherwise lie at the same place, so that a stack acquired slice by slice stays whole.
    """
    unique, repeated = _without_repeats(of_series)
    groups: Groups = [([], unique)]
    groups = _split(groups, lambda r: r.path if r.frames_in_file > 1 else None, _file_label)
    groups = _split(groups, _unplaced, lambda r: f"image {r.instance}" if r.instance else "")
    groups = _split(groups, lambda r: (*r.shape, r.colour), _shape_label)
    groups = _split(groups, lambda r: r.stack, lambda r: f"stack {r.stack}" if r.stack else "")
    groups = _split(groups, lambda r: r.orientation, _plane_label)
    groups = _split(groups, lambda r: r.component, lambda r: r.component)
    groups = _split(groups, _echo_key, _echo_label)
    groups = _split(groups, lambda r: r.b_value, _b_label)
    groups = _split(groups, lambda r: r.time, _time_label, only_overlapping=True)
    groups = _split(groups, lambda r: r.acquisition, _acquisition_label, only_overlapping=True)
    found: list[Stack] = []
    for labels, members in groups:
        ordered = ordered_records(members)
        notes = (*stack_notes(ordered), *repeated) if not found else stack_notes(ordered)
        found.append(Stack(tuple(ordered), ", ".join(filter(None, labels)), tuple(notes)))
    return found


def _without_repeats(of_series: Sequence[Record]) -> tuple[list[Record], list[str]]:
    """Leave out copies: the same SOP instance twice, under two file names."""
    seen: set[tuple[object, ...]] = set()
    kept: list[Record] = []
    copies: set[Path] = set()
    for record in of_series:
        # Careless anonymisers give different slices one UID, so the UID alone does not tell.
        key = (record.sop_uid, record.frame, record.position, record.instance, record.echo)
        if record.sop_uid and key in seen:
            copies.add(record.path)
            continue
        seen.add(key)
        kept.append(record)
    if not copies:
        return kept, []
    files = "1 file is a copy" if len(copies) == 1 else f"{len(copies)} files are copies"
    return kept, [f"{files} of others in the series and left out."]


Groups = list[tuple[list[str], list[Record]]]


def _split(
    groups: Groups,
    key: Callable[[Record], object],
    label: Callable[[Record], str],
    only_overlapping: bool = False,
) -> Groups:
    """Divide each group by a key; groups that it does not divide get no label."""
    out: Groups = []
    for labels, members in groups:
        parts: dict[object, list[Record]] = {}
        for record in members:
            parts.setdefault(key(record), []).append(record)
        if len(parts) == 1 or (only_overlapping and not _overlapping(members)):
            out.append((labels, members))
            continue
        for part in sorted(parts.values(), key=lambda p: _part_order(key(p[0]), p)):
            out.append(([*labels, label(part[0])], part))
    return out


def _part_order(value: object, part: list[Record]) -> tuple[float, int, tuple[object, ...]]:
    number = float(value) if isinstance(value, (int, float)) else 0.0
    return number, min(r.instance or 0 for r in part), natural_key(part[0].path.name)


def _overlapping(members: list[Record]) -> bool:
    """Whether two frames lie at the same place (False where places are not known)."""
    if any(not r.position for r in members):
        return False
    places = {tuple(round(v, 2) for v in r.position) for r in members}
    return len(places) < len(members)


def _unplaced(record: Record) -> object:
    """Return the file for pictures that are no slices, such as the stills of an ultrasound exam.

    Each has its own depth and scale; only tomographic modalities make stacks without positions.
    """
    return None if record.position or record.modality in TOMOGRAPHIC else record.path


def _file_label(record: Record) -> str:
    return readable(record.path.name) if record.frames_in_file > 1 else ""


def _shape_label(record: Record) -> str:
    return f"{record.shape[0]} × {record.shape[1]}"


def _plane_label(record: Record) -> str:
    from engine.images.orientation import plane_name

    if len(record.orientation) != 6:
        return "no orientation"
    matrix = np.eye(4)
    matrix[:3, 1], matrix[:3, 0] = record.orientation[:3], record.orientation[3:]
    return plane_name(matrix)


def _echo_key(record: Record) -> float | None:
    return None if record.echo is None else round(record.echo, 2)


def _echo_label(record: Record) -> str:
    return f"TE {record.echo:g} ms" if record.echo is not None else ""


def _b_label(record: Record) -> str:
    return f"b {record.b_value:g}" if record.b_value is not None else ""


def _time_label(record: Record) -> str:
    return f"phase {record.time:g}" if record.time is not None else ""


def _acquisition_label(record: Record) -> str:
    return f"acquisition {record.acquisition}" if record.acquisition is not None else ""


def ordered_records(members: Sequence[Record]) -> list[Record]:
    """Sort by position along the common normal; by instance number where there is no position."""

    def tie(record: Record) -> tuple[object, ...]:
        instance = record.instance if record.instance is not None else 0
        return (instance, record.frame, natural_key(record.path.name))

    if all(r.distance is not None for r in members):
        return sorted(members, key=lambda r: (round(r.distance or 0.0, 4), *tie(r)))
    return sorted(members, key=tie)


def stack_notes(ordered: Sequence[Record]) -> list[str]:
    """Report gaps, duplicates and what the order rests on."""
    notes: list[str] = []
    if len(ordered) < 2:
        return notes
    distances = [r.distance for r in ordered if r.distance is not None]
    if len(distances) < len(ordered):
        if len({r.path for r in ordered}) > 1:
            notes.append("Not all slices have a position, so they are in order of their numbers.")
        return notes
    steps = np.diff(np.asarray(distances))
    if (steps < DUPLICATE_DISTANCE).all():
        return notes  # a cine loop at one place
    doubles = int((steps < DUPLICATE_DISTANCE).sum())
    if doubles:
        places = "1 slice lies" if doubles == 1 else f"{doubles} slices lie"
        notes.append(f"{places} at the same place as another.")
    usual = geometry.ordinary_step(steps[steps >= DUPLICATE_DISTANCE])
    wide = np.flatnonzero(steps > geometry.GAP_FACTOR * usual)
    if len(wide):
        missing = int(sum(round(float(steps[i]) / usual) - 1 for i in wide))
        slices = "1 slice is" if missing == 1 else f"{missing} slices are"
        notes.append(f"About {slices} missing, {after([int(i) for i in wide])}.")
    return notes
