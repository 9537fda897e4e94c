"""What the commands print: JSON alone on standard output, or tables; progress on standard error."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from engine.progress import Progress

DEBUG = "SALISCOPE_DEBUG"
"""Set in the environment, it lets through what decoders write, and an unexpected error's trace."""

PATIENCE = 2.0
"""Seconds of work before a progress bar shows."""


def silence_decoders() -> None:
    """Keep standard error to what Python writes: libtiff and others write to it on their own.

    What is wrong with a file is said in one line; theirs would stand before it. For a process
    that ends with the command: its file descriptor 2 leads nowhere from here on.
    """
    if os.environ.get(DEBUG):
        return
    try:
        kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    except OSError:  # closed, as some services start their programs
        return
    os.dup2(nowhere, 2)
    os.close(nowhere)
    sys.stderr = open(kept, "w", encoding=sys.stderr.encoding, buffering=1)  # noqa: PTH123, SIM115


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument(
        "--json", action="store_true", help="print JSON, and nothing else, on standard output"
    )


def print_json(values: Any) -> None:
    """Print plain values as JSON; ASCII, so that it survives any terminal and file name."""
    print(json.dumps(values, indent=2, allow_nan=False))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print text in columns: the first to the left, all others to the right."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    for row in (headings, *rows):
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join((first.strip().ljust(widths[0]), *others)).rstrip())


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Show a bar on standard error once the work has taken ``PATIENCE``, on a terminal only."""
    if not sys.stderr.isatty():
        yield Progress()
        return
    start = time.monotonic()
    bar: Any = None
    task: Any = None

    def show(fraction: float, text: str) -> None:
        nonlocal bar, task
        if bar is None:
            if time.monotonic() - start < PATIENCE:
                return
            from rich.console import Console
            from rich.markup import escape
            from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            bar = Bar(
                TextColumn("{task.fields[what]}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f} %"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            bar.start()
            task = bar.add_task("", total=1.0, what=escape(text))
        else:
            from rich.markup import escape

        bar.update(task, completed=fraction, what=escape(text))

    try:
        yield Progress(show)
    finally:
        if bar is not None:
            bar.stop()
