"""A case on one page of A4: image, maps, answer, agreement, masks, and what made it all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.masks.formats.files import replacing
from engine.report import drawing, numbers, picture, style, tables
from engine.report.doubt import no_lesion
from engine.report.figure import how_drawn
from engine.report.findings import NOT_A_DEVICE, Findings, MapFinding, provenance
from engine.report.look import Look
from engine.report.sheet import LEFT, PAGE, RIGHT, WIDE, Sheet
from engine.report.style import ACCENT, PANEL, QUIET, WARNING
from engine.saliency.derived import title

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PICTURE = 88.0
_STRIP = 4
"""Maps drawn side by side."""

Looks = Mapping[str, Look]
"""How each map is drawn, by its name; others as a window draws them at first."""

_HOW_LINES = 3
"""Lines of text that say how the maps are drawn."""


def export(
    findings: Findings, path: Path, *, include_patient: bool = False, looks: Looks | None = None
) -> None:
    """Write the page as PDF, its provenance in the metadata too.

    include_patient: print name, number and study date, which are left out otherwise. looks: how
    the maps are drawn. Raises ``MaskError`` if it cannot be written.
    """
    about = provenance(findings)
    for one in findings.maps:
        look = _look(looks, one)
        about["maps"][one.map.name]["drawn"] = {**asdict(look), "scale": look.range(one.map)}
    what = json.dumps(about, default=str)
    heading = f"Saliscope report, {findings.case}" if findings.case else "Saliscope report"
    with style.applied(), replacing(path) as temporary:
        draw(findings, include_patient=include_patient, looks=looks).savefig(
            temporary, format="pdf", metadata=style.metadata("pdf", heading, what)
        )


def _look(looks: Looks | None, one: MapFinding) -> Look:
    return (looks or {}).get(one.map.name, picture.DEFAULT)


def draw(
    findings: Findings, *, include_patient: bool = False, looks: Looks | None = None
) -> Figure:
    """Draw the page, in the current style."""
    sheet = Sheet()
    y = _head(sheet, findings, include_patient)
    low = _image(sheet, findings, y)
    y = max(low, _answers(sheet, findings, y)) + 8.5
    y = _maps(sheet, findings, y, looks)
    y = tables.agreement(sheet, findings, y)
    y = tables.masks(sheet, findings, y)
    tables.measurements(sheet, findings, y)
    _foot(sheet, findings)
    return sheet.figure


def _head(sheet: Sheet, findings: Findings, include_patient: bool) -> float:
    image, identity = findings.image, findings.image.identity
    sheet.text(LEFT, 18, findings.case or "Case report", 15, weight="semibold")
    sheet.text(RIGHT, 15, findings.program, 7.5, colour=QUIET, align="right")
    sheet.text(RIGHT, 18.6, date.today().isoformat(), 7.5, colour=QUIET, align="right")
    rows, cols = image.shape
    about = [identity.modality, f"{cols} × {rows} pixels"]
    spacing = image.geometry.spacing
    if spacing is not None:
        about.append(f"{spacing[0]:.3g} × {spacing[1]:.3g} mm")
    if image.frames > 1 and image.geometry.slice_spacing:
        about.append(f"slices {image.geometry.slice_spacing:.3g} mm apart")
    if image.left_out:
        lost = len(image.left_out)
        about.append(f"{lost} of {image.frames + lost} slices could not be read")
    about.append(findings.place)
    if include_patient and identity.series_description:
        about.insert(1, identity.series_description)
    y = 23.5
    sheet.text(LEFT, y, style.elided(" · ".join(a for a in about if a), WIDE, 8), 8, colour=QUIET)
    if include_patient:
        said = [
            f"{what} {value}"
            for what, value in (
                ("Patient", identity.patient_name.replace("^", " ").strip()),
                ("number", identity.patient_id),
                ("study of", identity.study_date),
            )
            if value
        ]
        if said:
            y += 4.2
            sheet.text(LEFT, y, style.elided(" · ".join(said), WIDE, 8), 8, weight="medium")
    y += 3
    sheet.rule(y, colour=ACCENT)
    return y + 5


def _image(sheet: Sheet, findings: Findings, y: float) -> float:
    """Draw the image with the outlines; return where it ends."""
    wide, high = _fitted(findings, _PICTURE, 78)
    axes = sheet.axes(LEFT, y, wide, high)
    drawing.frame(axes, findings, None, line=0.9)
    drawing.scale_bar(axes, findings.image, 6.5)
    drawing.orientation(axes, findings.image, findings.frame, 6.5)
    y += high + 3.6
    drawn = drawing.legend_of(findings.masks, findings.frame)
    x = LEFT
    for mask, dashes in list(zip(drawn, drawing.dashes_of(drawn), strict=True))[:3]:
        name = style.elided(mask.label, 22, 7)
        at = (x / PAGE[0], 1 - (y - 0.9) / PAGE[1])
        drawing.sample(sheet.figure, at, 6.0 / PAGE[0], mask.colour, dashes)
        sheet.text(x + 7.4, y, name, 7)
        x += 10.3 + style.width_of(name, 7)
    if not drawn:
        sheet.text(LEFT, y, "No mask on this frame.", 7, colour=QUIET)
    elif len(drawn) > 3:
        sheet.text(x, y, f"and {len(drawn) - 3} more", 7, colour=QUIET)
    return y


def _fitted(findings: Findings, wide: float, high: float) -> tuple[float, float]:
    rows, cols = findings.image.shape
    ratio = rows * findings.image.geometry.aspect / cols
    return (wide, wide * ratio) if wide * ratio <= high else (high / ratio, high)


def _answers(sheet: Sheet, findings: Findings, y: float) -> float:
    """Write the prediction at the right of the image; return where it ends."""
    x = LEFT + _PICTURE + 8
    width = RIGHT - x
    found, model = findings.prediction, findings.model
    y = sheet.heading(y + 2.6, "Prediction", x)
    if found is None or model is None:
        return sheet.lines(x, y + 1, "No model was asked.", width, 8, 4, colour=QUIET)
    shares = found.branches["fusion"]
    best = found.classes[found.predicted]
    y += 4
    headline = f"{best[:1].upper()}{best[1:]} {numbers.probability(shares[found.predicted])}"
    sheet.text(x, y, style.elided(headline, width, 15, "semibold"), 15, weight="semibold")
    y += 4.4
    kind = "calibrated probability" if model.calibrated else "softmax, not calibrated"
    sheet.text(x, y, f"of the fusion, {kind}", 7, colour=QUIET)
    y += 6
    for branch in ("fusion", "global", "local"):
        value = found.branches[branch][found.predicted]
        sheet.text(x, y, branch.capitalize(), 7.6)
        sheet.box(x + 16, y - 2.3, width - 30, 2.6, PANEL)
        own = found.branches[branch]
        agrees = max(range(len(own)), key=own.__getitem__) == found.predicted
        sheet.box(x + 16, y - 2.3, (width - 30) * value, 2.6, ACCENT if agrees else QUIET)
        sheet.text(RIGHT, y, f"{value:.1%}", 7.6, align="right")
        y += 4.8
    sheet.text(x, y, f"Probability of “{style.elided(best, 40, 7)}” by output", 7, colour=QUIET)
    y += 5.2
    others = [b for b in ("global", "local") if _says(found, b) != found.predicted]
    if others:
        what = " and ".join(f"the {b} branch says {found.classes[_says(found, b)]}" for b in others)
        y = sheet.warning(x, y, width, f"{what[:1].upper()}{what[1:]}.")
    if doubt := no_lesion(found):
        y = sheet.warning(x, y, width, doubt)
    if findings.unsuited:
        said = f"The model may not suit the image: {findings.unsuited}."
        y = sheet.warning(x, y, width, said)
    near = findings.familiarity
    if near is None:
        said = "The checkpoint cannot say whether the image is like its training data."
        return sheet.lines(x, y, said, width, 7, 3.4, colour=QUIET)
    if near.familiar:
        said = f"Looks like the training data (distance {near.ratio:.2f} of the limit)."
        return sheet.lines(x, y, said, width, 7, 3.4, colour=QUIET)
    return sheet.warning(
        x,
        y,
        width,
        f"Unlike the training data (distance {near.ratio:.2f} of the limit): the answer and its "
        "maps may mean nothing here.",
    )


def _says(found: Any, branch: str) -> int:
    shares = found.branches[branch]
    return max(range(len(shares)), key=shares.__getitem__)


def _maps(sheet: Sheet, findings: Findings, y: float, looks: Looks | None) -> float:
    """Draw the maps side by side, each with its colour bar; return where they end."""
    if not findings.maps:
        return y
    shown = findings.maps[:_STRIP]
    shared = any(_look(looks, one).shared for one in shown)
    scale = "on the scale shared on screen" if shared else "each on its own scale"
    beside = f"for “{shown[0].map.target_name}”, {scale}"
    if len(findings.maps) > _STRIP:
        beside += f"; {len(findings.maps) - _STRIP} more in the table"
    y = sheet.heading(y, "Where the model looked", beside=beside)
    gap = 4.0
    cell = (WIDE - gap * (_STRIP - 1)) / _STRIP
    wide, high = _fitted(findings, cell, 44)
    for number, one in enumerate(shown):
        x = LEFT + number * (cell + gap)
        sheet.text(x, y + 1.6, title(one.map.name), 7.6, weight="medium")
        panel = sheet.axes(x, y + 3.4, wide, high)
        outlined = [findings.compared] if findings.compared is not None else []
        look = _look(looks, one)
        drawing.frame(panel, findings, one, masks=outlined, line=0.7, look=look)
        bar = sheet.axes(x, y + high + 4.6, wide, 1.8)
        drawing.colour_bar(bar, one, upright=False, size=5.8, look=look)
    said = _how(shown, looks)
    if not said:
        return y + high + 18
    below = sheet.lines(LEFT, y + high + 14.4, said, WIDE, 6.4, 2.9, colour=QUIET, limit=_HOW_LINES)
    return below + 3.6


def _how(shown: Sequence[MapFinding], looks: Looks | None) -> str:
    """Say what cannot be seen of how the maps are drawn: once what holds of all of them."""
    each: dict[str, list[str]] = {}
    for one in shown:
        # That the scale is shared stands in the heading.
        said = [s for s in how_drawn(one, _look(looks, one)) if not s.startswith("The scale is")]
        each[title(one.map.name)] = [part for s in said for part in s.rstrip(".").split("; ")]
    common = [p for p in next(iter(each.values())) if all(p in parts for parts in each.values())]
    told = ["; ".join(common)] if common else []
    for name, parts in each.items():
        own = "; ".join(part for part in parts if part not in common)
        told += [f"{name}: {own[:1].lower()}{own[1:]}"] if own else []
    return " ".join(f"{part}." for part in told)


def _foot(sheet: Sheet, findings: Findings) -> None:
    """Write what made the page, and what it is not, at its lower end."""
    said: list[str] = []
    model = findings.model
    if model is not None:
        trained = f", trained on {', '.join(model.training_data)}" if model.training_data else ""
        said.append(f"Checkpoint {model.name} {model.version}{trained}; {model.device}, ")
        said[-1] += f"{model.precision}. SHA-256 {model.sha256}."
    methods = dict.fromkeys(one.map.provenance.method for one in findings.maps)
    made = f"Maps by {', '.join(methods)}. " if methods else ""
    if findings.window is not None:
        made += f"Window {findings.window.width:.4g}, level {findings.window.centre:.4g}. "
    if findings.covers:
        many = "area of the image is" if len(findings.covers) == 1 else "areas of the image are"
        made += f"{len(findings.covers)} {many} covered. "
    said.append(f"{made}Image {findings.image.key}. Full provenance is in this file's metadata.")
    said += findings.notes
    broken = [line for one in said for line in style.wrapped(one, WIDE, 6.2, lines=2)][:6]
    y = 283.5 - 3 * len(broken)
    sheet.rule(y - 3.4)
    for line in broken:
        sheet.text(LEFT, y, line, 6.2, colour=QUIET)
        y += 3
    sheet.text(LEFT, y + 2.2, NOT_A_DEVICE, 8, weight="semibold", colour=WARNING)
