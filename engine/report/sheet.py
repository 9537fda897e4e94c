"""A page of A4 on which things are placed in millimetres from its upper left corner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.report import style
from engine.report.style import ACCENT, INK, QUIET, RULE, WARNING, WARNING_GROUND

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAGE = (210.0, 297.0)
LEFT, RIGHT = 15.0, 195.0
WIDE = RIGHT - LEFT


class Sheet:
    """A page on which things are placed in millimetres."""

    def __init__(self) -> None:
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(PAGE[0] * style.MM, PAGE[1] * style.MM), facecolor="white")

    def text(
        self,
        x: float,
        y: float,
        what: str,
        size: float = 8,
        *,
        colour: str = INK,
        weight: str = "regular",
        align: str = "left",
    ) -> None:
        """Write a line of text; ``y`` is its base line."""
        self.figure.text(
            x / PAGE[0],
            1 - y / PAGE[1],
            what,
            fontsize=size,
            color=colour,
            weight=weight,
            ha=align,
            va="baseline",
            parse_math=False,
        )

    def lines(
        self, x: float, y: float, what: str, width: float, size: float, step: float, **how: Any
    ) -> float:
        """Write a text in as many lines as it takes; return where the next would begin."""
        limit = how.pop("limit", 99)
        for line in style.wrapped(what, width, size, how.get("weight", "regular"), limit):
            self.text(x, y, line, size, **how)
            y += step
        return y

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Return axes that fill a box."""
        place = (x / PAGE[0], 1 - (y + height) / PAGE[1], width / PAGE[0], height / PAGE[1])
        return self.figure.add_axes(place)

    def box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """Fill a box with a colour."""
        from matplotlib.patches import Rectangle

        place = (x / PAGE[0], 1 - (y + height) / PAGE[1])
        self.figure.add_artist(
            Rectangle(
                place,
                width / PAGE[0],
                height / PAGE[1],
                facecolor=colour,
                edgecolor="none",
                transform=self.figure.transFigure,
                zorder=-1,
            )
        )

    def rule(self, y: float, x0: float = LEFT, x1: float = RIGHT, colour: str = RULE) -> None:
        """Draw a thin line across the page."""
        from matplotlib.lines import Line2D

        ends = [x0 / PAGE[0], x1 / PAGE[0]]
        level = [1 - y / PAGE[1]] * 2
        self.figure.add_artist(Line2D(ends, level, color=colour, lw=0.6))

    def heading(self, y: float, what: str, x: float = LEFT, beside: str = "") -> float:
        """Write a heading, and faintly what is said beside it; return where the rest begins."""
        self.text(x, y, what, 9, weight="semibold", colour=ACCENT)
        if beside:
            after = x + style.width_of(what, 9, "semibold") + 3
            self.text(after, y, style.elided(beside, RIGHT - after, 7), 7, colour=QUIET)
        return y + 4.2

    def table(
        self,
        y: float,
        columns: Sequence[tuple[str, float]],
        rows: Sequence[Sequence[str]],
        faint: Sequence[bool] = (),
    ) -> float:
        """Write rows in columns of (heading, right edge in mm); the first begins at the left."""
        for number, (heading, edge) in enumerate(columns):
            left = number == 0
            self.text(
                LEFT if left else edge,
                y,
                heading,
                6.8,
                colour=QUIET,
                align="left" if left else "right",
            )
        y += 1.5
        self.rule(y)
        y += 4
        for number, row in enumerate(rows):
            ink = QUIET if number < len(faint) and faint[number] else INK
            for column, cell in enumerate(row):
                if column == 0:
                    room = columns[0][1] - LEFT
                    self.text(LEFT, y, style.elided(cell, room, 7.6), 7.6, colour=ink)
                else:
                    self.text(columns[column][1], y, cell, 7.6, colour=ink, align="right")
            y += 4.3
        return y

    def warning(self, x: float, y: float, width: float, what: str) -> float:
        """Write a sentence that must not be missed; return where the next would begin."""
        broken = style.wrapped(what, width - 7, 7.4, "medium")
        high = 3.7 * len(broken) + 2.6
        self.box(x, y - 3, width, high, WARNING_GROUND)
        self.box(x, y - 3, 1, high, WARNING)
        for number, line in enumerate(broken):
            self.text(x + 3.5, y + 0.9 + 3.7 * number, line, 7.4, colour=WARNING, weight="medium")
        return y + high + 2
