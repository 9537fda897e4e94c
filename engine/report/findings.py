"""What is said of one frame: the answer, the maps, the masks and how far they agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from engine.evaluation.coherence import Coherence, Sign, coherence
from engine.images import windowing
from engine.images.image import Image, Window
from engine.masks import measure
from engine.masks.formats.sidecar import program_version
from engine.masks.mask import Mask
from engine.masks.shapes import Box
from engine.progress import Progress
from engine.saliency.map import SaliencyMap

if TYPE_CHECKING:
    from engine.evaluation.familiarity import Familiarity
    from engine.measure.measurement import Measurement
    from engine.session import Prediction, Session

NOT_A_DEVICE = "Research use only. Not a medical device, not for diagnosis."


@dataclass(frozen=True)
class Model:
    """Which checkpoint answered, and how it was run. calibrated: whether by a temperature."""

    name: str
    version: str
    sha256: str
    device: str
    precision: str
    calibrated: bool
    training_data: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class MapFinding:
    """One map, and its scores against the compared mask (None without one)."""

    map: SaliencyMap
    scores: Coherence | None = None

    @property
    def outside(self) -> float | None:
        """The share of the relevance outside the anatomy."""
        share = self.map.provenance.parameters.get("outside_anatomy")
        return None if share is None else float(share)

    @property
    def weak(self) -> bool:
        """Whether a centred blob scores as well or better."""
        s = self.scores
        return bool(s and s.rma is not None and s.prior_rma is not None and s.rma <= s.prior_rma)


@dataclass(frozen=True, eq=False)
class Findings:
    """All that a figure or a report says of a frame.

    masks: all of the image, of which ``compared`` is what the maps are held against. window: as
    it is shown. covers: boxes blackened in every picture. measurements: (what, how much), as they
    are to be printed. case: how it is called on paper, never a patient's name. unsuited: why the
    model may not suit the image, a clause, where it was chosen for want of a better.
    """

    image: Image
    frame: int
    window: Window | None = None
    masks: tuple[Mask, ...] = ()
    compared: Mask | None = None
    prediction: Prediction | None = None
    familiarity: Familiarity | None = None
    maps: tuple[MapFinding, ...] = ()
    model: Model | None = None
    covers: tuple[Box, ...] = ()
    inverted: bool | None = None
    measurements: tuple[tuple[str, str], ...] = ()
    case: str = ""
    notes: tuple[str, ...] = field(default_factory=tuple)
    unsuited: str = ""

    @property
    def place(self) -> str:
        """The frame in words, "" for an image of one."""
        if self.image.frames == 1:
            return ""
        return f"slice {self.frame + 1} of {self.image.frames}"

    @property
    def program(self) -> str:
        """The program and its version."""
        return f"Saliscope {program_version() or '(development)'}"


def gather(
    image: Image,
    frame: int,
    *,
    session: Session | None = None,
    map_names: Sequence[str] = (),
    masks: Sequence[Mask] = (),
    compared: Mask | None = None,
    sign: Sign = "positive",
    window: Window | None = None,
    covers: Sequence[Box] = (),
    case: str = "",
    measurements: Sequence[tuple[str, str]] = (),
    unsuited: str = "",
    progress: Progress | None = None,
) -> Findings:
    """Predict, compute the maps asked for, and score them.

    compared: None for the first mask that is drawn on the frame, as for one that is not. sign:
    how signed maps are counted. Raises ``InvalidInputError`` for a frame or map that is not there.
    """
    prediction = familiarity = model = None
    maps: list[SaliencyMap] = []
    if session is not None:
        prediction = session.predict(image, frame, progress.part(0, 0.2) if progress else None)
        familiarity = session.familiarity(image, frame)
        model = describe(session)
        for number, name in enumerate(map_names):
            part = None
            if progress is not None:
                ends = [0.2 + 0.8 * (number + n) / len(map_names) for n in (0, 1)]
                part = progress.part(*ends)
            maps.append(session.saliency(image, frame, name, progress=part))
    return assemble(
        image,
        frame,
        maps=maps,
        prediction=prediction,
        familiarity=familiarity,
        model=model,
        masks=masks,
        compared=compared,
        sign=sign,
        window=window,
        covers=covers,
        case=case,
        measurements=measurements,
        unsuited=unsuited,
    )


def assemble(
    image: Image,
    frame: int,
    *,
    maps: Sequence[SaliencyMap] = (),
    prediction: Prediction | None = None,
    familiarity: Familiarity | None = None,
    model: Model | None = None,
    masks: Sequence[Mask] = (),
    compared: Mask | None = None,
    sign: Sign = "positive",
    window: Window | None = None,
    inverted: bool | None = None,
    covers: Sequence[Box] = (),
    case: str = "",
    measurements: Sequence[tuple[str, str]] = (),
    unsuited: str = "",
) -> Findings:
    """Score maps that are there already; else as ``gather``."""
    if compared is None or not compared.area(frame):
        compared = next((m for m in masks if m.area(frame)), None)
    found = []
    for one in maps:
        own = sign if one.sign == "signed" else "positive"
        scores = coherence(one.values, compared.frame(frame), own) if compared else None
        found.append(MapFinding(one, scores))
    return Findings(
        image,
        frame,
        window or (None if image.is_colour else windowing.default_window(image, frame)),
        tuple(masks),
        compared,
        prediction,
        familiarity,
        tuple(found),
        model,
        tuple(covers),
        inverted,
        tuple(measurements),
        case,
        unsuited=unsuited,
    )


def measured(image: Image, items: Sequence[Measurement], frame: int) -> tuple[tuple[str, str], ...]:
    """Return what was measured on a frame as (what, how much), covers left out."""
    from engine.measure.measurement import measure as amount

    found = []
    for item in items:
        if item.kind != "cover" and item.on(frame):
            result = amount(image, item)
            found.append((item.title, ", ".join((result.text, *result.more[:1]))))
    return tuple(found)


def describe(session: Session) -> Model:
    """Return which checkpoint a session runs, and how."""
    about = session.checkpoint.metadata
    return Model(
        about.name,
        about.version,
        session.checkpoint.sha256,
        session.device,
        session.precision,
        any(t != 1 for t in about.temperature.values()),
        tuple(data.name for data in about.training_data),
    )


def mask_rows(findings: Findings) -> list[dict[str, Any]]:
    """Return each mask's measures on the frame and over all: numbers, None where not known."""
    image, frame = findings.image, findings.frame
    geometry = image.geometry
    grey = image.grey(frame)
    rows = []
    for mask in findings.masks:
        inside = mask.frame(frame)
        values = grey[inside]
        rows.append(
            {
                "label": mask.label,
                "author": mask.author,
                "pixels": mask.area(frame),
                "mm2": measure.area_mm2(mask, frame, geometry),
                "mean": float(values.mean()) if values.size else None,
                "sd": float(values.std()) if values.size else None,
                "frames": sum(1 for p in mask.frames.values() if p.any()),
                "ml": measure.volume_ml(mask, geometry),
            }
        )
    return rows


