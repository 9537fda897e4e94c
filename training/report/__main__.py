"""The command ``python -m training.report``."""

from __future__ import annotations

import argparse
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.errors import InvalidInputError, SaliscopeError
from training import console, state
from training.external.__main__ import SUMMARY
from training.report import formats, page, tables
from training.report.results import Results, load

PAGE = "index.html"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        "python -m training.report",
        description="Put runs of training.cv, evaluated by training.evaluate, on one page.",
    )
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR")
    parser.add_argument("--names", metavar="A,B", help="of the runs; default: their folders'")
    parser.add_argument(
        "--external",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="what training.external wrote of a checkpoint; a run's own is found in its folder",
    )
    parser.add_argument("--leakage", type=Path, metavar="FILE", help="what training.leakage wrote")
    parser.add_argument(
        "--likeness",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="what training.unlike wrote of a model",
    )
    parser.add_argument(
        "--not-run",
        type=Path,
        metavar="FILE",
        help="runs that were not made, a line each: NAME: COMMAND",
    )
    parser.add_argument("--title", default="Explaining a fusion classifier")
    given = parser.parse_args(arguments)
    return console.run(lambda: report(given), "Nothing was half written; run it again.")


def report(given: argparse.Namespace) -> None:
    """Write the page, and each table and figure by itself."""
    results = _load(given.runs, given.names)
    others = {path.name: _json(path / SUMMARY, "training.external") for path in given.external}
    leakage = _json(given.leakage, "training.leakage") if given.leakage else None
    likeness = [_json(path, "training.unlike") for path in given.likeness]
    missing = _missing(results) + (not_run(given.not_run) if given.not_run else [])
    from training.figures import table as drawing
    from training.report import beyond, goals, guidance, pictures

    made = [
        *filter(None, [goals.table(results)]),
        *tables.build(results),
        *filter(None, [guidance.comparison(results), guidance.few_masks(results)]),
        *beyond.external(results, others),
        *filter(None, [beyond.aggregations(results), beyond.presence(results)]),
        *([beyond.duplicates(leakage)] if leakage is not None else []),
        *([beyond.likeness(likeness)] if likeness else []),
    ]
    drawn = pictures.build(results)
    out: Path = given.out
    try:
        out.mkdir(parents=True, exist_ok=True)
        images = {}
        with console.bars(1, "report") as bars:
            progress = bars.part("drawing")
            for number, picture in enumerate(drawn):
                progress.report(number / (len(drawn) + len(made)), picture.title)
                images[picture.name] = _png(picture.figure)
                _write(out / f"{picture.name}.png", images[picture.name])
            for number, table in enumerate(made, len(drawn)):
                progress.report(number / (len(drawn) + len(made)), table.title)
                state.write_text(out / f"{table.name}.csv", formats.to_csv(table))
                state.write_text(out / f"{table.name}.tex", formats.to_latex(table))
                _write(out / f"{table.name}.png", _png(drawing.draw(table)))
        text = page.build(given.title, results, made, drawn, images, missing)
        state.write_text(out / PAGE, text)
    except OSError as error:
        raise SaliscopeError(
            f"{out} cannot be written to ({error.strerror}); give another --out."
        ) from error
    console.say(f"{out / PAGE}: {len(made)} tables and {len(drawn)} figures of {len(results)} runs")


def _load(folders: Sequence[Path], names: str | None) -> list[Results]:
    given = [n.strip() for n in names.split(",")] if names else [f.resolve().name for f in folders]
    if len(given) != len(folders):
        raise InvalidInputError(
            f"--names has {len(given)} names for {len(folders)} runs; give one for each."
        )
    if len(set(given)) != len(given):
        raise InvalidInputError("Two runs have the same name; tell them apart with --names.")
    return [load(folder, name) for folder, name in zip(folders, given, strict=True)]


def _json(path: Path, command: str) -> dict[str, Any]:
    return state.read_json(path, f"{path} cannot be read; give what python -m {command} wrote.")


def not_run(path: Path) -> list[tuple[str, str]]:
    """Return the runs of a list, each a line "NAME: COMMAND"; a backslash goes on on the next.

    Empty lines and those that begin with # are left out. Raises ``InvalidInputError`` for others.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} cannot be read as text; give another.") from error
    found = []
    for line in re.sub(r"\s*\\\n\s*", " ", text).splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, colon, command = line.partition(": ")
        if not (colon and name.strip() and command.strip()):
            raise InvalidInputError(
                f"{path.name}: {line.strip()!r} is not NAME: COMMAND; write one run a line."
            )
        found.append((name.strip(), command.strip()))
    return found


def _missing(results: Sequence[Results]) -> list[tuple[str, str]]:
    """Return what has not been computed, each with the command that would."""
    found = []
    for run in results:
        command = f"python -m training.evaluate {run.folder} --data DIR"
        if run.summary is None:
            found.append((f"{run.name}: coherence and deletion", command))
            continue
        for part, what in (("coherence", "coherence"), ("deletion", "deletion")):
            maps = {row["map"] for row in run.over_all(part)}
            if not maps:
                found.append((f"{run.name}: {what}", command))
            elif not any(name.startswith("shap-") for name in maps):
                found.append((f"{run.name}: {what} of SHAP's maps", f"{command} --shap 60"))
    return found


def _png(figure: object) -> bytes:
    data = io.BytesIO()
    # No date or version in the file: the same figures give the same bytes.
    figure.savefig(data, format="png", metadata={"Software": None})  # type: ignore[attr-defined]
    return data.getvalue()


def _write(path: Path, data: bytes) -> None:
    partial = path.with_name(f".{path.name}.tmp")
    partial.write_bytes(data)
    state.replace(partial, path)


if __name__ == "__main__":
    raise SystemExit(main())
