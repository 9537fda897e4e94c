"""A case on one page of A4: image, maps, answer, agreement, masks, and what made it all.

Every length is in millimetres from the page's upper left corner.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.masks.formats.files import replacing
from engine.report import drawing, numbers, picture, style
from engine.report.figure import how_drawn
from engine.report.findings import (
    NOT_A_DEVICE,
    Findings,
    MapFinding,
    mask_rows,
    provenance,
)
from engine.report.look import Look
from engine.report.style import ACCENT, INK, PANEL, QUIET, RULE, WARNING, WARNING_GROUND
from engine.saliency.derived import title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAGE = (210.0, 297.0)
_LEFT, _RIGHT = 15.0, 195.0
_WIDE = _RIGHT - _LEFT

MAX_MAPS, MAX_MASKS, MAX_MEASUREMENTS = 8, 5, 6
"""Rows there is room for; what is left out is said."""

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
    sheet = _Sheet()
    y = _head(sheet, findings, include_patient)
    low = _image(sheet, findings, y)
    y = max(low, _answers(sheet, findings, y)) + 8.5
    y = _maps(sheet, findings, y, looks)
    y = _agreement(sheet, findings, y)
    y = _masks(sheet, findings, y)
    _measurements(sheet, findings, y)
    _foot(sheet, findings)
    return sheet.figure


class _Sheet:
    """A page on which things are placed in millimetres."""

    def __init__(self) -> None:
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(PAGE[0] * style.MM, PAGE[1] * style.MM), facecolor="white")

    def text(
        self,
        x: float,
        y: float,
        what: str,
        size: float = 8,
        *,
        colour: str = INK,
        weight: str = "regular",
        align: str = "left",
    ) -> None:
        self.figure.text(
            x / PAGE[0],
            1 - y / PAGE[1],
            what,
            fontsize=size,
            color=colour,
            weight=weight,
            ha=align,
            va="baseline",
            parse_math=False,
        )

    def lines(
        self, x: float, y: float, what: str, width: float, size: float, step: float, **how: Any
    ) -> float:
        """Write a text in as many lines as it takes; return where the next would begin."""
        limit = how.pop("limit", 99)
        for line in style.wrapped(what, width, size, how.get("weight", "regular"), limit):
            self.text(x, y, line, size, **how)
            y += step
        return y

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        place = (x / PAGE[0], 1 - (y + height) / PAGE[1], width / PAGE[0], height / PAGE[1])
        return self.figure.add_axes(place)

    def box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        from matplotlib.patches import Rectangle

        place = (x / PAGE[0], 1 - (y + height) / PAGE[1])
        self.figure.add_artist(
            Rectangle(
                place,
                width / PAGE[0],
                height / PAGE[1],
                facecolor=colour,
                edgecolor="none",
                transform=self.figure.transFigure,
                zorder=-1,
            )
        )

    def rule(self, y: float, x0: float = _LEFT, x1: float = _RIGHT, colour: str = RULE) -> None:
        from matplotlib.lines import Line2D

        ends = [x0 / PAGE[0], x1 / PAGE[0]]
        level = [1 - y / PAGE[1]] * 2
        self.figure.add_artist(Line2D(ends, level, color=colour, lw=0.6))

    def heading(self, y: float, what: str, x: float = _LEFT, beside: str = "") -> float:
        self.text(x, y, what, 9, weight="semibold", colour=ACCENT)
        if beside:
            after = x + style.width_of(what, 9, "semibold") + 3
            self.text(after, y, style.elided(beside, _RIGHT - after, 7), 7, colour=QUIET)
        return y + 4.2

    def table(
        self,
        y: float,
        columns: Sequence[tuple[str, float]],
        rows: Sequence[Sequence[str]],
        faint: Sequence[bool] = (),
    ) -> float:
        """Write rows in columns of (heading, right edge in mm); the first begins at the left."""
        for number, (heading, edge) in enumerate(columns):
            left = number == 0
            self.text(
                _LEFT if left else edge,
                y,
                heading,
                6.8,
                colour=QUIET,
                align="left" if left else "right",
            )
        y += 1.5
        self.rule(y)
        y += 4
        for number, row in enumerate(rows):
            ink = QUIET if number < len(faint) and faint[number] else INK
            for column, cell in enumerate(row):
                if column == 0:
                    room = columns[0][1] - _LEFT
                    self.text(_LEFT, y, style.elided(cell, room, 7.6), 7.6, colour=ink)
                else:
                    self.text(columns[column][1], y, cell, 7.6, colour=ink, align="right")
            y += 4.3
        return y


def _head(sheet: _Sheet, findings: Findings, include_patient: bool) -> float:
    image, identity = findings.image, findings.image.identity
    sheet.text(_LEFT, 18, findings.case or "Case report", 15, weight="semibold")
    sheet.text(_RIGHT, 15, findings.program, 7.5, colour=QUIET, align="right")
    sheet.text(_RIGHT, 18.6, date.today().isoformat(), 7.5, colour=QUIET, align="right")
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
    sheet.text(_LEFT, y, style.elided(" · ".join(a for a in about if a), _WIDE, 8), 8, colour=QUIET)
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
            sheet.text(_LEFT, y, style.elided(" · ".join(said), _WIDE, 8), 8, weight="medium")
    y += 3
    sheet.rule(y, colour=ACCENT)
    return y + 5


def _image(sheet: _Sheet, findings: Findings, y: float) -> float:
    """Draw the image with the outlines; return where it ends."""
    wide, high = _fitted(findings, _PICTURE, 78)
    axes = sheet.axes(_LEFT, y, wide, high)
    drawing.frame(axes, findings, None, line=0.9)
    drawing.scale_bar(axes, findings.image, 6.5)
    drawing.orientation(axes, findings.image, findings.frame, 6.5)
    y += high + 3.6
    drawn = drawing.legend_of(findings.masks, findings.frame)
    x = _LEFT
    for mask, dashes in list(zip(drawn, drawing.dashes_of(drawn), strict=True))[:3]:
        name = style.elided(mask.label, 22, 7)
        at = (x / PAGE[0], 1 - (y - 0.9) / PAGE[1])
        drawing.sample(sheet.figure, at, 6.0 / PAGE[0], mask.colour, dashes)
        sheet.text(x + 7.4, y, name, 7)
        x += 10.3 + style.width_of(name, 7)
    if not drawn:
        sheet.text(_LEFT, y, "No mask on this frame.", 7, colour=QUIET)
    elif len(drawn) > 3:
        sheet.text(x, y, f"and {len(drawn) - 3} more", 7, colour=QUIET)
    return y


def _fitted(findings: Findings, wide: float, high: float) -> tuple[float, float]:
    rows, cols = findings.image.shape
    ratio = rows * findings.image.geometry.aspect / cols
    return (wide, wide * ratio) if wide * ratio <= high else (high / ratio, high)


def _answers(sheet: _Sheet, findings: Findings, y: float) -> float:
    """Write the prediction at the right of the image; return where it ends."""
    x = _LEFT + _PICTURE + 8
    width = _RIGHT - x
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
        sheet.text(_RIGHT, y, f"{value:.1%}", 7.6, align="right")
        y += 4.8
    sheet.text(x, y, f"Probability of “{style.elided(best, 40, 7)}” by output", 7, colour=QUIET)
    y += 5.2
    others = [b for b in ("global", "local") if _says(found, b) != found.predicted]
    if others:
        what = " and ".join(f"the {b} branch says {found.classes[_says(found, b)]}" for b in others)
        y = _warn(sheet, x, y, width, f"{what[:1].upper()}{what[1:]}.")
    if findings.unsuited:
        said = f"The model may not suit the image: {findings.unsuited}."
        y = _warn(sheet, x, y, width, said)
    near = findings.familiarity
    if near is None:
        said = "The checkpoint cannot say whether the image is like its training data."
        return sheet.lines(x, y, said, width, 7, 3.4, colour=QUIET)
    if near.familiar:
        said = f"Looks like the training data (distance {near.ratio:.2f} of the limit)."
        return sheet.lines(x, y, said, width, 7, 3.4, colour=QUIET)
    return _warn(
        sheet,
        x,
        y,
        width,
        f"Unlike the training data (distance {near.ratio:.2f} of the limit): the answer and its "
        "maps may mean nothing here.",
    )


def _says(found: Any, branch: str) -> int:
    shares = found.branches[branch]
    return max(range(len(shares)), key=shares.__getitem__)


def _warn(sheet: _Sheet, x: float, y: float, width: float, what: str) -> float:
    broken = style.wrapped(what, width - 7, 7.4, "medium")
    high = 3.7 * len(broken) + 2.6
    sheet.box(x, y - 3, width, high, WARNING_GROUND)
    sheet.box(x, y - 3, 1, high, WARNING)
    for number, line in enumerate(broken):
        sheet.text(x + 3.5, y + 0.9 + 3.7 * number, line, 7.4, colour=WARNING, weight="medium")
    return y + high + 2


def _maps(sheet: _Sheet, findings: Findings, y: float, looks: Looks | None) -> float:
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
    cell = (_WIDE - gap * (_STRIP - 1)) / _STRIP
    wide, high = _fitted(findings, cell, 44)
    for number, one in enumerate(shown):
        x = _LEFT + number * (cell + gap)
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
    below = sheet.lines(
        _LEFT, y + high + 14.4, said, _WIDE, 6.4, 2.9, colour=QUIET, limit=_HOW_LINES
    )
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


def _agreement(sheet: _Sheet, findings: Findings, y: float) -> float:
    """Write the coherence table; return where it ends."""
    if not findings.maps:
        return y
    compared = findings.compared
    name = f"with “{compared.label}”" if compared is not None else ""
    y = sheet.heading(y, "Agreement of the maps", beside=name)
    if all(one.scores is None for one in findings.maps):
        return (
            sheet.lines(
                _LEFT,
                y + 1,
                "No mask is drawn on this frame, so there is nothing to compare the maps with.",
                _WIDE,
                7.6,
                4,
                colour=QUIET,
            )
            + 3
        )
    columns = (
        ("Map", 50.0),
        ("RMA", 68.0),
        ("chance", 84.0),
        ("centred prior", 106.0),
        ("lift", 121.0),
        ("RRA", 137.0),
        ("centred prior", 159.0),
        ("outside anatomy", 195.0),
    )
    rows = [_scored(one) for one in findings.maps[:MAX_MAPS]]
    y = sheet.table(y + 1, columns, rows, [one.weak for one in findings.maps])
    said = (
        "RMA: share of the relevance inside the mask. RRA: share of the K strongest pixels inside "
        "a mask of K; chance is the same for both. Lift: RMA over chance."
    )
    weak = [title(one.map.name) for one in findings.maps if one.weak]
    if weak:
        which = f"{', '.join(weak[:-1])} and {weak[-1]} do" if weak[1:] else f"{weak[0]} does"
        said += f" {which} no better than a centred blob here."
    if any(one.map.sign == "signed" for one in findings.maps):
        signs = {
            one.scores.sign for one in findings.maps if one.scores and one.map.sign == "signed"
        }
        part = "absolute value" if "absolute" in signs else "positive part"
        said += f" Signed maps count by their {part}."
    if len(findings.maps) > MAX_MAPS:
        said += f" {len(findings.maps) - MAX_MAPS} more maps are in scores.csv."
    return sheet.lines(_LEFT, y, said, _WIDE, 6.6, 3.2, colour=QUIET, limit=3) + 4


def _scored(one: MapFinding) -> list[str]:
    s = one.scores
    outside = "–" if one.outside is None else f"{one.outside:.0%}"
    if s is None or s.rma is None or s.rra is None:
        return [title(one.map.name), *["–"] * 6, outside]
    return [
        title(one.map.name),
        f"{s.rma:.2f}",
        numbers.share(s.chance_rma),
        numbers.share(s.prior_rma),
        numbers.lift(s.lift),
        f"{s.rra:.2f}",
        numbers.share(s.prior_rra),
        outside,
    ]


def _masks(sheet: _Sheet, findings: Findings, y: float) -> float:
    """Write the masks' measures; return where they end."""
    found = [row for row in mask_rows(findings) if row["frames"]]
    if not found:
        return y
    y = sheet.heading(y, "Masks", beside=findings.place and f"on {findings.place}, and in all")
    columns = (
        ("Mask", 66.0),
        ("drawn by", 92.0),
        ("pixels", 107.0),
        ("mm²", 123.0),
        ("intensity, mean ± SD", 154.0),
        ("slices", 167.0),
        ("volume, ml", 195.0),
    )
    rows = [
        [
            row["label"],
            style.elided(row["author"] or "–", 24, 7.6),
            str(row["pixels"]),
            "–" if row["mm2"] is None else f"{row['mm2']:.4g}",
            "–" if row["mean"] is None else f"{row['mean']:.4g} ± {row['sd']:.3g}",
            str(row["frames"]),
            "–" if row["ml"] is None else f"{row['ml']:.3g}",
        ]
        for row in found[:MAX_MASKS]
    ]
    y = sheet.table(y + 1, columns, rows)
    if len(found) > MAX_MASKS:
        sheet.text(
            _LEFT, y, f"{len(found) - MAX_MASKS} more masks are left out.", 6.6, colour=QUIET
        )
        y += 3.4
    return y + 3


