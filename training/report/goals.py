"""The figures that were to be reached, beside the paper's and ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from training.external.models import ENSEMBLE
from training.report import paper
from training.report.results import Results
from training.report.table import Cell, Figure, Table
from training.report.tables import Lines, performance_of

ANY, UNGUIDED, GUIDED = "any", "unguided", "guided"


@dataclass(frozen=True)
class Goal:
    """A figure of gate runs on ``dataset``: at least ``value``, or at most.

    which: of the runs. measure: of a run, None where it has not been computed. known: the paper's.
    """

    title: str
    dataset: str
    value: float
    measure: Callable[[Results], Figure | None]
    which: str = ANY
    known: float | None = None
    at_most: bool = False

    def concerns(self, run: Results) -> bool:
        """Whether the goal is this run's: a gate, by all masks or none."""
        if run.dataset != self.dataset or run.fusion != "gate" or run.masks not in (None, 0):
            return False
        if self.dataset == "busi" and not paper.comparable(run.dataset, run.classes):
            return False
        if self.which == ANY:
            return True
        # Erasing lesions needs their masks too, and guidance by none of them is none.
        guided = run.guidance > 0 and run.masks is None
        return guided if self.which == GUIDED else not guided and not run.config.get("erase")

    def reached(self, value: float) -> bool:
        """Whether a value is good enough."""
        return value <= self.value if self.at_most else value >= self.value


def _output(name: str) -> Callable[[Results], Figure | None]:
    return lambda run: performance_of(run, "fusion")[name]


def _row(part: str, name: str) -> Callable[[Results], Figure | None]:
    def measure(run: Results) -> Figure | None:
        row = next((r for r in run.over_all(part) if r["map"] == run.fusion), None)
        if row is None or row[name] is None:
            return None
        return Figure(row[name], None, row.get(f"{name}_low"), row.get(f"{name}_high"))

    return measure


def _external(dataset: str, name: str) -> Callable[[Results], Figure | None]:
    def measure(run: Results) -> Figure | None:
        for summary in run.external:
            if summary["dataset"] != dataset:
                continue
            rows = [r for r in summary["performance"] if r["output"] == "fusion"]
            line = next((r for r in rows if r["model"] == ENSEMBLE), rows[0])
            return Figure(line[name], None, line[f"{name}_low"], line[f"{name}_high"])
        return None

    return measure


def _over_centre(run: Results) -> Figure | None:
    row = next((r for r in run.over_all("coherence") if r["map"] == run.fusion), None)
    if row is None or row["rma"] is None or not row["centre_rma"]:
        return None
    parts = [row["rma"], row["rma_low"], row["rma_high"]]
    value, low, high = (None if p is None else p / row["centre_rma"] for p in parts)
    return Figure(value, None, low, high, digits=2)


_PAPER = paper.BUSI_GATE

GOALS = (
    Goal("AUC", "busi", 0.96, _output("auc"), known=_PAPER["auc"]),
    Goal("Accuracy", "busi", 0.91, _output("accuracy"), known=_PAPER["accuracy"]),
    Goal("RMA, unguided", "busi", 0.30, _row("coherence", "rma"), UNGUIDED, _PAPER["rma"]),
    Goal("RRA, unguided", "busi", 0.40, _row("coherence", "rra"), UNGUIDED, _PAPER["rra"]),
    Goal("RMA, guided", "busi", 0.75, _row("coherence", "rma"), GUIDED, _PAPER["rma"]),
    Goal("RRA, guided", "busi", 0.80, _row("coherence", "rra"), GUIDED, _PAPER["rra"]),
    Goal("DS", "busi", 0.30, _row("deletion", "ds"), known=_PAPER["ds"]),
    Goal("DSc", "busi", 0.25, _row("deletion", "dsc"), known=_PAPER["dsc"]),
    Goal("ECE, calibrated", "busi", 0.05, _output("calibrated"), at_most=True),
    Goal("External AUC, BUS-BRA", "busi", 0.85, _external("busbra", "auc")),
    Goal("AUC, by patient", "sts", 0.95, _output("auc")),
    Goal("RMA over the centred Gaussian's", "sts", 2.0, _over_centre, GUIDED),
)

DATA = {"busi": "BUSI", "sts": "limb MRI"}


def table(results: Sequence[Results]) -> Table | None:
    """Return every goal beside what each run that it concerns came to; None for other data."""
    if not any(goal.concerns(run) for goal in GOALS for run in results):
        return None
    lines = Lines()
    for goal in GOALS:
        title = f"{DATA[goal.dataset]}: {goal.title}"
        sign = "≤" if goal.at_most else "≥"
        known = (f"{sign} {goal.value:.2f}", Figure(goal.known))
        concerned = [run for run in results if goal.concerns(run)]
        best = _best(goal, concerned)
        for run in concerned:
            found = goal.measure(run)
            lines.add(title, *_cells(goal, known, run, found, run is best))
        if not concerned:
            lines.add(title, *known, "–", Figure(None), "not in this report", quiet=True)
    return lines.table(
        "table-0-goals",
        "Figures to reach",
        "Of the fused output and its native map, out of fold; the paper's own beside them. AUC and "
        "accuracy are means over folds (± standard deviation), RMA, RRA, DS and DSc over images. "
        "Brackets: 95 % bootstrap intervals. External: the folds' models together, on images "
        "that none was trained on. Bold: the best of the runs.",
        ("Figure", "Goal", "Paper", "Run", "Ours", "Outcome"),
    )


def _best(goal: Goal, runs: Sequence[Results]) -> Results | None:
    values = {}
    for run in runs:
        found = goal.measure(run)
        if found is not None and found.value is not None:
            values[run.name] = found.value
    if not values:
        return None
    name = (min if goal.at_most else max)(values, key=lambda key: values[key])
    return next(run for run in runs if run.name == name)


def _cells(
    goal: Goal, known: tuple[Cell, Cell], run: Results, found: Figure | None, best: bool
) -> tuple[Cell, ...]:
    if found is None or found.value is None:
        return (*known, run.name, Figure(None), "not run")
    parts = found.deviation, found.low, found.high
    ours = Figure(found.value, *parts, strong=best, digits=found.digits)
    missed = abs(found.value - goal.value)
    outcome = "reached" if goal.reached(found.value) else f"missed by {missed:.{found.digits}f}"
    return (*known, run.name, ours, outcome)
