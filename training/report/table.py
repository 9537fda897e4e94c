"""A table as data: what every format is written from."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """A number, and how sure it is: the folds' deviation, the bootstrap interval.

    strong: stands out, for the reason that the table's caption gives.
    """

    value: float | None
    deviation: float | None = None
    low: float | None = None
    high: float | None = None
    strong: bool = False
    digits: int = 3

    @property
    def main(self) -> str:
        """The number and its deviation, "0.874 ± 0.021"; a dash where there is none."""
        if self.value is None:
            return "–"
        text = _number(self.value, self.digits)
        if self.deviation is not None:
            text += f" ± {_number(self.deviation, self.digits)}"
        return text

    @property
    def interval(self) -> str:
        """The interval, "[0.85, 0.90]", or nothing."""
        if self.low is None or self.high is None:
            return ""
        return f"[{_number(self.low, self.digits)}, {_number(self.high, self.digits)}]"


Cell = Figure | str | int


@dataclass(frozen=True)
class Table:
    """name: of its files. rows: as many cells as ``columns``; a rule goes above ``rules``.

    quiet: rows that are there to be compared with (chance, the centred Gaussian, the paper).
    """

    name: str
    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    rules: frozenset[int] = field(default_factory=frozenset)
    quiet: frozenset[int] = field(default_factory=frozenset)


def _number(value: float, digits: int) -> str:
    # A minus sign, and none before what rounds to zero.
    text = f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else f"{0:.{digits}f}"
