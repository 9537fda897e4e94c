"""What the commands have in common: progress bars, errors in one sentence, Ctrl-C."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.table import Column
from rich.text import Text

import engine.progress
from engine.errors import SaliscopeError

USAGE_ERROR = 2
INTERRUPTED = 130


_muted = False


def mute() -> None:
    """Say nothing from here on: of several processes one speaks."""
    global _muted
    _muted = True


def run(command: Callable[[], None], how_to_resume: str) -> int:
    """Run a command; return its exit status: 0, 2 with one sentence, 130 on Ctrl-C."""

    def complain(sentence: str) -> None:
        Console(stderr=True, soft_wrap=True, markup=False, highlight=False, quiet=_muted).print(
            sentence
        )

    try:
        command()
    except SaliscopeError as error:
        complain(str(error))
        return USAGE_ERROR
    except KeyboardInterrupt:
        complain(f"\nStopped. {how_to_resume}")
        return INTERRUPTED
    return 0


def say(text: str) -> None:
    """Print a line on standard output."""
    Console(soft_wrap=True, markup=False, highlight=False, quiet=_muted).print(text)


class _TimeLeft(ProgressColumn):
    """The time left by the mean speed since the bar began, be it in the middle (resumed)."""

    def render(self, task: Task) -> Text:
        done = task.completed - task.fields.get("begun_at", 0.0)
        if task.finished or done <= 0 or not task.elapsed or task.total is None:
            return Text("-:--:-- left")
        seconds = round(task.elapsed * (task.total - task.completed) / done)
        return Text(f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d} left")


class Bars:
    """One bar for the whole (folds), one for what is being done; a line an epoch above them."""

    def __init__(self, bars: Progress, outer: int, what: str) -> None:
        self._bars = bars
        self._what, self._of = what, outer
        self._outer = bars.add_task(f"{what} 0/{outer}", total=outer, visible=outer > 1)
        self._count = 0
        self._inner: TaskID | None = None

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        self._bars.console.print(text, soft_wrap=True, markup=False, highlight=False)

    def part(self, what: str) -> engine.progress.Progress:
        """Begin a part with a bar of its own; return the progress that moves it."""
        if self._inner is not None:
            self._bars.remove_task(self._inner)
        inner = self._inner = self._bars.add_task(what, total=1.0)
        begun: list[float] = []

        def report(fraction: float, text: str) -> None:
            if not begun:
                begun.append(fraction)
            self._bars.update(
                inner,
                completed=fraction,
                description=f"{what} · {text}" if text else what,
                begun_at=begun[0],
            )

        return engine.progress.Progress(report)

    def done(self, count: int = 1) -> None:
        """Move the outer bar by ``count``."""
        self._count += count
        self._bars.update(
            self._outer,
            completed=self._count,
            description=f"{self._what} {self._count}/{self._of}",
        )


@contextmanager
def bars(outer: int, what: str) -> Iterator[Bars]:
    """Show progress on standard error; nothing but the lines where that is no terminal."""
    console = Console(file=sys.stderr, quiet=_muted)
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=12),
        _TimeLeft(Column(no_wrap=True)),
        console=console,
        transient=True,
        disable=_muted or not console.is_terminal,
    ) as shown:
        yield Bars(shown, outer, what)