def _measurements(sheet: _Sheet, findings: Findings, y: float) -> float:
    """Write what the reader measured, two in a line."""
    if not findings.measurements:
        return y
    y = sheet.heading(y, "Measurements") + 0.6
    shown = findings.measurements[:MAX_MEASUREMENTS]
    for number, (what, value) in enumerate(shown):
        x = _LEFT + (number % 2) * (_WIDE / 2)
        sheet.text(x, y, style.elided(what, 40, 7.6), 7.6, colour=QUIET)
        sheet.text(x + 42, y, style.elided(value, 44, 7.6), 7.6)
        if number % 2 or number == len(shown) - 1:
            y += 4.3
    if len(findings.measurements) > MAX_MEASUREMENTS:
        left = len(findings.measurements) - MAX_MEASUREMENTS
        sheet.text(_LEFT, y, f"{left} more are left out.", 6.6, colour=QUIET)
    return y


def _foot(sheet: _Sheet, findings: Findings) -> None:
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
    broken = [line for one in said for line in style.wrapped(one, _WIDE, 6.2, lines=2)][:6]
    y = 283.5 - 3 * len(broken)
    sheet.rule(y - 3.4)
    for line in broken:
        sheet.text(_LEFT, y, line, 6.2, colour=QUIET)
        y += 3
    sheet.text(_LEFT, y + 2.2, NOT_A_DEVICE, 8, weight="semibold", colour=WARNING)
