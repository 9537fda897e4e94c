"""The cases in the list on the left: what was opened, the demo, and what could not be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from engine.images.case import Case, Problem, ScanResult, Series
from engine.images.image import Image


@dataclass(frozen=True)
class Incomplete:
    """What is known of a series, once read, of which slices could not be.

    sentence: which, why and what to do; unnamed: the same without the file's name.
    """

    read: int
    total: int
    sentence: str
    unnamed: str


@dataclass(frozen=True, eq=False)
class Group:
    """A headed part of the list."""

    title: str
    cases: tuple[Case, ...] = ()
    problems: tuple[Problem, ...] = ()


class CaseList(QObject):
    """Opened cases above the demo; opening the same files again replaces nothing and adds none."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.opened = Group("Opened")
        self.demo = Group("Demo")
        self._incomplete: dict[Series, Incomplete] = {}

    def know(self, series: Series, image: Image) -> Incomplete | None:
        """Know, once a series has been read, of slices that could not be; return what is new."""
        known = self._incomplete.pop(series, None)
        if not image.left_out:
            if known is not None:
                self.changed.emit()
            return None
        found = self._incomplete[series] = Incomplete(
            image.frames,
            image.frames + len(image.left_out),
            image.said_of_left_out(),
            image.said_of_left_out("a file"),
        )
        if found == known:
            return None
        self.changed.emit()
        return found

    def incomplete(self, series: Series) -> Incomplete | None:
        """Return what is known to be missing from a series, None where nothing is."""
        return self._incomplete.get(series)

    def unnamed(self, sentence: str) -> str:
        """Return what is said of a series' missing slices without the file's name."""
        known = (one for one in self._incomplete.values() if one.sentence == sentence)
        return next((one.unnamed for one in known), sentence)

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups that have something in them."""
        return tuple(g for g in (self.opened, self.demo) if g.cases or g.problems)

    def add(self, result: ScanResult) -> Case | None:
        """Put a scan's cases at the end of the opened ones; return the first of them.

        A case whose files are all there already is not added again: the one there is returned.
        """
        known = {_files(case): case for case in self.opened.cases}
        new: list[Case] = []
        first: Case | None = None
        for case in result.cases:
            there = known.get(_files(case))
            if there is None:
                new.append(case)
            first = first or there or case
        problems = {p.path: p for p in (*self.opened.problems, *result.problems)}
        self.opened = Group("Opened", (*self.opened.cases, *new), tuple(problems.values()))
        self.changed.emit()
        return first

    def set_demo(self, result: ScanResult) -> None:
        """Show the shipped cases."""
        self.demo = Group("Demo", result.cases, result.problems)
        self.changed.emit()

    def close(self, case: Case) -> None:
        """Take a case off the list; its masks stay saved."""
        left = tuple(c for c in self.opened.cases if c is not case)
        self.opened = Group("Opened", left, self.opened.problems)
        self.changed.emit()

    def forget_problems(self) -> None:
        """Stop listing what could not be read."""
        self.opened = Group("Opened", self.opened.cases)
        self.changed.emit()


def _files(case: Case) -> frozenset[tuple[Path, str]]:
    return frozenset((path, s.title) for s in case.series for path in s.paths)
