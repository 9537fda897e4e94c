"""The tables of a batch, and the summary of all that it wrote."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.evaluation.coherence import coherence
from engine.export import names
from engine.export.running import Place, Run, attempt, write_json
from engine.export.wanted import Summary, Wanted
from engine.images.image import Image
from engine.masks import measure
from engine.masks.formats.files import replacing
from engine.masks.formats.sidecar import program_version
from engine.masks.mask import Mask

if TYPE_CHECKING:
    from engine.report.findings import Findings


def rows_of(said: Findings, place: Place) -> list[dict[str, Any]]:
    """Return a row for each map against each mask on the frame (or none)."""
    found = said.prediction
    assert found is not None
    model, near = said.model, said.familiarity
    rows = []
    masks: list[Mask | None] = [mask for mask in said.masks if mask.area(said.frame)]
    for mask in masks or [None]:
        for one in said.maps:
            sign = one.scores.sign if one.scores is not None else "positive"
            score = coherence(one.map.values, mask.frame(said.frame), sign) if mask else None
            rows.append(
                {
                    "case": place.what,
                    "frame": said.frame + 1,
                    "mask": mask.label if mask is not None else "",
                    "author": mask.author if mask is not None else "",
                    "area_pixels": mask.area(said.frame) if mask is not None else None,
                    "area_mm2": measure.area_mm2(mask, said.frame, said.image.geometry)
                    if mask is not None
                    else None,
                    "map": one.map.name,
                    "class": one.map.target_name,
                    "rma": score.rma if score else None,
                    "rra": score.rra if score else None,
                    "chance": score.chance_rma if score else None,
                    "prior_rma": score.prior_rma if score else None,
                    "prior_rra": score.prior_rra if score else None,
                    "lift": score.lift if score else None,
                    "sign": sign,
                    "outside_anatomy": one.outside,
                    "predicted": found.classes[found.predicted],
                    "probability": found.branches["fusion"][found.predicted],
                    "likeness": near.ratio if near is not None else None,
                    "gate_opening": found.gate.opening if found.gate is not None else None,
                    "checkpoint": f"{model.name} {model.version}" if model else "",
                    "sha256": model.sha256 if model else "",
                }
            )
    return rows


def finish(run: Run) -> None:
    """Write the table, the list of what was removed, and the summary."""
    summary, wanted = run.summary, run.wanted
    summary.notes = list(dict.fromkeys(summary.notes))
    if summary.rows:
        attempt(run, "scores.csv", lambda: _scores(summary), stop=False)
    if run.deidentifier is not None:
        summary.removed = run.deidentifier.removed.sentences()
        summary.notes += run.deidentifier.removed.notes
        attempt(run, "removed.txt", lambda: _removed(summary), stop=False)
    target = names.free(summary.folder, "export.json")
    record = {
        "program": {"name": "Saliscope", "version": program_version()},
        "research_use_only": True,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "wanted": asdict(wanted),
        "cases": run.listed,
        "files": [str(path.relative_to(summary.folder).as_posix()) for path in summary.written],
        "failed": [
            {"what": failure.what, "sentence": names.unnamed(failure.sentence, run.hidden)}
            for failure in summary.failed
        ],
        "notes": [names.unnamed(note, run.hidden) for note in summary.notes],
        "stopped": summary.stopped,
    }

    def work() -> list[Path]:
        write_json(target, record)
        return [target]

    attempt(run, "export.json", work, stop=False)


def _scores(summary: Summary) -> list[Path]:
    target = names.free(summary.folder, "scores.csv")
    with replacing(target) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(summary.rows[0]), lineterminator="\n")
        table.writeheader()
        for row in summary.rows:
            table.writerow({k: _cell(v) for k, v in row.items()})
    return [target]


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@")):
        return f"'{value}"  # a mask's name must not become a formula
    return value


def _removed(summary: Summary) -> list[Path]:
    target = names.free(summary.folder, "removed.txt")
    with replacing(target) as temporary:
        temporary.write_text("\n".join(summary.removed) + "\n", encoding="utf-8")
    return [target]


def listed(
    image: Image, shown: Image, place: Place, masks: Sequence[Mask], wanted: Wanted, root: Path
) -> dict[str, Any]:
    """Return what tells one series from another, without the patient."""
    found: dict[str, Any] = {
        "case": place.what,
        "folder": place.folder.relative_to(root).as_posix(),
        "modality": shown.identity.modality,
        "frames": shown.frames,
        "shape": list(shown.shape),
        "series_instance_uid": shown.identity.series_instance_uid,
        "masks": [mask.label for mask in masks],
    }
    if not wanted.deidentify:
        found["image_key"] = image.key
        if not image.identity.is_dicom:
            found["file"] = [path.name for path in image.identity.source_paths]
    return found
