"""What a checkpoint says of itself: a JSON object, checked field by field.

A checkpoint comes from elsewhere, and what it says is shown to a clinician.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from typing import Any, get_args

from engine.errors import InvalidInputError
from engine.evaluation.familiarity import Limit
from engine.evaluation.presence import Presence
from engine.images.preprocess import Intensity, Preprocessing
from engine.model.architecture import Architecture

FORMAT = 1
BRANCHES = ("global", "local", "fusion")


@dataclass(frozen=True)
class TrainingData:
    """A data set that the network was trained on, and how to cite it."""

    name: str
    citation: str
    licence: str = ""
    images: int | None = None
    patients: int | None = None


@dataclass(frozen=True)
class Metrics:
    """Figures of one output, and the data that they were measured on.

    branch: one of ``BRANCHES``. split: in words ("out of fold, 5 folds by patient, BUSI").
    """

    branch: str
    split: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class CheckpointMetadata:
    """What a checkpoint says of itself.

    temperature: by branch, what logits are divided by before the softmax (1 where uncalibrated).
    date: ISO 8601. intended_use, limits: sentences for whoever looks at the model card.
    familiarity: the distance beyond which an image is unlike the training images; None where the
        checkpoint does not describe these.
    presence: how well the gate tells whether there is a lesion; None where a class says so, or
        where that was not measured.
    modalities: DICOM's codes of the training images ("US", "MR"); empty where it does not say.
    tensors_sha256: over names, types, shapes and values of all tensors; set on saving.
    """

    name: str
    version: str
    date: str
    licence: str
    architecture: Architecture
    preprocessing: Preprocessing
    training_data: tuple[TrainingData, ...]
    metrics: tuple[Metrics, ...]
    intended_use: str
    limits: str
    temperature: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(BRANCHES, 1.0))
    familiarity: Limit | None = None
    tensors_sha256: str = ""
    modalities: tuple[str, ...] = ()
    presence: Presence | None = None

    def __post_init__(self) -> None:
        """Raise ``InvalidInputError`` for what cannot be right."""
        _require(bool(self.name.strip()), "name is empty")
        _require(bool(self.version.strip()), "version is empty")
        _require(bool(self.licence.strip()), "licence is empty")
        _require(bool(self.date.strip()), "date is empty")
        _require(
            set(self.temperature) == set(BRANCHES)
            and all(_is_number(t) and t > 0 for t in self.temperature.values()),
            f"temperature must be a positive number for each of {', '.join(BRANCHES)}",
        )
        _require(all(m.branch in BRANCHES for m in self.metrics), "metrics name an unknown branch")
        _require(all(m.split.strip() for m in self.metrics), "metrics do not name their split")
        _require(
            all(_is_number(v) for m in self.metrics for v in m.values.values()),
            "metrics hold what is not a finite number",
        )
        _require(
            all(isinstance(m, str) and m.isalnum() and m.isupper() for m in self.modalities),
            "modalities are not DICOM's codes, such as US and MR",
        )
        _require(
            self.presence is None
            or (self.architecture.fusion == "gate" and self.architecture.gate_norm == "sigmoid"),
            "presence is told by a gate that can close everywhere, which this network has not",
        )
        p = self.preprocessing
        _require(
            p.size == self.architecture.input_size,
            "preprocessing.size differs from the architecture's input_size",
        )
        _require(isinstance(p.keep_aspect, bool), "preprocessing.keep_aspect is not true or false")
        _require(
            len(p.mean) == len(p.std) == 3
            and all(map(_is_number, (*p.mean, *p.std)))
            and min(p.std) > 0,
            "preprocessing.mean and std must be three numbers each, std positive",
        )
        _require(p.intensity in get_args(Intensity), "preprocessing.intensity is unknown")
        _require(
            len(p.percentiles) == 2
            and all(map(_is_number, p.percentiles))
            and 0 <= p.percentiles[0] < p.percentiles[1] <= 100,
            "preprocessing.percentiles must be two rising numbers from 0 to 100",
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the logits."""
        return self.architecture.classes

    def to_json(self) -> dict[str, Any]:
        """Return plain values that ``from_json`` takes back."""
        values = {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if f.name
            not in (
                *("architecture", "preprocessing", "training_data", "metrics"),
                *("familiarity", "presence", "modalities"),
            )
        }
        if self.familiarity is not None:
            values["familiarity"] = asdict(self.familiarity)
        if self.presence is not None:
            values["presence"] = asdict(self.presence)
        if self.modalities:
            values["modalities"] = list(self.modalities)
        return {
            "format": FORMAT,
            **values,
            "temperature": dict(self.temperature),
            "architecture": self.architecture.to_json(),
            "preprocessing": asdict(self.preprocessing),
            "training_data": [asdict(data) for data in self.training_data],
            "metrics": [{**asdict(replace(m, values=dict(m.values)))} for m in self.metrics],
        }

    @classmethod
    def from_json(cls, values: Any) -> CheckpointMetadata:
        """Build from plain values; raise ``InvalidInputError`` for what is missing or wrong."""
        _require(isinstance(values, dict), "the metadata is not a table")
        values = dict(values)
        number = values.pop("format", None)
        _require(
            number == FORMAT,
            f"it is of format {number}, and this version of the program knows format {FORMAT}",
        )
        # Absent from checkpoints that do not have it.
        limit, presence = values.pop("familiarity", None), values.pop("presence", None)
        modalities = values.pop("modalities", [])
        absent = {"familiarity": None, "presence": None, "modalities": ()}
        given = _record(cls, {**values, **absent}, "", every=True)
        _require(isinstance(modalities, list), "modalities is not a list")
        given["modalities"] = tuple(modalities)
        if limit is not None:
            given["familiarity"] = Limit(**_record(Limit, limit, "familiarity", every=True))
        if presence is not None:
            given["presence"] = Presence(**_record(Presence, presence, "presence", every=True))
        for name in ("name", "version", "date", "licence", "intended_use", "limits"):
            _require(isinstance(given[name], str), f"{name} is not text")
        _require(isinstance(given["tensors_sha256"], str), "tensors_sha256 is not text")
        _require(isinstance(given["temperature"], dict), "temperature is not a table")
        for name in ("training_data", "metrics"):
            _require(isinstance(given[name], list), f"{name} is not a list")
        _require(isinstance(given["architecture"], dict), "architecture is not a table")
        given["architecture"] = Architecture.from_json(given["architecture"])
        given["preprocessing"] = Preprocessing(
            **_record(Preprocessing, given["preprocessing"], "preprocessing", every=True)
        )
        given["training_data"] = tuple(
            TrainingData(**_record(TrainingData, data, "training_data"))
            for data in given["training_data"]
        )
        given["metrics"] = tuple(
            Metrics(**_record(Metrics, m, "metrics")) for m in given["metrics"]
        )
        for m in given["metrics"]:
            _require(
                isinstance(m.branch, str)
                and isinstance(m.split, str)
                and isinstance(m.values, dict),
                "metrics are not of the right kind",
            )
        return cls(**given)


def _record(cls: Any, values: Any, where: str, *, every: bool = False) -> dict[str, Any]:
    """Check names against a dataclass's fields; lists become tuples where they hold numbers."""
    prefix = f"{where}." if where else ""
    _require(isinstance(values, dict), f"{where or 'the metadata'} is not a table")
    known = {f.name for f in fields(cls)}
    needed: Iterable[str] = known if every else {f.name for f in fields(cls) if _is_needed(f)}
    for name in sorted(set(needed) - set(values)):
        raise InvalidInputError(f"{prefix}{name} is missing")
    for name in sorted(set(values) - known):
        raise InvalidInputError(f"{prefix}{name} is not something this version knows")
    return {
        name: tuple(value)
        if isinstance(value, list) and all(isinstance(v, (int, float)) for v in value) and value
        else value
        for name, value in values.items()
    }


def _is_needed(f: Any) -> bool:
    return f.default is MISSING and f.default_factory is MISSING


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _require(valid: bool, problem: str) -> None:
    if not valid:
        raise InvalidInputError(problem)
