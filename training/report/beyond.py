"""Tables of what goes beyond cross-validation: images of elsewhere, near-duplicates, likeness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from training.external.models import ENSEMBLE
from training.report.results import Results
from training.report.table import Cell, Figure, Table
from training.report.tables import Lines, output_name

Summary = Mapping[str, Any]


def external(results: Sequence[Results], others: Mapping[str, Summary]) -> list[Table]:
    """Return the tables of external tests: predictions, and maps where there are masks.

    others: summaries of fitted checkpoints, by name.
    """
    tested = [(run.name, summary, run) for run in results for summary in run.external]
    everything: list[tuple[str, Summary, Results | None]] = [*tested]
    everything += [(name, summary, None) for name, summary in others.items()]
    if not everything:
        return []
    predicted, mapped = Lines(), Lines()
    names = sorted({str(summary["dataset"]) for _, summary, _ in everything})
    for name, summary, run in everything:
        near = {row["model"]: row for row in summary["familiarity"]}
        for row in summary["performance"]:
            if row["output"] != "fusion" and row["model"] not in (ENSEMBLE, "model"):
                continue
            output = row["output"] if run is None else output_name(run, row["output"])
            figures = ("auc", "accuracy", "sensitivity", "specificity", "ece")
            unlike = near.get(row["model"]) if row["output"] == "fusion" else None
            predicted.add(
                name,
                str(summary["dataset"]),
                str(row["model"]),
                output,
                int(row["images"]),
                *(_sure(row, figure) for figure in figures),
                _sure(unlike, "unlike"),
                quiet=row["model"] not in (ENSEMBLE, "model"),
            )
        for row in summary["devices"]:
            if len({r["device"] for r in summary["devices"]}) > 1 and row["model"] in (
                ENSEMBLE,
                "model",
            ):
                predicted.add(
                    name,
                    f"{summary['dataset']}, {row['device']}",
                    str(row["model"]),
                    "fusion",
                    int(row["images"]),
                    *(
                        _sure(row, f)
                        for f in ("auc", "accuracy", "sensitivity", "specificity", "ece")
                    ),
                    Figure(None),
                )
        for row in summary["coherence"]:
            if row["model"] not in (ENSEMBLE, "model"):
                continue
            strong = {f: _beats(row, f) for f in ("rma", "rra")}
            mapped.add(
                name,
                str(summary["dataset"]),
                str(row["map"]),
                int(row["images"]),
                *(_sure(row, f, strong[f]) for f in ("rma", "rra")),
                *(Figure(row[f]) for f in ("chance", "centre_rma", "centre_rra")),
            )
    said = " and ".join(names)
    devices = {row["device"] for _, summary, _ in everything for row in summary["devices"]}
    one = f" All images are of one device, {next(iter(devices))}." if len(devices) == 1 else ""
    tables = [
        predicted.table(
            "table-8-external",
            f"On images of elsewhere: {said}",
            "Nothing of the models, their temperatures included, is fitted to these images. "
            "Ensemble: the mean of the folds' calibrated probabilities. Brackets: 95 % bootstrap "
            "intervals by patient. Sensitivity and specificity of the last class at probability "
            "0.5. Unlike: the share of images farther from the training images than 95 % of "
            "those held out there; a dash where the model does not describe its training images."
            + one,
            (
                *("Run", "Data", "Model", "Output", "Images", "AUC", "Accuracy"),
                *("Sensitivity", "Specificity", "ECE", "Unlike"),
            ),
        )
    ]
    if mapped.rows:
        tables.append(
            mapped.table(
                "table-8-external-coherence",
                f"Coherence on images of elsewhere: {said}",
                "Ensemble: the mean of the folds' maps, each summing to one. Bold: the interval "
                "lies above the centred Gaussian, scored on the same images.",
                (
                    *("Run", "Data", "Map", "Images", "RMA", "RRA", "Chance"),
                    *("Gaussian RMA", "Gaussian RRA"),
                ),
            )
        )
    return tables


def _sure(row: Summary | None, figure: str, strong: bool = False) -> Figure:
    if row is None:
        return Figure(None)
    return Figure(row[figure], None, row[f"{figure}_low"], row[f"{figure}_high"], strong)


def _beats(row: Summary, figure: str) -> bool:
    low = row[f"{figure}_low"]
    return low is not None and low > row[f"centre_{figure}"]


def duplicates(found: Summary) -> Table:
    """Return what splitting through groups of near-identical images would have changed.

    found: what ``training.leakage`` wrote.
    """
    lines: list[tuple[Cell, ...]] = []
    for line in found["results"]:
        cells: list[Cell] = []
        for figure in ("auc", "accuracy"):
            for split in ("grouped", "ungrouped", "difference"):
                value = line[split][figure]
                if split == "difference":
                    strong = value["low"] > 0 or value["high"] < 0
                    cells.append(Figure(value["mean"], None, value["low"], value["high"], strong))
                else:
                    cells.append(Figure(value["mean"], value["deviation"]))
        lines.append((line["classifier"], line["images_said"], *cells))
    crossing = found["groups_across_classes"]
    return Table(
        "table-9-duplicates",
        "Near-identical images: what leaving them in would have changed",
        f"{found['in_groups']} of {found['images']} images of {found['dataset']} are "
        f"near-identical to another, in {found['groups_of_several']} groups"
        + (f", {crossing} of them across classes" if crossing else "")
        + ". Everything else in this report keeps a group in one fold. Here frozen features "
        f"({found['backbone']}, ImageNet) are classified with the groups kept together and with "
        f"images split at random, {found['folds']} folds, {found['repeats']} random splits each: "
        "mean ± standard deviation over splits. Difference: ungrouped less grouped, with the "
        "central 95 % over pairs of splits. Bold: it leaves out zero. A frozen network can "
        "gain less by recognising images than one that is trained to.",
        (
            *("Classifier", "Tested on", "AUC, grouped", "AUC, ungrouped", "Difference"),
            *("Accuracy, grouped", "Accuracy, ungrouped", "Difference of accuracy"),
        ),
        tuple(lines),
    )


def aggregations(results: Sequence[Results]) -> Table | None:
    """Return the coherence of other ways to make a map of a grid than adding its channels up."""
    lines = Lines()
    for run in results:
        for row in run.aggregation["maps"] if run.aggregation else ():
            cells = []
            for figure in ("rma", "rra"):
                low, high = row[f"{figure}_interval"] or (None, None)
                gain = row[f"{figure}_gain"]
                cells += [
                    Figure(row[figure], None, low, high),
                    Figure(None)
                    if gain is None
                    else Figure(gain["value"], None, gain["low"], gain["high"], gain["low"] > 0),
                ]
            lines.add(run.name, row["branch"], row["aggregation"], int(row["images"]), *cells)
    if not lines.rows:
        return None
    return lines.table(
        "table-10-aggregation",
        "Other maps of the same grids, out of fold",
        "The paper adds a cell's channels up. The other lines need no training and no more time. "
        "Gain: over the sum, paired by image, with its 95 % bootstrap interval; bold where it "
        "leaves out zero. Squaring sharpens a map and so raises RMA wherever it is right already; "
        "RRA, which sees only the order of pixels, gains little from that.",
        ("Run", "Branch", "Map", "Images", "RMA", "RMA gain", "RRA", "RRA gain"),
    )


def presence(results: Sequence[Results]) -> Table | None:
    """Return how well the gates tell images with a lesion from images without."""
    lines = Lines()
    for run in results:
        told = run.presence
        if told is not None and told["auc"] is not None:
            counts = int(told["images"]), int(told["without_lesion"])
            figures = (Figure(told[name]) for name in ("auc", "sensitivity", "specificity"))
            lines.add(run.name, *counts, *figures)
    if not lines.rows:
        return None
    return lines.table(
        "table-11-presence",
        "Is there a lesion at all? By how far the gate opens, out of fold",
        "An image is told by the cell whose gate is open widest, alpha above a half being open. "
        "Images of no class, which the folds are trained on beside their own, are each held out by "
        "one fold as well.",
        ("Run", "Images", "Without a lesion", "AUC", "Open where there is one", "Shut where not"),
    )


def likeness(found: Sequence[Summary]) -> Table:
    """Return how many images of each kind a model calls unlike its training images.

    found: what ``training.unlike`` wrote, one a model.
    """
    lines = Lines()
    for one in found:
        for row in one["kinds"]:
            lines.add(
                str(one["model"]),
                str(row["kind"]),
                int(row["images"]),
                Figure(row["median_of_limit"], digits=2),
                Figure(row["unlike"], None, row["unlike_low"], row["unlike_high"]),
                Figure(row["auc"]),
            )
    return lines.table(
        "table-9-likeness",
        "Is an image like the training images? Measured on other kinds",
        "Distance of features in parts of the limit, which 95 % of the training data's own images "
        "keep to when held out (first line of each model, out of fold). Unlike: the share beyond "
        "the limit, 95 % bootstrap interval by patient. AUC: how well the distance alone tells "
        "these images from the held-out ones.",
        ("Model", "Images of", "Images", "Median of limit", "Unlike", "AUC against held out"),
    )
