"""The paper's tables 4, 5 and 6 of several runs, the paper's own figures beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from engine.evaluation.classification import FIGURES, calibrated, intervals, measure
from training.evaluate.summary import CENTRE, CHANCE
from training.report import paper
from training.report.results import OUTPUTS, Results
from training.report.table import Cell, Figure, Table

TITLES = {"accuracy": "Accuracy", "f1": "F1", "auc": "AUC", "ece": "ECE"}

REFERENCES = {
    CENTRE: "centred Gaussian",
    CHANCE: "chance",
    "random": "random map",
    "random-global": "random order (global)",
    "random-local": "random order (local)",
    "random-fusion": "random order (fusion)",
}


class Lines:
    """Collects rows, run by run, with a rule above each run and the first cell said once."""

    def __init__(self) -> None:
        """Begin without rows."""
        self.rows: list[tuple[Cell, ...]] = []
        self.rules: set[int] = set()
        self.quiet: set[int] = set()
        self._said = ""

    def add(self, run: str, *cells: Cell, quiet: bool = False) -> None:
        """Add a row; quiet: one that is there to be compared with."""
        if run != self._said:
            self.rules.add(len(self.rows))
        if quiet:
            self.quiet.add(len(self.rows))
        self.rows.append((run if run != self._said else "", *cells))
        self._said = run

    def table(self, name: str, title: str, caption: str, columns: Iterable[str]) -> Table:
        """Close the table."""
        return Table(
            name,
            title,
            caption,
            tuple(columns),
            tuple(self.rows),
            frozenset(self.rules - {0}),
            frozenset(self.quiet),
        )


def _paper_stands_beside(results: Sequence[Results]) -> bool:
    return any(paper.comparable(r.config["dataset"], r.classes) for r in results)


def output_name(results: Results, output: str) -> str:
    """Return what an output is called in tables: the fusion by its kind."""
    return results.fusion if output == "fusion" else output


def glance(results: Sequence[Results]) -> Table:
    """The fused output and the fused map of every run, the paper's beside them."""
    beside = _paper_stands_beside(results)
    lines: list[tuple[Cell, ...]] = []
    measured = [performance_of(run, "fusion") for run in results]

    def add(title: str, cells: Sequence[Cell], known: str = "") -> None:
        paper_s = (Figure(paper.BUSI_GATE.get(known)),) if beside else ()
        lines.append((title, *paper_s, *cells))

    add("AUC", [found["auc"] for found in measured], "auc")
    add("Accuracy", [found["accuracy"] for found in measured], "accuracy")
    add("ECE, calibrated", [found["calibrated"] for found in measured])
    for figure in ("rma", "rra"):
        of_map = [_of(run, "coherence", run.fusion) for run in results]
        if any(of_map):
            scores = [
                _score(row, figure, f"centre_{figure}", False) if row else Figure(None)
                for row in of_map
            ]
            add(figure.upper(), scores, figure)
            gaussian = [Figure(row[f"centre_{figure}"] if row else None) for row in of_map]
            add(f"{figure.upper()} of a centred Gaussian", gaussian)
    of_map = [_of(run, "deletion", run.fusion) for run in results]
    if any(of_map):
        for figure, title in (("ds", "DS"), ("dsc", "DSc")):
            add(title, [Figure(row[figure] if row else None) for row in of_map], figure)
    return Table(
        "table-0-glance",
        "At a glance: the fused output and its map, out of fold",
        "AUC and accuracy: mean ± standard deviation over folds. RMA, RRA, DS, DSc: of the native "
        "map of the fusion, averaged over images. Brackets: 95 % bootstrap intervals. Bold: the "
        "interval lies above the centred Gaussian.",
        ("", *((paper.NAME,) if beside else ()), *(f"{r.name}, {r.fusion}" for r in results)),
        tuple(lines),
    )


def _of(run: Results, part: str, name: str) -> dict[str, Any] | None:
    return next((row for row in run.over_all(part) if row["map"] == name), None)


def performance(results: Sequence[Results]) -> Table:
    """Table 4: every output's figures, weighted by support as in the paper."""
    lines = Lines()
    for run in results:
        for output in OUTPUTS:
            lines.add(run.name, output_name(run, output), *performance_of(run, output).values())
    if _paper_stands_beside(results):
        known = paper.BUSI_GATE
        cells = [Figure(known.get(figure)) for figure in FIGURES]
        lines.add(paper.NAME, "gate", *cells, Figure(None), Figure(None), quiet=True)
    return lines.table(
        "table-4-performance",
        "Table 4. Predictive performance, out of fold",
        "Mean ± standard deviation over folds; in brackets the 95 % bootstrap interval over all "
        "images (patients or groups of near-identical images are drawn). Sensitivity, specificity, "
        "F1 and AUC are the classes' own, weighted by support as in the paper, so that "
        "sensitivity equals accuracy. ECE over all images: as trained, and after a temperature "
        "fitted on the other folds.",
        (
            "Run",
            "Output",
            *(TITLES.get(figure, figure.capitalize()) for figure in FIGURES),
            "ECE",
            "ECE, calibrated",
        ),
    )


