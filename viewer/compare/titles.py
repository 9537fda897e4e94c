"""What the header of a view says of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.images.case import Case
from engine.saliency.derived import title
from engine.saliency.scale import is_shut
from viewer.compare.board import Subject
from viewer.state.analysis import MapStatus, is_derived, is_slow
from viewer.state.contents import ALL_MASKS, NO_MASKS

if TYPE_CHECKING:
    from engine.evaluation.coherence import Coherence
    from engine.masks.mask import Mask


SHUT = (
    "The gate is shut on this image: it lets next to nothing through. The map is drawn on the "
    "scale of an open gate, so that differences of almost nothing do not look like a finding; "
    "the values under the cursor are the map's own."
)


def name(subject: Subject) -> str:
    """Return what is looked at: a map, a reader's mask, or the bare image."""
    if subject.content.empty:
        return "Empty"
    if subject.map_name is not None:
        return title(subject.map_name)
    alone = alone_mask(subject)
    return whose(alone) if alone is not None else "Image"


def whose(mask: Mask) -> str:
    """Return a mask's name with its reader's, where that is known."""
    return f"{mask.label} ({mask.author})" if mask.author else mask.label


def alone_mask(subject: Subject) -> Mask | None:
    """Return the one mask that a view shows, None where it shows all or none."""
    if subject.content.masks in (ALL_MASKS, NO_MASKS) or subject.document is None:
        return None
    masks = subject.document.masks
    return next((mask for mask in masks if mask.id == subject.content.masks), None)


def subtitle(subject: Subject, others: Sequence[Subject], model: str, *, brief: bool) -> str:
    """Return what the name leaves open: whose image, which model, how far it is, how it is made.

    others: what all views show; what they have in common is not said in each. brief: where there
    is little room, how it is made is left out as well if there is something else to say, and so is
    the case being read: the others have a tag.
    """
    parts: list[str] = []
    several = any(other.series is not subject.series for other in others if _shows(other))
    if not subject.here or several:
        source = _source(subject, others)
        parts += source[-1:] if brief and subject.here else source
    models = {other.session for other in others if _shows(other) and other.map_name is not None}
    if subject.map_name is not None and (not subject.own_model or len(models) > 1):
        parts.append(model)
    if not (brief and parts) or _is_under_way(subject):
        parts.append(_detail(subject, alone=not parts, brief=brief))
    return " · ".join(part for part in parts if part)


def tag(subject: Subject, reading: Case | None) -> tuple[str, str]:
    """Return the tag on what is not being read, and its tip; "" where it is."""
    content = subject.content
    if content.empty:
        return "", ""
    if not subject.here:
        tip = "Shown to compare with; the answers and the masks are of the image being read."
        if content.note:
            return content.note, f"Another case. {tip}"
        return ("other sequence" if subject.case is reading else "other case"), tip
    if not subject.now:
        return "other slice", "This view is not linked: it shows another slice than is being read."
    if not subject.own_model and subject.map_name is not None:
        return "other model", "The answers are of the model in use; this map is another model's."
    return "", ""


def shut(subject: Subject) -> str:
    """Return why a map is drawn so faintly where the gate is shut on the frame, else ""."""
    found = subject.entry.map if subject.entry is not None else None
    return SHUT if found is not None and is_shut(found) else ""


def score(found: Coherence | None, *, brief: bool) -> tuple[str, str, bool]:
    """Return a score as the header shows it, in words, and whether it is weak."""
    if found is None or found.rma is None or found.rra is None:
        return "", "", False
    chance, prior = found.chance_rma or 0.0, found.prior_rma or 0.0
    weak = found.rma <= max(chance, prior)
    words = (
        f"RMA {found.rma:.2f} (chance {chance:.2f}, centred blob {prior:.2f}), RRA {found.rra:.2f}"
    )
    if weak:
        words += "; no better than a centred blob"
    text = f"RMA {found.rma:.2f}  RRA {found.rra:.2f}"
    return text if brief or not weak else f"{text}  ≤ blob", words, weak


def _is_under_way(subject: Subject) -> bool:
    return subject.entry is not None and subject.entry.map is None


def _shows(subject: Subject) -> bool:
    return not subject.content.empty


def _source(subject: Subject, others: Sequence[Subject]) -> list[str]:
    series, case = subject.series, subject.case
    if series is None:
        return []
    one_case = all(other.case is case for other in others if _shows(other))
    if case is None or one_case or case.title == series.title:
        return [series.title]
    return [case.title, series.title] if len(case.series) > 1 else [case.title]


def _detail(subject: Subject, *, alone: bool, brief: bool) -> str:
    map_name, entry = subject.map_name, subject.entry
    if map_name is None:
        if not alone:
            return ""
        return subject.image.title if subject.image is not None else ""
    if entry is None:
        return ""
    if entry.status is MapStatus.COMPUTING:
        done = f", {entry.fraction:.0%}".replace("%", " %") if is_slow(map_name) else ""
        return f"computing{done}"
    if entry.status is MapStatus.FAILED:
        return "could not be computed"
    if entry.map is None:
        return "not computed" if is_slow(map_name) else ""
    if brief or is_derived(map_name):
        return entry.map.target_name
    samples = entry.map.provenance.parameters.get("samples")
    if is_slow(map_name):  # attributed to single pixels: there are no cells
        count = f", {samples} gradients" if samples else ""
        return entry.map.target_name + count
    rows, cols = entry.map.raw.shape[-2:]
    return f"{entry.map.target_name}, {cols} × {rows} cells"
