"""What is to be exported, and what came of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from engine.errors import InvalidInputError
from engine.masks.formats.write import FORMATS, ExchangeFormat
from engine.report.figure import DPI, FigureKind

Naming = Literal["number", "file"]
"""What a case's folder is called by: a number, or the file's name (where a format knows no
patient; DICOM cases are numbered all the same)."""

FIGURE_KINDS: tuple[FigureKind, ...] = get_args(FigureKind)

FUSION, ALL = "fusion", "all"
"""Maps by what they are, whichever model it is."""

#: Places named beside one reason.
MOST_NAMED = 4

#: More figures of one series than this are a film and no export.
MAX_FRAMES = 64


@dataclass(frozen=True)
class Wanted:
    """What to write of every case.

    masks: formats. overlays: pictures at the image's own size, of the masks' outlines and of each
    map. arrays: maps as .npy. figures: kinds, at ``dpi``. report: a page of PDF a series. scores:
    one table for all. images: the images themselves, as they will be passed on. maps: names, ()
    for all but SHAP's; see ``resolved``. deidentify: see ``engine.images.dicom.deidentify``.
    include_patient: name, number and date in reports and sidecars.
    """

    masks: tuple[ExchangeFormat, ...] = ()
    overlays: bool = False
    arrays: bool = False
    figures: tuple[FigureKind, ...] = ()
    dpi: int = 300
    report: bool = False
    scores: bool = False
    images: bool = False
    maps: tuple[str, ...] = ()
    deidentify: bool = False
    include_patient: bool = False
    naming: Naming = "number"

    def check(self) -> None:
        """Raise ``InvalidInputError`` where nothing, or what contradicts itself, is asked for."""
        if self.deidentify and self.include_patient:
            raise InvalidInputError(
                "An export cannot be de-identified and name the patient; choose one of them."
            )
        if unknown := [kind for kind in self.masks if kind not in FORMATS]:
            raise InvalidInputError(
                f"There is no mask format {unknown[0]}; choose of {', '.join(FORMATS)}."
            )
        if self.dpi not in DPI:
            raise InvalidInputError(f"Figures have {DPI[0]} or {DPI[1]} dots an inch.")
        parts = (self.masks, self.overlays, self.arrays, self.figures, self.report, self.scores)
        if not any((*parts, self.images)):
            raise InvalidInputError("Nothing was chosen to be exported; choose masks, for one.")

    @property
    def needs_model(self) -> bool:
        """Whether maps or answers are part of it; a report goes without."""
        return bool(self.arrays or self.scores)

    @property
    def uses_model(self) -> bool:
        """Whether a model adds to it."""
        return bool(self.needs_model or self.overlays or self.figures or self.report)


@dataclass(frozen=True)
class Failure:
    """What could not be written, and the one sentence why. what: "case_003, T1 axial"."""

    what: str
    sentence: str


@dataclass
class Summary:
    """What a batch did. stopped: why it ended early, "" where it did not."""

    folder: Path
    cases: int = 0
    written: list[Path] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    stopped: str = ""

    def sentence(self) -> str:
        """Return the summary in a line or two."""
        files = len(self.written)
        text = f"{files} file{'s' * (files != 1)} of {self.cases} case{'s' * (self.cases != 1)} "
        text += f"written to {self.folder.name or self.folder}."
        if self.failed:
            many = len(self.failed)
            text += f" {many} thing{'s' * (many != 1)} could not be written."
        return f"{text} {self.stopped}".strip()

    def failures(self) -> list[str]:
        """Return what failed as lines, one for each reason."""
        return _grouped([(failure.what, failure.sentence) for failure in self.failed])

    def kinds(self) -> list[str]:
        """Return what was written as lines, one for each kind of file."""
        counts = Counter(_kind(path) for path in self.written)
        order = [*(f"{before}{kind}" for _, kind in _KINDS for before in ("", *_BEFORE))]
        known = [kind for kind in order if kind in counts]
        others = sorted(counts.keys() - set(known))
        return [f"  {counts[kind]} × {kind}" for kind in (*known, *others)]

    def remarks(self) -> list[str]:
        """Return the notes as lines, one for each."""
        pairs = [note.partition(": ") for note in self.notes]
        return _grouped(
            [(a, b) if a.startswith("case_") else ("", f"{a}{c}{b}") for a, c, b in pairs]
        )


_KINDS = (
    ("export.json", "export.json, the list of all of this"),
    ("scores.csv", "scores.csv, the table of scores"),
    ("removed.txt", "removed.txt, the list of what was removed"),
    ("report.pdf", "report, PDF"),
    (".nii.gz", "NIfTI"),
    (".nrrd", "NRRD"),
    (".dcm", "DICOM"),
    (".coco.json", "COCO annotations"),
    (".tasks.json", "Label Studio tasks"),
    (".json", "JSON beside masks and maps"),
    (".npy", "map as numbers"),
    (".svg", "SVG"),
    (".pdf", "PDF"),
    (".png", "PNG"),
)
_BEFORE = ("mask or picture, ", "Segmentation, ", "overlay, ", "figure, ", "image, ")


def _kind(path: Path) -> str:
    name = path.name
    for ending, kind in _KINDS:
        numbered = ending[0] != "." and re.fullmatch(
            re.escape(Path(ending).stem) + r"_\d+" + re.escape(Path(ending).suffix), name
        )
        if name == ending or numbered or (ending[0] == "." and name.endswith(ending)):
            if ending in (".png", ".pdf", ".svg") and name.startswith("figure_"):
                return f"figure, {kind}"
            if ending == ".png" and name.startswith(("map_", "masks")):
                return "overlay, PNG"
            if path.parent.name == "images":
                return f"image, {kind}"
            before = {".png": "mask or picture, ", ".dcm": "Segmentation, "}.get(ending, "")
            return f"{before}{kind}"
    return path.suffix.removeprefix(".").upper() or "other file"


def _grouped(pairs: Sequence[tuple[str, str]]) -> list[str]:
    groups: dict[str, list[str]] = {}
    for what, sentence in pairs:
        groups.setdefault(sentence, []).append(what)
    lines = []
    for sentence, whats in groups.items():
        named = [what for what in whats if what]
        more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
        where = "; ".join(named[:MOST_NAMED]) + more
        sentence = sentence[:1].upper() + sentence[1:]
        lines.append(f"  {sentence} ({where})" if where else f"  {sentence}")
    return lines


def resolved(asked: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return the maps of a model that are meant: () is all but SHAP's, which take minutes.

    ``FUSION`` and ``ALL`` stand for what every model has under another name. Raises
    ``InvalidInputError`` for a map that this model lacks.
    """
    if not asked:
        return tuple(name for name in known if not name.startswith("shap-"))
    found: dict[str, None] = {}
    for name in asked:
        if name == ALL:
            found |= dict.fromkeys(known)
        elif name == FUSION:
            found |= dict.fromkeys(n for n in known if n in ("gate", "concat", "product"))
        elif name in known:
            found[name] = None
        else:
            raise InvalidInputError(
                f"There is no map {name!r} in this model; it has {', '.join(known)}."
            )
    return tuple(found)
