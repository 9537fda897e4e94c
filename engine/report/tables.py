"""The page's tables: how far maps agree with a mask, the masks' measures, and measurements."""

from __future__ import annotations

from engine.report import numbers, style
from engine.report.findings import Findings, MapFinding, mask_rows
from engine.report.sheet import LEFT, WIDE, Sheet
from engine.report.style import QUIET
from engine.saliency.derived import title

MAX_MAPS, MAX_MASKS, MAX_MEASUREMENTS = 8, 5, 6
"""Rows there is room for; what is left out is said."""


def agreement(sheet: Sheet, findings: Findings, y: float) -> float:
    """Write the coherence table; return where it ends."""
    if not findings.maps:
        return y
    compared = findings.compared
    name = f"with “{compared.label}”" if compared is not None else ""
    y = sheet.heading(y, "Agreement of the maps", beside=name)
    if all(one.scores is None for one in findings.maps):
        return (
            sheet.lines(
                LEFT,
                y + 1,
                "No mask is drawn on this frame, so there is nothing to compare the maps with.",
                WIDE,
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
    return sheet.lines(LEFT, y, said, WIDE, 6.6, 3.2, colour=QUIET, limit=3) + 4


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


def masks(sheet: Sheet, findings: Findings, y: float) -> float:
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
        sheet.text(LEFT, y, f"{len(found) - MAX_MASKS} more masks are left out.", 6.6, colour=QUIET)
        y += 3.4
    return y + 3


def measurements(sheet: Sheet, findings: Findings, y: float) -> float:
    """Write what the reader measured, two in a line."""
    if not findings.measurements:
        return y
    y = sheet.heading(y, "Measurements") + 0.6
    shown = findings.measurements[:MAX_MEASUREMENTS]
    for number, (what, value) in enumerate(shown):
        x = LEFT + (number % 2) * (WIDE / 2)
        sheet.text(x, y, style.elided(what, 40, 7.6), 7.6, colour=QUIET)
        sheet.text(x + 42, y, style.elided(value, 44, 7.6), 7.6)
        if number % 2 or number == len(shown) - 1:
            y += 4.3
    if len(findings.measurements) > MAX_MEASUREMENTS:
        left = len(findings.measurements) - MAX_MEASUREMENTS
        sheet.text(LEFT, y, f"{left} more are left out.", 6.6, colour=QUIET)
    return y
