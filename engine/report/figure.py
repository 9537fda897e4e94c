"""An overlay for print: the frame, one map in its colours with a bar, the mask, and where from."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from engine.errors import InvalidInputError
from engine.masks.formats.files import replacing
from engine.masks.mask import Mask
from engine.report import drawing, numbers, picture, style
from engine.report.doubt import no_lesion
from engine.report.findings import NOT_A_DEVICE, Findings, MapFinding, provenance
from engine.report.look import Look, lines_of
from engine.saliency.derived import title
from engine.saliency.scale import gate_opening, is_shut

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FigureKind = Literal["png", "pdf", "svg"]

WIDTH = 120.0
"""mm: a column and a half of a journal."""

MAX_HEIGHT = 200.0
DPI = (300, 600)
_EDGE, _BAR, _BAR_ROOM = 4.0, 4.0, 16.0
_TITLE, _LINE, _GAP = 9.0, 3.3, 1.2


def export(
    findings: Findings,
    one: MapFinding | None,
    path: Path,
    *,
    dpi: int = 300,
    look: Look = picture.DEFAULT,
) -> None:
    """Write PNG, PDF or SVG, by the path's ending, with the provenance in the file's metadata.

    one: the map, None for the image and its masks alone. dpi: of PNG, 72 to 1200. look: how the
    map is drawn. Raises ``InvalidInputError``, or ``MaskError`` if it cannot be written.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in ("png", "pdf", "svg"):
        raise InvalidInputError(f"A figure ends in .png, .pdf or .svg, and {path.name} does not.")
    if not 72 <= dpi <= 1200:
        raise InvalidInputError(f"A figure has 72 to 1200 dots an inch, not {dpi}.")
    about = provenance(findings, one)
    if one is not None:
        about["drawn"] = {**asdict(look), "scale": look.range(one.map)}
    what = json.dumps(about, default=str)
    heading = f"{title(one.map.name)} map" if one is not None else "Image"
    with style.applied(), replacing(path) as temporary:
        drawn = draw(findings, one, sharp=kind != "png", look=look)
        drawn.savefig(temporary, dpi=dpi, format=kind, metadata=style.metadata(kind, heading, what))


def draw(
    findings: Findings,
    one: MapFinding | None,
    *,
    sharp: bool = False,
    look: Look = picture.DEFAULT,
) -> Figure:
    """Draw the figure, in the current style. sharp: image pixels as they are, for PDF and SVG."""
    from matplotlib.figure import Figure

    image = findings.image
    rows, cols = image.shape
    wide = WIDTH - 2 * _EDGE - (_BAR_ROOM if one is not None else 0)
    high = wide * rows * image.geometry.aspect / cols
    if high > MAX_HEIGHT:
        wide, high = wide * MAX_HEIGHT / high, MAX_HEIGHT
    lines = _lines(findings, one, look)
    keys = _keys(findings)
    top = _TITLE + _EDGE
    total = top + high + 2.5 + _LINE * (len(lines) + len(keys)) + _GAP + _EDGE
    figure = Figure(figsize=(WIDTH * style.MM, total * style.MM), facecolor="white")

    def axes(x: float, y: float, width: float, height: float):  # type: ignore[no-untyped-def]
        return figure.add_axes((x / WIDTH, 1 - (y + height) / total, width / WIDTH, height / total))

    def text(x: float, y: float, what: str, **how: Any) -> None:
        figure.text(x / WIDTH, 1 - y / total, what, va="top", parse_math=False, **how)

    heads = [title(one.map.name) if one is not None else "Image"]
    if one is not None:
        heads.append(f"class {one.map.target_name}")
    head = style.elided(" · ".join(heads), 0.62 * WIDTH, 9.5, "semibold")
    text(_EDGE, _EDGE, head, fontsize=9.5, weight="semibold")
    rest = " · ".join(t for t in (findings.case, findings.place) if t)
    text(
        WIDTH - _EDGE,
        _EDGE + 0.4,
        style.elided(rest, 0.3 * WIDTH, 7.5),
        fontsize=7.5,
        color=style.QUIET,
        ha="right",
    )
    panel = axes(_EDGE, top, wide, high)
    drawing.frame(
        panel,
        findings,
        one,
        line=1.1,
        interpolation="none" if sharp else "bilinear",
        look=look,
    )
    drawing.scale_bar(panel, image)
    drawing.orientation(panel, image, findings.frame)
    if one is not None:
        bar = axes(_EDGE + wide + 3, top, _BAR, high)
        drawing.colour_bar(bar, one, look=look)
    y = top + high + 2.5
    for row in keys:
        for x, mask, dashes in row:
            at = (x / WIDTH, 1 - (y + 1.25) / total)
            drawing.sample(figure, at, _SAMPLE / WIDTH, mask.colour, dashes)
            text(x + _SAMPLE + 1.5, y, mask.label, fontsize=7)
        y += _LINE
    for number, (line, how) in enumerate(lines):
        if number and how["fontsize"] != lines[number - 1][1]["fontsize"]:
            y += _GAP
        text(_EDGE, y, line, **how)
        y += _LINE
    return figure


_SAMPLE = 7.0
"""mm: length of the line that stands for an outline."""

_LABEL = 7
"""Points, of the names beside them."""