def provenance(findings: Findings, one: MapFinding | None = None) -> dict[str, Any]:
    """Return what made the findings (or one map of them), as JSON holds it."""
    found: dict[str, Any] = {
        "program": findings.program,
        "research_use_only": True,
        "frame": findings.frame + 1,
        "frames": findings.image.frames,
        "image_key": findings.image.key,
        "covered_areas": len(findings.covers),
    }
    if findings.window is not None:
        found["window"] = {"centre": findings.window.centre, "width": findings.window.width}
    if findings.model is not None:
        found["model"] = asdict(findings.model)
    if findings.prediction is not None:
        found["prediction"] = {
            "classes": list(findings.prediction.classes),
            "predicted": findings.prediction.predicted,
            "probabilities": {k: list(v) for k, v in findings.prediction.branches.items()},
        }
        if findings.prediction.gate is not None:
            found["gate"] = findings.prediction.gate.to_json()
    if findings.familiarity is not None:
        found["likeness"] = {
            "distance": findings.familiarity.distance,
            "limit": findings.familiarity.limit,
        }
    chosen = findings.maps if one is None else (one,)
    found["maps"] = {m.map.name: _of_map(m, findings.compared) for m in chosen}
    return found


def _of_map(one: MapFinding, compared: Mask | None) -> dict[str, Any]:
    low, high = one.map.range
    return {
        "class": one.map.target_name,
        "sign": one.map.sign,
        "scale": [low, high],
        **asdict(one.map.provenance),
        "agreement": (
            None
            if one.scores is None or compared is None
            else {"mask": compared.label, **asdict(one.scores)}
        ),
    }
