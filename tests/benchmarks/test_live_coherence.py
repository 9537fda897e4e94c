"""What a stroke costs: live scores of eight maps at 1024 × 1024, against recomputing them.

Run with ``python -m pytest -s tests/benchmarks/test_live_coherence.py``. All ways are timed in the
same run, turn by turn; what is asserted is a ratio with a wide margin, never seconds.

From scratch is timed at its fastest honest: what does not depend on the mask (relevance, its sum,
the prior) is prepared beforehand as well, sums are plain numpy, the threshold is one partition.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from engine.evaluation.coherence import CENTRE_PRIOR, Coherence, LiveScores, RankedMap
from engine.evaluation.coherence.scores import expected_hits

SIDE = 1024
MAPS = 8
RADIUS = 20
FRAME_MS = 16
ROUNDS = 25


def _maps() -> list[NDArray[np.float32]]:
    """Make what the program shows: bilinear bumps, blocks (ties), signed noise, mostly zeros."""
    rng = np.random.default_rng(0)
    axis = np.linspace(0, 1, SIDE, dtype=np.float32)
    maps = []
    for index in range(MAPS):
        centre = rng.random(2)
        bump = np.exp(-((axis[:, None] - centre[0]) ** 2 + (axis - centre[1]) ** 2) / 0.05)
        match index % 4:
            case 0:
                values = bump
            case 1:  # a coarse grid drawn without interpolation: 196 distinct values
                values = np.kron(rng.random((14, 14)), np.ones((74, 74)))[:SIDE, :SIDE]
            case 2:
                values = rng.normal(size=(SIDE, SIDE))
            case _:
                values = np.maximum(bump - 0.9, 0)
        maps.append(values.astype(np.float32))
    return maps


class FromScratch:
    """One map's scores recomputed with numpy from the whole mask."""

    def __init__(self, values: NDArray[np.float32]) -> None:
        self.values = values.ravel()
        self.total = float(values.sum(dtype=np.float64))

    def score(self, mask: NDArray[np.bool_]) -> tuple[float, float]:
        values = self.values
        within = values[mask.ravel()]
        kth = values.size - within.size
        threshold = np.partition(values, kth)[kth]
        return float(within.sum(dtype=np.float64)) / self.total, expected_hits(
            within.size,
            ahead=int(np.count_nonzero(values > threshold)),
            ahead_inside=int(np.count_nonzero(within > threshold)),
            tied=int(np.count_nonzero(values == threshold)),
            tied_inside=int(np.count_nonzero(within == threshold)),
        )


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1e3


def _disc(row: int, col: int, radius: int) -> NDArray[np.int64]:
    axis = np.arange(SIDE)
    return np.flatnonzero(((axis - row) ** 2)[:, None] + (axis - col) ** 2 <= radius**2)


def test_live_against_from_scratch() -> None:
    maps = _maps()
    prior = CENTRE_PRIOR.values((SIDE, SIDE)).astype(np.float32)
    live_scores = LiveScores((SIDE, SIDE))
    prepare = [
        _timed(lambda name=str(index), v=v: live_scores.add(name, RankedMap(v)))
        for index, v in enumerate(maps)
    ]
    relevances = [np.maximum(values, 0) for values in maps]
    scratch = [FromScratch(values) for values in (*relevances, prior)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantus = pytest.importorskip("quantus")
    mass = quantus.RelevanceMassAccuracy(disable_warnings=True)
    rank = quantus.RelevanceRankAccuracy(disable_warnings=True)
    batch = np.stack(relevances)[:, None]

    # The mask already covers a third of the image: the cost must not follow its area.
    mask = np.zeros((SIDE, SIDE), bool)
    mask[:350] = True
    reset = _timed(lambda: live_scores.reset(mask))
    none = np.empty(0, np.int64)
    rng = np.random.default_rng(1)
    scores: list[Coherence] = []

    def live_turn(added: NDArray[np.int64], removed: NDArray[np.int64]) -> None:
        scores.clear()
        live_scores.update(added, removed)
        scores.extend(live_scores.scores().values())

    times: dict[str, list[float]] = {"live": [], "scratch": [], "quantus": []}
    for turn in range(ROUNDS):
        touched = _disc(*rng.integers(0, SIDE, 2), RADIUS)
        erase = turn % 3 == 2
        changed = touched[mask.flat[touched] == erase]
        mask.flat[changed] = not erase
        change = (none, changed) if erase else (changed, none)
        times["live"].append(_timed(lambda change=change: live_turn(*change)))
        again: list[tuple[float, float]] = []
        times["scratch"].append(
            _timed(lambda out=again: out.extend(s.score(mask) for s in scratch))
        )
        *each, (prior_rma, prior_rra) = again
        for score, (rma, rra) in zip(scores, each, strict=True):
            assert score.rma == pytest.approx(rma)
            assert score.rra == pytest.approx(rra)
            assert score.prior_rma == pytest.approx(prior_rma)
            assert score.prior_rra == pytest.approx(prior_rra, rel=1e-5)
        if turn < 2:
            masks = np.broadcast_to(mask, batch.shape).copy()
            times["quantus"].append(
                _timed(
                    lambda m=masks: (mass.evaluate_batch(batch, m), rank.evaluate_batch(batch, m))
                )
            )

    wide = _disc(SIDE // 2, SIDE // 2, 200)
    flood = np.arange(SIDE * SIDE)
    worst = {
        "a disc of radius 200 px painted": _timed(lambda: live_turn(wide, none)),
        "the whole image filled": _timed(lambda: live_turn(flood, none)),
        "the whole image cleared": _timed(lambda: live_turn(none, flood)),
    }

    live, again_ms, other = (np.array(times[name]) for name in ("live", "scratch", "quantus"))
    table = Table(title=f"{MAPS} maps and the prior, {SIDE} × {SIDE}, brush radius {RADIUS} px")
    for heading in ("what", "median ms", "worst ms", "times live"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for name, measured in (
        ("live update and score", live),
        ("from scratch, numpy partition", again_ms),
        ("Quantus, without the prior", other),
    ):
        table.add_row(
            name,
            f"{np.median(measured):.2f}",
            f"{measured.max():.2f}",
            f"{np.median(measured) / np.median(live):.0f}",
        )
    table.add_section()
    for name, measured_ms in worst.items():
        table.add_row(name, f"{measured_ms:.2f}", "", "")
    table.add_row("a mask of a third of the image set anew", f"{reset:.2f}", "", "")
    table.add_row("preparing one map", f"{np.median(prepare):.2f}", f"{max(prepare):.2f}", "")
    console = Console(width=90)
    console.print()
    console.print(table)
    console.print(f"A frame is {FRAME_MS} ms: live takes {np.median(live) / FRAME_MS:.1%} of it.")
    assert np.median(live) * 10 < np.median(again_ms)
