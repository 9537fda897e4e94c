"""A table as CSV, LaTeX and HTML."""

from __future__ import annotations

import csv
import html
import io

from training.report.table import Cell, Figure, Table

_LATEX = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "−": "$-$",
    "–": "--",
    "δ": r"$\delta$",
    "α": r"$\alpha$",
    "σ": r"$\sigma$",
}


def to_csv(table: Table) -> str:
    """Return the numbers in full, a column each for deviation and interval where there are any."""
    spread = {
        i: [
            part
            for part in ("deviation", "low", "high")
            if any(isinstance(r[i], Figure) and getattr(r[i], part) is not None for r in table.rows)
        ]
        for i in range(len(table.columns))
    }
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    header: list[str] = []
    for i, column in enumerate(table.columns):
        header += [column, *(f"{column} {part}" for part in spread[i])]
    writer.writerow(header)
    run: Cell = ""
    for row in table.rows:
        run = row[0] or run
        cells: list[object] = []
        for i, cell in enumerate((run, *row[1:])):
            if isinstance(cell, Figure):
                cells += [cell.value, *(getattr(cell, part) for part in spread[i])]
            else:
                cells += ["" if cell == "–" else cell, *("" for _ in spread[i])]
        writer.writerow(["" if c is None else c for c in cells])
    return text.getvalue()


def to_latex(table: Table) -> str:
    r"""Return a ``table`` environment for the package booktabs."""
    align = "".join("r" if _is_number(table, i) else "l" for i in range(len(table.columns)))
    lines = [
        r"% \usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_escape(table.title)}. {_escape(table.caption)}}}",
        rf"\begin{{tabular}}{{{align}}}",
        r"\toprule",
        " & ".join(map(_escape, table.columns)) + r" \\",
        r"\midrule",
    ]
    for number, row in enumerate(table.rows):
        if number in table.rules:
            lines.append(r"\midrule")
        lines.append(" & ".join(map(_latex_cell, row)) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def to_html(table: Table) -> str:
    """Return a ``figure`` with the table and its caption."""
    numbers = [_is_number(table, i) for i in range(len(table.columns))]
    head = "".join(
        f'<th scope="col"{" class=n" if n else ""}>{html.escape(c)}</th>'
        for c, n in zip(table.columns, numbers, strict=True)
    )
    body = []
    for number, row in enumerate(table.rows):
        kinds = [
            *(["rule"] if number in table.rules else []),
            *(["quiet"] if number in table.quiet else []),
        ]
        cells = "".join(_html_cell(c, n) for c, n in zip(row, numbers, strict=True))
        body.append(f'<tr class="{" ".join(kinds)}">{cells}</tr>')
    return (
        f'<figure class="table" id="{table.name}"><div class="scroll"><table>'
        f"<thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></div>"
        f"<figcaption>{html.escape(table.caption)}</figcaption></figure>"
    )


def _is_number(table: Table, column: int) -> bool:
    return any(isinstance(row[column], (Figure, int)) for row in table.rows)


def _escape(text: str) -> str:
    return "".join(_LATEX.get(c, c) for c in text)


def _latex_cell(cell: Cell) -> str:
    if not isinstance(cell, Figure):
        return _escape(str(cell))
    text = _escape(cell.main)
    if cell.strong:
        text = rf"\textbf{{{text}}}"
    return f"{text} {{\\scriptsize {_escape(cell.interval)}}}" if cell.interval else text


def _html_cell(cell: Cell, number: bool) -> str:
    kind = " class=n" if number else ""
    if not isinstance(cell, Figure):
        return f"<td{kind}>{html.escape(str(cell))}</td>"
    text = html.escape(cell.main)
    if cell.strong:
        text = f"<b>{text}</b>"
    if cell.interval:
        text += f"<small>{html.escape(cell.interval)}</small>"
    return f"<td{kind}>{text}</td>"
