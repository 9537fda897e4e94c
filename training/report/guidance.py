"""What lesion masks in training change: guided beside unguided, and how few masks suffice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing
from numpy.typing import NDArray
from scipy.special import softmax

from engine.evaluation.classification import Difference, area_difference, mean_difference
from training.figures import style
from training.recipes import agree
from training.report.results import OUTPUTS, Results, Row
from training.report.table import Figure, Table
from training.report.tables import Lines, output_name, performance_of

CURVE = "figure-7-masks"

IGNORED = ("guidance", "masks", "precision", "global_weights", "local_weights")
"""Settings that do not set two runs apart beyond what is compared; of weights, their file names."""

BY_MASKS = ("erase",)
"""What else masks are used for; without any, nothing is erased."""


def pairs(results: Sequence[Results]) -> list[tuple[Results, Results]]:
    """Return (unguided, guided by all masks) runs of the same images and folds."""
    plain = [r for r in results if r.fusion == "gate" and not r.guidance]
    guided = [r for r in results if r.fusion == "gate" and r.guidance and r.masks is None]
    return [(a, b) for a in plain for b in guided if _same_images(a, b)]


def _same_images(a: Results, b: Results) -> bool:
    return (
        (a.dataset, a.classes, a.groups) == (b.dataset, b.classes, b.groups)
        and np.array_equal(a.target, b.target)
        and np.array_equal(a.folds, b.folds)
    )


def differing(a: Results, b: Results) -> list[str]:
    """Return which other settings set two runs apart, by their names in config.json."""
    found = [
        f"{branch}_weights"
        for branch in ("global", "local")
        if bool(a.config.get(f"{branch}_weights")) != bool(b.config.get(f"{branch}_weights"))
    ]
    for key in sorted({*a.config, *b.config} - set(IGNORED)):
        one, other = a.config.get(key), b.config.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            keys = sorted({*one, *other})
            found += [f"{key}.{k}" for k in keys if not agree(one, other, k)]
        elif (one or None) != (other or None):  # what older runs do not say is 0
            found.append(key)
    return found


def comparison(results: Sequence[Results]) -> Table | None:
    """Return each figure without and with guidance, and the difference paired by image."""
    found = pairs(results)
    if not found:
        return None
    lines = Lines()
    notes = []
    for plain, guided in found:
        name = f"{plain.name} → {guided.name}"
        other = differing(plain, guided)
        if other:
            notes.append(f"{name} also differ in {', '.join(other)}.")
        for output in OUTPUTS:
            said = output_name(guided, output)
            for figure, difference in _predictive(plain, guided, output).items():
                before = performance_of(plain, output, pooled=True)[figure]
                after = performance_of(guided, output, pooled=True)[figure]
                title = {"auc": "AUC", "accuracy": "accuracy"}[figure]
                lines.add(name, f"{title}, {said}", before, after, _figure(difference))
        for part, figure, title in (
            ("coherence", "rma", "RMA"),
            ("coherence", "rra", "RRA"),
            ("deletion", "ds", "DS"),
        ):
            for map_name in dict.fromkeys(row["map"] for row in plain.over_all(part)):
                joined = _paired(plain, guided, part, map_name, figure)
                if joined is None or "random" in map_name:
                    continue
                first, second, groups = joined
                lines.add(
                    name,
                    f"{title}, {map_name}",
                    Figure(float(first.mean())),
                    Figure(float(second.mean())),
                    _figure(mean_difference(first, second, groups)),
                )
    return lines.table(
        "table-7-guidance",
        "Guided by lesion masks against unguided, out of fold",
        "Over all images that both runs have the figure of. Difference: guided less unguided, "
        "paired by image, with its 95 % bootstrap interval (patients or groups of near-identical "
        "images are drawn). Bold: the interval leaves out zero." + "".join(f" {n}" for n in notes),
        ("Runs", "Figure", "Unguided", "Guided", "Difference"),
    )


def _figure(found: Difference | None) -> Figure:
    if found is None:
        return Figure(None)
    return Figure(found.value, None, found.low, found.high, found.low > 0 or found.high < 0)


def _predictive(plain: Results, guided: Results, output: str) -> dict[str, Difference | None]:
    found: dict[str, Difference | None] = {}
    a, b = plain.logits[output], guided.logits[output]
    if len(plain.classes) == 2:
        positive = plain.target == 1
        scores = [softmax(logits, axis=1)[:, 1] for logits in (a, b)]
        found["auc"] = area_difference(positive, scores[0], scores[1], plain.groups)
    right = [(logits.argmax(1) == plain.target).astype(np.float64) for logits in (a, b)]
    found["accuracy"] = mean_difference(right[0], right[1], plain.groups)
    return found


def _paired(
    plain: Results, guided: Results, part: str, name: str, column: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]] | None:
    """Return the values of images that both runs have, and their groups."""

    def of(run: Results) -> dict[str, Row]:
        rows = run.coherence if part == "coherence" else run.deletion
        return {row["index"]: row for row in rows if row["map"] == name and row[column]}

    first, second = of(plain), of(guided)
    both = [index for index in first if index in second]
    if not both:
        return None
    return (
        np.array([float(first[i][column]) for i in both]),
        np.array([float(second[i][column]) for i in both]),
        [first[i]["group"] for i in both],
    )


def curve_runs(results: Sequence[Results]) -> list[list[Results]]:
    """Return runs that differ in how many masks guided them, fewest first, one list a data set.

    Only where a run used some masks and not all of them.
    """
    found: list[list[Results]] = []
    for few in (r for r in results if r.masks):
        if any(few in group for group in found):
            continue
        alike = [
            r
            for r in results
            if r.fusion == "gate"
            and (r.dataset, r.classes) == (few.dataset, few.classes)
            and _same_images(r, few)
            and not set(differing(r, few)) - set(() if r.masks != 0 else BY_MASKS)
        ]
        found.append(sorted(alike, key=_count))
    return found


def _count(run: Results) -> int:
    return len(run.target) if run.masks is None else run.masks


def masks_said(run: Results) -> str:
    """Return how many masks guided a run, in a word."""
    return "all" if run.masks is None else "none" if run.masks == 0 else str(run.masks)


def few_masks(results: Sequence[Results]) -> Table | None:
    """Return coherence and AUC by the number of masks that guided the training."""
    groups = curve_runs(results)
    if not groups:
        return None
    lines = Lines()
    for runs in groups:
        for run in runs:
            maps = {row["map"]: row for row in run.over_all("coherence")}
            cells: list[Figure] = []
            for name in ("gate", "attention"):
                for figure in ("rma", "rra"):
                    cells.append(_with_interval(maps.get(name), figure))
            auc = performance_of(run, "fusion", pooled=True)["auc"]
            accuracy = performance_of(run, "fusion", pooled=True)["accuracy"]
            lines.add(run.dataset, masks_said(run), run.name, auc, accuracy, *cells)
    return lines.table(
        "table-7-masks",
        "How few masks suffice, out of fold",
        "Runs alike but for the number of lesion masks that guided the gate; none: unguided. AUC "
        "and accuracy of the fused output over all images. Brackets: 95 % bootstrap intervals.",
        (
            *("Data", "Masks", "Run", "AUC", "Accuracy"),
            *("RMA, gate", "RRA, gate", "RMA, attention", "RRA, attention"),
        ),
    )


def _with_interval(row: dict[str, Any] | None, figure: str) -> Figure:
    if row is None:
        return Figure(None)
    return Figure(row[figure], None, row[f"{figure}_low"], row[f"{figure}_high"])


def curve(results: Sequence[Results]) -> Drawing | None:
    """Draw coherence of the gate's map and the fused output's AUC against masks used."""
    groups = curve_runs(results)
    if not groups:
        return None
    figure, axes = style.panels(len(groups), 2, (4.2, 3.0))
    for row, runs in zip(axes, groups, strict=True):
        counts = [_count(run) for run in runs]
        spots = np.arange(len(runs))
        labels = [masks_said(run) if run.masks is not None else "all" for run in runs]
        coherent, predictive = row
        for name, colour in (("rma", style.COLOURS["gate"]), ("rra", style.COLOURS["attention"])):
            cells = [
                _with_interval(
                    next((r for r in run.over_all("coherence") if r["map"] == "gate"), None), name
                )
                for run in runs
            ]
            _draw(coherent, spots, cells, colour, f"{name.upper()} of the gate")
        rival = next((r for run in runs for r in run.over_all("coherence")), None)
        if rival is not None:
            dashes: dict[str, Any] = {"color": style.QUIET, "lw": 0.9}
            coherent.axhline(rival["centre_rma"], ls=(0, (3, 3)), **dashes)
            coherent.axhline(rival["centre_rra"], ls=(0, (1, 2)), **dashes)
            coherent.text(
                1.0,
                rival["centre_rra"],
                "centred Gaussian",
                size=7.5,
                color=style.QUIET,
                ha="right",
                va="bottom",
                transform=coherent.get_yaxis_transform(),
            )
        cells = [performance_of(run, "fusion", pooled=True)["auc"] for run in runs]
        _draw(predictive, spots, cells, style.COLOURS["fusion"], "AUC of the fused output")
        for axis, title in ((coherent, "Coherence"), (predictive, "AUC")):
            axis.set(xticks=spots, xticklabels=labels, xlabel="Masks used in training")
            axis.set_title(f"{title}, {runs[0].dataset}")
            axis.margins(x=0.08)
        coherent.set_ylim(0, 1)
        coherent.legend(loc="upper left")
        assert counts == sorted(counts)
    return figure


def _draw(axis: Any, spots: NDArray[np.int64], cells: list[Figure], colour: str, name: str) -> None:
    known = [(x, c) for x, c in zip(spots, cells, strict=True) if c.value is not None]
    if not known:
        return
    x = [at for at, _ in known]
    y = [c.value for _, c in known]
    low = [c.value - (c.low if c.low is not None else c.value) for _, c in known]  # type: ignore[operator]
    high = [(c.high if c.high is not None else c.value) - c.value for _, c in known]  # type: ignore[operator]
    axis.errorbar(
        x, y, [low, high], color=colour, lw=1.6, marker="o", ms=4, capsize=2.5, label=name
    )
