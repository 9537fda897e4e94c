"""All figures of a report, from what its runs hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.special import softmax

from engine.evaluation.classification import cross_fitted
from training.evaluate.deletion import PERCENT
from training.figures import calibration, deletion, roc, strip, style, violins
from training.report import guidance
from training.report.results import OUTPUTS, Results, Row
from training.report.tables import output_name


@dataclass(frozen=True)
class Picture:
    """name: of its file. caption: what is seen, and how it was computed."""

    name: str
    title: str
    caption: str
    figure: Figure


def build(results: Sequence[Results]) -> list[Picture]:
    """Return the figures for which there are data."""
    found = [_roc(results), _calibration(results)]
    scored = [r for r in results if any(row["rma"] for row in r.coherence)]
    for figure, meaning in (
        ("rma", "the share of a map's relevance that lies in the lesion"),
        ("rra", "the share of the K most relevant pixels that lies in the lesion"),
    ):
        if scored:
            found.append(_coherence(scored, figure, meaning))
    deleted = [r for r in results if r.deletion]
    if deleted:
        found += [_curves(deleted), _deletion(deleted)]
    found += [_strip(run) for run in results if run.strip is not None]
    masks = guidance.curve(results)
    if masks is not None:
        found.append(
            Picture(
                guidance.CURVE,
                "Coherence and AUC by the number of masks",
                "Runs alike but for the number of lesion masks that guided the gate, out of fold, "
                "with 95 % bootstrap intervals. Dashed: the centred Gaussian's RMA; dotted: its "
                "RRA.",
                masks,
            )
        )
    return found


def _positive(run: Results, output: str) -> dict[str, roc.Scores]:
    """Return the curves of an output: the last class of two, each of more."""
    probabilities = softmax(run.logits[output], axis=1)
    indices = [len(run.classes) - 1] if len(run.classes) == 2 else range(len(run.classes))
    return {run.classes[i]: (run.target == i, probabilities[:, i], run.folds) for i in indices}


def _roc(results: Sequence[Results]) -> Picture:
    two = all(len(run.classes) == 2 for run in results)
    if two:
        panels = {
            run.name: {output_name(run, o): next(iter(_positive(run, o).values())) for o in OUTPUTS}
            for run in results
        }
        colours = [style.COLOURS[o] for o in OUTPUTS]
        if len(results) > 1:
            panels["Fused output, all runs"] = {
                run.name: next(iter(_positive(run, "fusion").values())) for run in results
            }
    else:
        panels = {run.name: _positive(run, "fusion") for run in results}
        colours = list(style.SERIES)
    several = two and len(results) > 1
    figure = roc.draw(panels, colours, style.SERIES if several else None)
    return Picture(
        "figure-4-roc",
        "Figure 4. ROC curves, out of fold",
        "Mean over folds at equal specificity, with a band of one standard deviation. "
        + ("The last class is the positive one." if two else "Each class against the rest."),
        figure,
    )


def _calibration(results: Sequence[Results]) -> Picture:
    panels = {}
    for run in results:
        logits = run.logits["fusion"]
        scaled = cross_fitted(logits, run.target, run.folds.tolist())
        panels[run.name] = {
            "as trained": (softmax(logits, axis=1), run.target),
            "calibrated": (softmax(scaled, axis=1), run.target),
        }
    return Picture(
        "figure-calibration",
        "Calibration of the fused output",
        "Accuracy in ten bins of confidence; a point's area says how many predictions it stands "
        "for, the silhouette below how confident they are. Calibrated: each fold by a temperature "
        "fitted on the others.",
        calibration.draw(panels),
    )


def _by_map(rows: Sequence[Row], column: str) -> dict[str, NDArray[np.float64]]:
    found: dict[str, list[float]] = {}
    for row in rows:
        if row[column]:
            found.setdefault(row["map"], []).append(float(row[column]))
    ordered = sorted(found, key=lambda name: ("random" in name, name.startswith("shap-")))
    return {name: np.array(found[name]) for name in ordered}


def _coherence(results: Sequence[Results], figure: str, meaning: str) -> Picture:
    panels, lines = {}, {}
    for run in results:
        panels[run.name] = _by_map(run.coherence, figure)
        row = next(row for row in run.over_all("coherence") if row["map"] == "chance")
        lines[run.name] = {"centred Gaussian": row[f"centre_{figure}"], "chance": row["chance"]}
    name = figure.upper()
    return Picture(
        f"figure-{figure}",
        f"{name} by map",
        f"Each image's {name}, {meaning}. Bar: quartiles; stroke: median; dot: mean. Lines: what a "
        "centred Gaussian and chance score on average.",
        violins.draw(panels, name, lines, (-0.02, 1.02)),
    )


def _stacked(rows: Sequence[Row], order: str) -> NDArray[np.float64]:
    return np.array([[float(row[f"{order}_{p}"]) for p in PERCENT] for row in rows])


def _curves(results: Sequence[Results]) -> Picture:
    panels: dict[str, dict[str, deletion.Orders]] = {}
    for run in results:
        panels[run.name] = {}
        random: dict[tuple[str, str], Row] = {
            (row["index"], row["output"]): row
            for row in run.deletion
            if row["map"].startswith("random-")
        }
        for name in _by_map(run.deletion, "ds"):
            rows = [row for row in run.deletion if row["map"] == name]
            if name.startswith("random-"):
                continue
            beside = [
                random[row["index"], row["output"]]
                for row in rows
                if (row["index"], row["output"]) in random
            ]
            # A random order read backwards is another random order.
            baseline = (_stacked(beside, "morf") + _stacked(beside, "lerf")) / 2 if beside else None
            panels[run.name][name] = deletion.Orders(
                _stacked(rows, "morf"), _stacked(rows, "lerf"), baseline
            )
    return Picture(
        "figure-5-deletion",
        "Figure 5. Deletion curves, out of fold",
        "Mean probability of the explained class while pixels are replaced by the blurred image, "
        "with its standard error over images; the gap between the two orders is DS, beside each "
        "title. Dotted: pixels in random order, on the same images.",
        deletion.draw(panels),
    )


def _deletion(results: Sequence[Results]) -> Picture:
    panels = {run.name: _by_map(run.deletion, "ds") for run in results}
    zero = {run.name: {"no difference": 0.0} for run in results}
    return Picture(
        "figure-ds",
        "DS by map",
        "Each image's DS. Bar: quartiles; stroke: median; dot: mean.",
        violins.draw(panels, "DS", zero),
    )


def _strip(run: Results) -> Picture:
    with np.load(run.strip, allow_pickle=False) as file:  # type: ignore[arg-type]
        arrays: dict[str, NDArray[Any]] = {name: file[name] for name in file.files}
    said = f"{run.name}: {arrays['label']}, by the map {arrays['map']}"
    return Picture(
        f"figure-6-strip-{_slug(run.name)}",
        f"Figure 6. Progressive blurring, {run.name}",
        "Percentage of pixels replaced above, probability of the explained class below. The "
        "example is the rightly predicted image with the median DS.",
        strip.draw(arrays, said),
    )


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name.lower()).strip("-")
