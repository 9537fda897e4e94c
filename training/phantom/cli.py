"""The command ``python -m training.phantom``."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from engine.errors import InvalidInputError, SaliscopeError
from training.phantom.case import Plan, plan, write_case
from training.phantom.demo import write_demo
from training.phantom.manifest import Row
from training.phantom.manifest import write as write_manifest
from training.phantom.writers import FORMATS


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    it = argparse.ArgumentParser(
        prog="python -m training.phantom",
        description="Make a labelled data set of simulated MRI and ultrasound with lesion masks.",
    )
    where = it.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", type=Path, help="folder for the data set; empty or not there yet")
    where.add_argument("--demo", type=Path, help="write the few demo cases into this folder")
    it.add_argument("--cases", type=int, default=160, help="number of patients (default 160)")
    it.add_argument("--seed", type=int, default=0, help="the same seed gives the same files")
    it.add_argument("--modality", choices=("mri", "us", "both"), default="both")
    it.add_argument("--format", choices=FORMATS, help="one format for all; default: all three")
    it.add_argument("--jobs", type=int, default=1, help="processes (default 1)")
    return it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status (2 for bad input)."""
    args = parser().parse_args(arguments)
    console = Console(stderr=True)
    try:
        if args.demo is not None:
            rows = write_demo(args.demo)
            console.print(f"{len(rows)} images of {_patients(rows)} demo cases in {args.demo}")
            return 0
        started = time.perf_counter()
        rows = make(args, console)
        seconds = time.perf_counter() - started
    except SaliscopeError as error:
        print(error, file=sys.stderr)
        return 2
    labels = ", ".join(
        f"{n} {label}" for label, n in sorted(Counter(r.label for r in rows).items())
    )
    console.print(
        f"{len(rows)} images of {_patients(rows)} patients ({labels}) in {args.out}, "
        f"{len(rows) / seconds:.1f} images/s"
    )
    return 0


def make(args: argparse.Namespace, console: Console) -> list[Row]:
    """Write the data set and its manifest; return the manifest's rows."""
    if args.cases < 2:
        raise InvalidInputError("--cases must be at least 2: one patient of each class.")
    if args.seed < 0:
        raise InvalidInputError("--seed must not be negative.")
    if args.jobs < 1:
        raise InvalidInputError("--jobs must be at least 1.")
    out: Path = args.out
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InvalidInputError(f"{out} is not empty; give a new folder with --out.")
    out.mkdir(parents=True, exist_ok=True)
    plans = [plan(k, args.modality, args.format) for k in range(args.cases)]
    rows: list[Row] = []
    with Progress(console=console) as bar:
        for case in bar.track(
            _each(plans, args.seed, out, args.jobs), total=len(plans), description="Phantoms"
        ):
            rows += case
    write_manifest(rows, out)
    return rows


def _each(plans: list[Plan], seed: int, out: Path, jobs: int) -> Iterator[list[Row]]:
    work = partial(write_case, seed=seed, folder=out)
    if jobs == 1:
        yield from map(work, plans)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(work, plans)


def _patients(rows: list[Row]) -> int:
    return len({row.patient for row in rows})