@lru_cache(maxsize=256)
def performance_of(run: Results, output: str, *, pooled: bool = False) -> dict[str, Figure]:
    """Return ``FIGURES``, "ece" and "calibrated" of an output, weighted by support.

    Means over folds with their deviation, or ``pooled``, of all images at once; the interval is of
    all images either way.
    """
    logits = run.logits[output]
    folds = [
        measure(logits[run.folds == k], run.target[run.folds == k], run.classes)["weighted"]
        for k in sorted(set(run.folds.tolist()))
    ]
    sure = intervals(logits, run.target, run.groups, run.classes)
    if pooled:
        folds = [measure(logits, run.target, run.classes)["weighted"]]
    found = {}
    for figure in FIGURES:
        values = [fold[figure] for fold in folds if fold[figure] is not None]
        interval = sure["accuracy" if figure == "accuracy" else f"weighted/{figure}"]
        found[figure] = Figure(
            float(np.mean(values)) if values else None,
            float(np.std(values, ddof=1)) if len(values) > 1 else None,
            *(interval or (None, None)),
        )
    ece = calibrated(logits, run.target, run.folds.tolist())
    found["ece"], found["calibrated"] = Figure(ece["ece_before"]), Figure(ece["ece_after"])
    return found


def performance_by_class(results: Sequence[Results]) -> Table:
    """Table 4 with each class taken as the positive one, over all images."""
    lines = Lines()
    for run in results:
        for output in OUTPUTS:
            figures = measure(run.logits[output], run.target, run.classes)["per_class"]
            sure = intervals(run.logits[output], run.target, run.groups, run.classes)
            for label in run.classes:
                cells = [
                    Figure(
                        figures[label][figure], None, *(sure[f"{label}/{figure}"] or (None, None))
                    )
                    for figure in FIGURES[1:]
                ]
                lines.add(
                    run.name,
                    output_name(run, output),
                    label,
                    int(figures[label]["support"]),
                    *cells,
                )
    return lines.table(
        "table-4-by-class",
        "Table 4 by class",
        "Each class against the rest, over all images out of fold, with 95 % bootstrap intervals.",
        ("Run", "Output", "Class", "Images", *(TITLES.get(f, f.capitalize()) for f in FIGURES[1:])),
    )


def coherence(results: Sequence[Results]) -> Table:
    """Table 5: RMA and RRA of every map, beside what has to be beaten."""
    lines = Lines()
    for run in results:
        for row in _references_last(run.over_all("coherence")):
            reference = row["map"] in REFERENCES
            lines.add(
                run.name,
                REFERENCES.get(row["map"], row["map"]),
                int(row["images"]),
                _score(row, "rma", "centre_rma", reference),
                _score(row, "rra", "centre_rra", reference),
                Figure(row["chance"]),
                Figure(_lift(row), digits=2),
                Figure(row["centre_rma"]),
                Figure(row["centre_rra"]),
                quiet=reference,
            )
    if _paper_stands_beside(results):
        known = (Figure(paper.BUSI_GATE["rma"]), Figure(paper.BUSI_GATE["rra"]))
        rest = [Figure(None)] * 4
        lines.add(paper.NAME, "gate", "–", *known, *rest, quiet=True)
    return lines.table(
        "table-5-coherence",
        "Table 5. Coherence with the lesion mask, out of fold",
        "RMA: share of a map's relevance that lies in the mask. RRA: share of the K most relevant "
        "pixels that does, K being the mask's area. Mean ± standard deviation over folds, 95 % "
        "bootstrap interval. Chance is the mask's share of the image, for both; lift is RMA over "
        "chance; the centred Gaussian is scored on the same images. Bold: the interval lies above "
        "the centred Gaussian, without which a map explains nothing." + _shap_note(results),
        (
            *("Run", "Map", "Images", "RMA", "RRA", "Chance", "Lift"),
            *("Gaussian RMA", "Gaussian RRA"),
        ),
    )


def _references_last(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: row["map"] in REFERENCES)


def _score(row: dict[str, Any], figure: str, rival: str, reference: bool) -> Figure:
    low = row[f"{figure}_low"]
    strong = not reference and low is not None and low > row[rival]
    return Figure(row[figure], row[f"{figure}_deviation"], low, row[f"{figure}_high"], strong)


def _lift(row: dict[str, Any]) -> float | None:
    return row["rma"] / row["chance"] if row["rma"] is not None and row["chance"] else None


