"""A model card from what a checkpoint says of itself: ``python -m training.card CHECKPOINT``.

Nothing is made up: what neither the checkpoint nor the external tests say is said to be missing.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.model import checkpoint
from engine.model.catalogue import WORDS
from engine.model.checkpoint import Checkpoint
from engine.model.metadata import CheckpointMetadata
from training import console, state
from training.cv import METRICS
from training.external.__main__ import SUMMARY
from training.external.models import ENSEMBLE

TITLES = {
    **{"auc": "AUC", "accuracy": "accuracy", "sensitivity": "sensitivity"},
    **{"specificity": "specificity", "f1": "F1", "ece_calibrated": "ECE, calibrated"},
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser("python -m training.card", description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="a .md file")
    parser.add_argument(
        "--external",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="what training.external wrote of it, or of the run that it was fitted after",
    )
    parser.add_argument(
        "--evaluation", type=Path, metavar="RUN", help="the evaluated run that it was fitted after"
    )
    parser.add_argument("--trained-by", metavar="COMMAND", help="the command that made it")
    parser.add_argument("--results", metavar="LINK", help="of the full report, from the card")
    given = parser.parse_args(arguments)
    return console.run(lambda: write(given), "Nothing was written; run it again.")


def write(given: argparse.Namespace) -> None:
    """Write the card."""
    found = checkpoint.load(given.checkpoint)
    external = [_json(folder / SUMMARY) for folder in given.external]
    evaluation = presence = None
    if given.evaluation is not None:
        evaluation = _json(given.evaluation / "evaluation" / SUMMARY)
        metrics = given.evaluation / METRICS
        presence = _json(metrics).get("presence") if metrics.is_file() else None
    text = card(found, external, evaluation, given.trained_by, given.results, presence)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    state.write_text(given.out, text)
    console.say(f"{given.out}: the card of {found.metadata.name} {found.metadata.version}")


def _json(path: Path) -> dict[str, Any]:
    return state.read_json(
        path, f"There is no summary at {path}; run training.external or training.evaluate first."
    )


def card(
    found: Checkpoint,
    external: Sequence[Mapping[str, Any]] = (),
    evaluation: Mapping[str, Any] | None = None,
    command: str | None = None,
    results: str | None = None,
    presence: Mapping[str, Any] | None = None,
) -> str:
    """Return the card as Markdown.

    presence: how well the gate tells whether there is a lesion, of ``training.cv``'s metrics.
    """
    about = found.metadata
    parts = [
        f"# Model card: {about.name} {about.version}",
        _facts(found, results),
        _figures(about),
        *([_maps(evaluation)] if evaluation is not None else []),
        *([_presence(presence, about)] if presence is not None else []),
        *(_external(summary) for summary in external),
        "## How it was trained\n\n"
        + (
            f"```\n{command.strip()}\n```"
            if command
            else "The command is not recorded; the settings are in the checkpoint's metadata."
        ),
        _citations(about),
    ]
    return "\n\n".join(parts) + "\n"


def _facts(found: Checkpoint, results: str | None) -> str:
    about, a, p = found.metadata, found.metadata.architecture, found.metadata.preprocessing
    rows = []
    if found.path is not None:
        size = found.path.stat().st_size / 1e6
        half = any(str(v.dtype) == "torch.float16" for v in found.state.values())
        kind = "half precision, " if half else ""
        rows.append(("file", f"`{found.path.name}` ({kind}{size:.1f} MB)"))
        rows.append(("SHA-256", f"`{found.sha256}`"))
    modalities = ", ".join(f"{WORDS.get(m, m)} ({m})" for m in about.modalities)
    aspect = "aspect kept, padded with black" if p.keep_aspect else "stretched"
    rows += [
        (
            "architecture",
            f"global {a.global_backbone}, local {a.local_branch}, fusion {a.fusion} on "
            f"{a.fusion_grid} x {a.fusion_grid} cells",
        ),
        ("input", f"{p.size[0]} x {p.size[1]} pixels, {aspect}; intensity: {p.intensity}"),
        ("classes", ", ".join(about.classes)),
        ("answers for", modalities or "not said"),
        ("trained on", "; ".join(map(_data, about.training_data)) or "not said"),
        ("meant for", about.intended_use or "not said"),
        ("not meant for", about.limits or "not said"),
        ("calibration", _calibration(about)),
        ("unlike the training data", _familiarity(about)),
        ("date", about.date),
        ("licence", about.licence),
    ]
    if results:
        rows.append(("full report", f"[{results}]({results})"))
    return "| | |\n| --- | --- |\n" + "\n".join(f"| {k} | {_cell(v)} |" for k, v in rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _data(data: Any) -> str:
    text = data.name
    if data.images:
        text = f"{data.images} images of {text}"
    if data.patients:
        text += f", {data.patients} patients"
    return f"{text} ({data.licence})" if data.licence else text


def _calibration(about: CheckpointMetadata) -> str:
    values = about.temperature
    if all(value == 1 for value in values.values()):
        return "none: probabilities are as trained"
    said = ", ".join(f"{branch} {value:.2f}" for branch, value in values.items())
    return f"one temperature per output, fitted out of fold: {said}"


def _familiarity(about: CheckpointMetadata) -> str:
    limit = about.familiarity
    if limit is None:
        return "not measured; the program cannot warn"
    return (
        f"feature distance above {limit.distance:.2f}, to which {limit.percentile:.0f} % of "
        f"{limit.images} held-out images keep ({limit.source}); the program warns above it"
    )


def _figures(about: CheckpointMetadata) -> str:
    if not about.metrics:
        return "## Figures\n\nThe checkpoint carries none."
    names = [n for n in TITLES if any(n in m.values for m in about.metrics)]
    lines = [
        f"| output | {' | '.join(TITLES[n] for n in names)} |",
        f"| --- |{' --- |' * len(names)}",
    ]
    for m in about.metrics:
        cells = [f"{m.values[n]:.3f}" if n in m.values else "–" for n in names]
        lines.append(f"| {m.branch} | {' | '.join(cells)} |")
    said = "; ".join(dict.fromkeys(m.split for m in about.metrics))
    return f"## Figures\n\nMeasured {said}.\n\n" + "\n".join(lines)


def _maps(evaluation: Mapping[str, Any]) -> str:
    lines = ["| map | images | RMA | RRA |", "| --- | --- | --- | --- |"]
    rows = [row for row in evaluation["coherence"] if row["subset"] == "all"]
    for row in rows:
        name = {"centre": "*centred Gaussian*", "chance": "*chance*"}.get(row["map"], row["map"])
        lines.append(f"| {name} | {row['images']} | {_sure(row, 'rma')} | {_sure(row, 'rra')} |")
    return (
        "## Where it looks\n\nCoherence of its maps with lesion masks, out of fold, by the models "
        "of the cross-validation (95 % bootstrap intervals). A map that does not beat the centred "
        "Gaussian explains nothing.\n\n" + "\n".join(lines)
    )


def _presence(told: Mapping[str, Any], about: CheckpointMetadata) -> str:
    if told["auc"] is None:
        return "## Whether there is a lesion at all\n\nNot measured."
    return (
        "## Whether there is a lesion at all\n\nTold by how far the gate opens, by the "
        f"models of the cross-validation on images that each held out, {told['without_lesion']} of "
        f"{told['images']} without a lesion: AUC "
        f"{told['auc']:.3f}; it opens on {told['sensitivity']:.1%} of images with a lesion and "
        f"does not on {told['specificity']:.1%} of those without."
        + (
            " Where it does not, the program says beside the answer that there may be no lesion."
            if about.presence is not None
            else ""
        )
    )


def _external(summary: Mapping[str, Any]) -> str:
    names = ("auc", "accuracy", "sensitivity", "specificity", "ece")
    rows = [r for r in summary["performance"] if r["model"] in (ENSEMBLE, "model")]
    kind = "the cross-validation's models together" if rows[0]["model"] == ENSEMBLE else "this file"
    lines = [
        f"| output | {' | '.join(TITLES.get(n, n.upper()) for n in names)} |",
        f"| --- |{' --- |' * len(names)}",
    ]
    for row in rows:
        lines.append(f"| {row['output']} | {' | '.join(_sure(row, n) for n in names)} |")
    for row in summary["coherence"]:
        if row["model"] in (ENSEMBLE, "model"):
            lines += [
                "",
                f"Map {row['map']}: RMA {_sure(row, 'rma')}, RRA {_sure(row, 'rra')} "
                f"(centred Gaussian {row['centre_rma']:.3f}, {row['centre_rra']:.3f}).",
            ]
    for row in summary["familiarity"]:
        lines += ["", f"Unlike the training images: {_sure(row, 'unlike')} of these images."]
    return (
        f"## On images of elsewhere: {summary['dataset']}\n\n{summary['images']} images never "
        f"trained on, answered by {kind}; nothing is fitted to them.\n\n" + "\n".join(lines)
    )


def _sure(row: Mapping[str, Any], figure: str) -> str:
    value, low, high = row[figure], row.get(f"{figure}_low"), row.get(f"{figure}_high")
    if value is None:
        return "–"
    return f"{value:.3f}" + ("" if low is None else f" ({low:.3f} to {high:.3f})")


def _citations(about: CheckpointMetadata) -> str:
    said = [f"- {data.name}: {data.citation}" for data in about.training_data if data.citation]
    return "## Citations\n\n" + ("\n".join(said) or "None are due.")


if __name__ == "__main__":
    raise SystemExit(main())
