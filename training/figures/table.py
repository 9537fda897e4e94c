"""A table as a picture, for slides and documents that take nothing else."""

from __future__ import annotations

import textwrap

from matplotlib.figure import Figure as Drawing

from training.figures import style
from training.report.table import Cell, Figure, Table

LINE = 0.21
"""Height of a line, inches."""

LETTER = 0.073
"""Width of a letter, inches, at the tables' size of type."""


def draw(table: Table) -> Drawing:
    """Return the table with its title above and its caption below."""
    style.use()
    texts = [[_text(cell) for cell in row] for row in table.rows]
    heads = [textwrap.fill(c, 12, break_long_words=False).split("\n") for c in table.columns]
    widths = [
        max(
            *(len(part) for part in head),
            *(max(len(main), 0.85 * len(small)) for main, small in (row[i] for row in texts)),
        )
        * LETTER
        + 0.22
        for i, head in enumerate(heads)
    ]
    heights = [LINE * (2 if any(small for _, small in row) else 1) + 0.06 for row in texts]
    head_height = LINE * max(map(len, heads)) + 0.1
    width = max(sum(widths) + 0.3, 6.0)
    caption = textwrap.wrap(table.caption, int(width / 0.062))
    height = 0.45 + head_height + sum(heights) + 0.2 + 0.16 * len(caption) + 0.1
    drawing = Drawing(figsize=(width, height))
    axis = drawing.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, width), ylim=(height, 0))
    axis.set_axis_off()
    axis.text(0.15, 0.25, table.title, va="center", weight="semibold", size=10, color=style.INK)
    numbers = [
        any(isinstance(cell, (Figure, int)) for cell in column)
        for column in zip(*table.rows, strict=True)
    ]
    edges = [0.15]
    for w in widths:
        edges.append(edges[-1] + w)

    def put(i: int, y: float, text: str, **how: object) -> None:
        x = edges[i + 1] - 0.11 if numbers[i] else edges[i]
        axis.text(x, y, text, ha="right" if numbers[i] else "left", va="center", **how)  # type: ignore[arg-type]

    def rule(y: float, weight: float, colour: str) -> None:
        axis.plot([0.15, edges[-1]], [y, y], color=colour, lw=weight, solid_capstyle="butt")

    y = 0.45
    rule(y, 1.1, style.INK)
    for i, head in enumerate(heads):
        for number, part in enumerate(reversed(head)):
            put(i, y + head_height - 0.05 - LINE * (number + 0.5), part, size=8, color=style.QUIET)
    y += head_height
    rule(y, 0.7, style.INK)
    for number, (row, cells) in enumerate(zip(texts, table.rows, strict=True)):
        if number in table.rules:
            rule(y, 0.6, style.RULE)
        colour = style.QUIET if number in table.quiet else style.INK
        for i, (main, small) in enumerate(row):
            cell = cells[i]
            strong = isinstance(cell, Figure) and cell.strong
            middle = y + 0.03 + LINE / 2
            weight = "semibold" if strong else "normal"
            put(i, middle, main, size=8.5, color=colour, weight=weight)
            if small:
                put(i, middle + LINE * 0.9, small, size=7, color=style.QUIET)
        y += heights[number]
    rule(y, 1.1, style.INK)
    for number, text in enumerate(caption):
        axis.text(0.15, y + 0.18 + 0.16 * number, text, va="center", size=7.5, color=style.QUIET)
    return drawing


def _text(cell: Cell) -> tuple[str, str]:
    return (cell.main, cell.interval) if isinstance(cell, Figure) else (str(cell), "")
