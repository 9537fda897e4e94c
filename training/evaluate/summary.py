"""From a row an image and map to a row a map: means, intervals, by class and by lesion size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.classification import mean_interval
from engine.evaluation.deletion import ALPHA, class_corrected

SIZES = ("small", "middle", "large")
"""Thirds of the lesions by their share of the image."""

CENTRE, CHANCE = "centre", "chance"
"""Rows that stand beside the maps: a centred Gaussian, and what knowing nothing expects."""

Row = Mapping[str, str]


def tertiles(rows: Sequence[Row]) -> tuple[float, float]:
    """Return the two lesion sizes (shares of the image) between the thirds of the images."""
    shares = {row["index"]: int(row["area"]) / int(row["pixels"]) for row in rows}
    present = [share for share in shares.values() if share > 0]
    if not present:
        return 0.0, 0.0
    low, high = np.quantile(present, [1 / 3, 2 / 3])
    return float(low), float(high)


def sizes(rows: Sequence[Row], cuts: tuple[float, float]) -> dict[str, str]:
    """Return the size class of each image (by index) that has a lesion."""
    found = {}
    for row in rows:
        share = int(row["area"]) / int(row["pixels"])
        if share > 0:
            found[row["index"]] = SIZES[int(share > cuts[0]) + int(share > cuts[1])]
    return found


def subsets(
    rows: Sequence[Row], size_of: Mapping[str, str], classes: Sequence[str]
) -> dict[str, list[Row]]:
    """Return the rows of all images, of each class, and of each size, leaving out empty parts."""
    parts = {"all": list(rows)}
    for name in classes:
        parts[f"class: {name}"] = [row for row in rows if row["label"] == name]
    for size in SIZES:
        parts[f"lesion: {size}"] = [row for row in rows if size_of.get(row["index"]) == size]
    return {name: part for name, part in parts.items() if part}


def coherence_summary(rows: Sequence[Row], classes: Sequence[str]) -> list[dict[str, Any]]:
    """Return a row a map and subset: RMA and RRA beside chance and the centred Gaussian.

    Images without a lesion, and maps without relevance, have no score and are counted as such.
    """
    lesions = [row for row in rows if int(row["area"]) > 0]
    size_of = sizes(lesions, tertiles(lesions))
    found = []
    for name in _maps(lesions):
        of_map = [row for row in lesions if row["map"] == name]
        for subset, part in subsets(of_map, size_of, classes).items():
            scored = [row for row in part if row["rma"]]
            line: dict[str, Any] = {
                "map": name,
                "subset": subset,
                "images": len(scored),
                "without_score": len(part) - len(scored),
            }
            for figure in ("rma", "rra"):
                line |= _spread(figure, scored, figure)
            for figure in ("chance", "centre_rma", "centre_rra"):
                line[figure] = _mean(scored, figure)
            found.append(line)
    return found + _references(lesions, size_of, classes)


def _references(
    lesions: Sequence[Row], size_of: Mapping[str, str], classes: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the rows of the centred Gaussian and of chance, over every image with a lesion."""
    once = list({row["index"]: row for row in lesions}.values())
    found = []
    for name, columns in {
        CENTRE: ("centre_rma", "centre_rra"),
        CHANCE: ("chance", "chance"),
    }.items():
        for subset, part in subsets(once, size_of, classes).items():
            if not part:
                continue
            line: dict[str, Any] = {
                "map": name,
                "subset": subset,
                "images": len(part),
                "without_score": 0,
            }
            for figure, column in zip(("rma", "rra"), columns, strict=True):
                line |= _spread(figure, part, column)
            for figure in ("chance", "centre_rma", "centre_rra"):
                line[figure] = _mean(part, figure)
            found.append(line)
    return found


def deletion_summary(
    rows: Sequence[Row], lesions: Sequence[Row], classes: Sequence[str]
) -> list[dict[str, Any]]:
    """Return a row a map and subset: DS, what it is by true class, and DSc.

    lesions: rows of the coherence table, for the sizes.
    """
    size_of = sizes(lesions, tertiles(lesions)) if lesions else {}
    found = []
    for name in _maps(rows):
        of_map = [row for row in rows if row["map"] == name]
        for subset, part in subsets(of_map, size_of, classes).items():
            labels = [classes.index(row["label"]) for row in part]
            line: dict[str, Any] = {
                "map": name,
                "subset": subset,
                "output": part[0]["output"],
                "images": len(part),
                **_spread("ds", part, "ds"),
            }
            for column, suffix in (("ds", ""), ("ds_uncalibrated", "_uncalibrated")):
                scores = [float(row[column]) for row in part]
                sums = class_corrected(scores, labels, len(classes))
                line[f"ds{suffix}"] = sums.ds
                line[f"delta{suffix}"] = sums.delta
                line[f"dsc{suffix}"] = sums.dsc
                for label, mean in zip(classes, sums.per_class, strict=True):
                    line[f"ds{suffix} {label}"] = mean
            line["alpha"] = ALPHA
            found.append(line)
    return found


def _maps(rows: Sequence[Row]) -> list[str]:
    """Return the names of maps in the order they were computed in."""
    return list(dict.fromkeys(row["map"] for row in rows))


def _mean(rows: Sequence[Row], column: str) -> float | None:
    return float(_values(rows, column).mean()) if rows else None


def _values(rows: Sequence[Row], column: str) -> NDArray[np.float64]:
    return np.array([float(row[column]) for row in rows])


def _spread(figure: str, rows: Sequence[Row], column: str) -> dict[str, Any]:
    """Return the mean, its interval by patient, and the deviation of the folds' means."""
    values = _values(rows, column)
    folds = np.array([row["fold"] for row in rows])
    means = [values[folds == fold].mean() for fold in sorted(set(folds.tolist()))]
    groups = [row["group"] for row in rows]
    interval = mean_interval(values, groups) if len(set(groups)) > 1 else None
    return {
        figure: float(values.mean()) if len(values) else None,
        f"{figure}_low": interval.low if interval else None,
        f"{figure}_high": interval.high if interval else None,
        f"{figure}_deviation": float(np.std(means, ddof=1)) if len(means) > 1 else None,
    }