def _shap_note(results: Sequence[Results]) -> str:
    """Say how SHAP's rows were computed, where there are any."""
    notes = []
    for run in results:
        rows = [r for r in run.over_all("coherence") if r["map"].startswith("shap-")]
        whole = [r for r in run.over_all("coherence") if r["map"] == "global"]
        if rows and whole and run.summary is not None:
            samples = run.summary["settings"]["shap_samples"]
            counts = sorted({r["images"] for r in rows})
            part = (
                "every image"
                if counts == [whole[0]["images"]]
                else f"one fixed random subset of {' to '.join(map(str, counts))} images"
            )
            notes.append(f"{run.name}: {part}, {samples} samples a map")
    return f" SHAP rows: {'; '.join(notes)}." if notes else ""


def coherence_by_part(results: Sequence[Results]) -> Table | None:
    """Table 5 by class and by thirds of the lesions' sizes."""
    parts = list(
        dict.fromkeys(
            row["subset"]
            for run in results
            for row in run.part("coherence")
            if row["subset"] != "all"
        )
    )
    if not parts:
        return None
    lines = Lines()
    for run in results:
        found = {(row["map"], row["subset"]): row for row in run.part("coherence")}
        names = dict.fromkeys(row["map"] for row in _references_last(run.part("coherence")))
        for name in names:
            cells: list[Cell] = []
            for subset in parts:
                row = found.get((name, subset))
                text = "–"
                if row is not None and row["rma"] is not None:
                    text = f"{row['rma']:.3f} / {row['rra']:.3f}"
                cells.append(text)
            quiet = name in REFERENCES
            lines.add(run.name, REFERENCES.get(name, name), *cells, quiet=quiet)
    cuts = next(run.summary["lesion_size_cuts"] for run in results if run.summary is not None)
    return lines.table(
        "table-5-by-class-and-size",
        "Table 5 by class and lesion size",
        "RMA / RRA. Sizes are thirds of the lesions by their share of the image (cut at "
        f"{cuts[0]:.3f} and {cuts[1]:.3f}); a larger lesion is easier to hit, which the centred "
        "Gaussian and chance in the same column show.",
        ("Run", "Map", *(part.removeprefix("class: ") for part in parts)),
    )


def deletion(results: Sequence[Results]) -> Table:
    """Table 6: DS and DSc of every map, beside random order."""
    classes = list(dict.fromkeys(c for run in results for c in run.classes))
    lines = Lines()
    for run in results:
        rows = run.over_all("deletion")
        rivals = {row["output"]: row for row in rows if row["map"].startswith("random-")}
        for row in _references_last(rows):
            reference = row["map"] in REFERENCES
            beaten = (rivals.get(row["output"]) or {}).get("ds_high") or 0.0
            low = row["ds_low"]
            strong = not reference and low is not None and low > max(0.0, beaten)
            lines.add(
                run.name,
                REFERENCES.get(row["map"], row["map"]),
                int(row["images"]),
                Figure(row["ds"], row["ds_deviation"], row["ds_low"], row["ds_high"], bool(strong)),
                *(Figure(row.get(f"ds {c}")) for c in classes),
                Figure(row["delta"]),
                Figure(row["dsc"]),
                Figure(row["ds_uncalibrated"]),
                Figure(row["dsc_uncalibrated"]),
                quiet=reference,
            )
    if _paper_stands_beside(results):
        blank = [Figure(None)] * len(classes)
        ds, dsc = Figure(paper.BUSI_GATE["ds"]), Figure(paper.BUSI_GATE["dsc"])
        rest = (Figure(None), Figure(None))
        lines.add(paper.NAME, "gate", "–", ds, *blank, Figure(None), dsc, *rest, quiet=True)
    return lines.table(
        "table-6-deletion",
        "Table 6. Incremental deletion, out of fold",
        "DS: mean over the steps of LeRF − MoRF, the probability of the explained class (the one "
        "that the map's own output predicts) while pixels are replaced by the blurred image, 10 % "
        "at a time. Mean ± standard deviation over folds, 95 % bootstrap interval. "
        "DSc = DS − αδ with δ half the range of DS over the true classes"
        + _deletion_note(results)
        + ". Uncalibrated: by probabilities before the temperature. Bold: the interval lies above "
        "zero and above random order's.",
        (
            *("Run", "Map", "Images", "DS"),
            *(f"DS {c}" for c in classes),
            *("δ", "DSc", "DS, uncalibrated", "DSc, uncalibrated"),
        ),
    )


def _deletion_note(results: Sequence[Results]) -> str:
    settings = [run.summary["settings"] for run in results if run.summary is not None]
    found = {(entry["alpha"], entry["blur_sigma"]) for entry in settings}
    return "".join(
        f", α = {alpha:g}; blur of σ = {sigma * 224:.3g} px at 224 px"
        for alpha, sigma in sorted(found)
    )


def build(results: Sequence[Results]) -> list[Table]:
    """Return the paper's tables for which there are data."""
    tables = [glance(results), performance(results), performance_by_class(results)]
    if any(run.over_all("coherence") for run in results):
        tables.append(coherence(results))
        by_part = coherence_by_part(results)
        if by_part is not None:
            tables.append(by_part)
    if any(run.over_all("deletion") for run in results):
        tables.append(deletion(results))
    return tables