def _keys(
    findings: Findings,
) -> list[list[tuple[float, Mask, tuple[float, ...] | None]]]:
    """Return the rows of (mm from the left, mask, dashes): which outline is whose."""
    masks = drawing.legend_of(findings.masks, findings.frame)
    rows: list[list[tuple[float, Mask, tuple[float, ...] | None]]] = []
    x = WIDTH
    for mask, dashes in zip(masks, drawing.dashes_of(masks), strict=True):
        wide = _SAMPLE + 1.5 + style.width_of(mask.label, _LABEL) + 5
        if x + wide > WIDTH - _EDGE:
            rows.append([])
            x = _EDGE
        rows[-1].append((x, mask, dashes))
        x += wide
    return rows


def _lines(
    findings: Findings, one: MapFinding | None, look: Look = picture.DEFAULT
) -> list[tuple[str, dict[str, Any]]]:
    """Return the lines below the picture: what is drawn, agreement, answer, provenance."""
    width = WIDTH - 2 * _EDGE
    plain: dict[str, Any] = {"fontsize": 7}
    quiet: dict[str, Any] = {"fontsize": 6, "color": style.QUIET}
    said: list[str] = []
    if one is not None:
        said += how_drawn(one, look)
        said += agreement(findings, one)
    said += answer(findings)
    if findings.image.geometry.spacing is None:
        said.append("The file gives no pixel size, so there is no scale bar.")
    lines = [(t, plain) for s in said for t in style.wrapped(s, width, 7)]
    made = made_by(findings, one, look)
    return lines + [(t, quiet) for s in made for t in style.wrapped(s, width, 6)]


def how_drawn(one: MapFinding, look: Look) -> list[str]:
    """Return what a reader of the figure cannot see of how the map is drawn."""
    said = []
    if is_shut(one.map) and look.low is None and look.high is None:
        most = 100 * (gate_opening(one.map) or 0.0)
        said.append(
            f"The gate is shut (it lets {most:.2g} % through at most); the colours are those of a "
            "gate that is open."
        )
    if look.kind != "wash":
        said.append(lines_of(one.map, look).sentence)
    elif look.threshold > 0:
        said.append(f"Below {100 * look.threshold:g} % of the scale nothing is drawn.")
    if look.shared:
        said.append("The scale is that of all maps which were compared on screen.")
    return said


def agreement(findings: Findings, one: MapFinding) -> list[str]:
    """Return the scores of a map in words, each beside chance and the centre prior."""
    s = one.scores
    if s is None or findings.compared is None:
        return []
    if s.rma is None or s.rra is None:
        return [f"Agreement with “{findings.compared.label}”: no score, {s.reason}."]
    sentence = (
        f"Agreement with “{findings.compared.label}”: RMA {s.rma:.2f} "
        f"(chance {numbers.share(s.chance_rma)}, "
        f"centred prior {numbers.share(s.prior_rma)}), RRA {s.rra:.2f} "
        f"(chance {numbers.share(s.chance_rra)}, centred prior {numbers.share(s.prior_rra)})"
    )
    if one.map.sign == "signed":
        sentence += f"; {s.sign} part" if s.sign == "positive" else "; absolute value"
    return [sentence + ("; no better than a centred blob." if one.weak else ".")]


def answer(findings: Findings) -> list[str]:
    """Return the prediction in words, and a warning for images unlike the training's."""
    found = findings.prediction
    if found is None:
        return []
    said = []
    shares = found.branches["fusion"]
    kind = "calibrated" if findings.model is not None and findings.model.calibrated else "softmax"
    said.append(
        f"Prediction: {found.classes[found.predicted]} "
        f"{numbers.probability(shares[found.predicted])} "
        f"(fusion, {kind} probability)."
    )
    if doubt := no_lesion(found):
        said.append(doubt)
    if findings.unsuited:
        said.append(f"The model may not suit the image: {findings.unsuited}.")
    near = findings.familiarity
    if near is not None and not near.familiar:
        said.append(
            f"Unlike the training data (distance {near.ratio:.2f} of the limit): the answer and "
            "its maps may mean nothing here."
        )
    return said


def made_by(findings: Findings, one: MapFinding | None, look: Look = picture.DEFAULT) -> list[str]:
    """Return what made the picture: checkpoint and hash, map and parameters, program."""
    parts: list[str] = []
    model = findings.model
    if model is not None:
        parts.append(f"Checkpoint {model.name} {model.version}, SHA-256 {model.sha256}.")
    if one is not None:
        made = one.map.provenance
        low, high = look.range(one.map)
        detail = f"Map {one.map.name} by {made.method}, {one.map.sign}"
        detail += f", scale from {drawing.short(low)} to {drawing.short(high)}"
        if one.outside is not None:
            detail += f", {one.outside:.0%} of it outside the anatomy"
        others = {
            k: v
            for k, v in made.parameters.items()
            if k in ("device", "precision", "background", "samples", "evaluations", "seed")
        }
        if others:
            detail += "; " + ", ".join(f"{k} {v}" for k, v in others.items())
        parts.append(detail + ".")
    last = findings.program + ". "
    if findings.window is not None:
        window = findings.window
        last += f"Window {window.width:.4g}, level {window.centre:.4g}. "
    if findings.covers:
        many = "area was" if len(findings.covers) == 1 else "areas were"
        last += f"{len(findings.covers)} {many} covered. "
    parts.append(last + NOT_A_DEVICE)
    return parts
