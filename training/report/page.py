"""The report as one HTML page that needs no other file and no network."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from typing import Any

from training.report import formats, paper
from training.report.pictures import Picture
from training.report.results import Results
from training.report.table import Table

STYLE = """
:root { --ink: #1c2530; --quiet: #5d6875; --rule: #d9dee5; --paper: #fff; --wash: #f5f7f9;
        --accent: #7a3fa0; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--wash); color: var(--ink);
       font: 15px/1.55 Inter, system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 40px 32px 80px; }
header p, .note { color: var(--quiet); max-width: 78ch; }
h1 { font-size: 28px; line-height: 1.2; letter-spacing: -.015em; margin: 0 0 8px; }
h2 { font-size: 19px; letter-spacing: -.01em; margin: 0 0 14px; }
section { background: var(--paper); border: 1px solid var(--rule); border-radius: 10px;
          padding: 24px 26px; margin: 22px 0; }
nav { display: flex; flex-wrap: wrap; gap: 6px 18px; margin: 18px 0 0; font-size: 13.5px; }
a { color: var(--accent); text-decoration: none; } a:hover { text-decoration: underline; }
figure { margin: 0; } figcaption { color: var(--quiet); font-size: 13px; margin-top: 12px;
         max-width: 100ch; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 500; color: var(--quiet); vertical-align: bottom;
     border-bottom: 1.5px solid var(--ink); }
th, td { padding: 6px 18px 6px 0; white-space: nowrap; vertical-align: top; }
th.n, td.n { text-align: right; } th.n { white-space: normal; }
td small { display: block; color: var(--quiet); font-size: 11.5px; line-height: 1.35; }
tr.rule td { border-top: 1px solid var(--rule); padding-top: 10px; }
tr.quiet td { color: var(--quiet); }
tbody td:first-child { font-weight: 600; color: var(--ink); }
tbody tr:last-child td { border-bottom: 1px solid var(--rule); }
img { display: block; max-width: 100%; height: auto; }
.missing { border-left: 3px solid #c2871d; padding: 2px 0 2px 14px; }
.missing code { background: var(--wash); padding: 1px 5px; border-radius: 4px; font-size: 12.5px; }
footer { color: var(--quiet); font-size: 12.5px; }
@media print { body { background: none; } section { border: 0; padding: 0; break-inside: avoid; }
               nav { display: none; } }
"""


def build(
    title: str,
    results: Sequence[Results],
    tables: Sequence[Table],
    pictures: Sequence[Picture],
    images: Mapping[str, bytes],
    missing: Sequence[tuple[str, str]],
) -> str:
    """Return the page. images: each picture as PNG, by name; missing: what, and its command."""
    parts = [_runs(results)]
    if missing:
        parts.append(_missing(missing))
    links = [("runs", "Runs")]
    order: list[Table | Picture] = _interleaved(tables, pictures)
    for part in order:
        links.append((f"part-{part.name}", part.title.removesuffix(", out of fold").split(":")[0]))
        inner = (
            formats.to_html(part) if isinstance(part, Table) else _figure(part, images[part.name])
        )
        parts.append(
            f'<section id="part-{part.name}"><h2>{html.escape(part.title)}</h2>{inner}</section>'
        )
    nav = "".join(f'<a href="#{name}">{html.escape(text)}</a>' for name, text in links)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head><body><main>"
        f"<header><h1>{html.escape(title)}</h1>"
        "<p>Everything is out of fold: each image is predicted and explained by a model that has "
        "seen neither it nor any other image of its patient or group. Research use; not a medical "
        f"device.</p><nav>{nav}</nav></header>{''.join(parts)}"
        f"<footer><p>{html.escape(_paper_note())}</p></footer>"
        "</main></body></html>\n"
    )


def _paper_note() -> str:
    return (
        f"The paper: {paper.CITATION} Only those of its figures that are known to this program "
        "stand in the tables; a dash says nothing about what it found."
    )


def _interleaved(tables: Sequence[Table], pictures: Sequence[Picture]) -> list[Table | Picture]:
    """Return tables, each followed by the figures on the same matter."""
    matter: dict[str, tuple[str, ...]] = {
        "table-0": (),
        "table-4": ("figure-4", "figure-calibration"),
        "table-5": ("figure-rma", "figure-rra"),
        "table-6": ("figure-5", "figure-ds", "figure-6"),
        "table-7": ("figure-7",),
        "table-8": (),
        "table-9": (),
    }
    found: list[Table | Picture] = []
    for start, names in matter.items():
        found += [t for t in tables if t.name.startswith(start)]
        found += [p for p in pictures if names and p.name.startswith(names)]
    # A table of a kind that is not listed comes last, rather than not at all.
    return found + [t for t in tables if t not in found]


def _figure(picture: Picture, image: bytes) -> str:
    data = base64.b64encode(image).decode("ascii")
    width = round(picture.figure.get_size_inches()[0] * 96)
    return (
        f'<figure><img width="{width}" alt="{html.escape(picture.title)}" '
        f'src="data:image/png;base64,{data}">'
        f"<figcaption>{html.escape(picture.caption)}</figcaption></figure>"
    )


def _runs(results: Sequence[Results]) -> str:
    head = (
        *("Run", "Data", "Images (groups)", "Folds", "Global branch", "Fusion", "Guidance"),
        *("Starting weights", "Epochs", "Augmentation", "Seed"),
    )
    body = []
    for run in results:
        body.append(
            "<tr>"
            + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in (run.name, *_facts(run)))
            + "</tr>"
        )
    return (
        '<section id="runs"><h2>Runs</h2><div class="scroll"><table><thead><tr>'
        + "".join(f"<th>{h}</th>" for h in head)
        + f"</tr></thead><tbody>{''.join(body)}</tbody></table></div></section>"
    )


def _facts(run: Results) -> tuple[Any, ...]:
    config = run.config
    architecture, recipe = config["architecture"], config["recipe"]
    weights = [w for w in (config.get("global_weights"), config.get("local_weights")) if w]
    return (
        f"{config['dataset']}: {', '.join(run.classes)}",
        f"{len(run.target)} ({len(set(run.groups))})",
        len(set(run.folds.tolist())),
        architecture["global_backbone"],
        run.fusion,
        _guidance(run),
        ", ".join(weights) or "random",
        f"≤ {recipe['epochs']}",
        recipe["augmentation"] + (f", erasing {config['erase']:g}" if config.get("erase") else ""),
        config["seed"],
    )


def _guidance(run: Results) -> str:
    said = []
    if run.guidance:
        said.append(f"{run.guidance:g}" + ("" if run.masks is None else f", {run.masks} masks"))
    if run.config.get("presence"):
        said.append(f"presence {run.config['presence']:g}")
    if run.config.get("unlabelled"):
        said.append(f"{run.config['unlabelled']} more images without a lesion")
    return "; ".join(said) or "none"


def _missing(missing: Sequence[tuple[str, str]]) -> str:
    lines = "".join(
        f"<p>{html.escape(what)}: <code>{html.escape(command)}</code></p>"
        for what, command in missing
    )
    return f'<section class="missing" id="missing"><h2>Not run</h2>{lines}</section>'
