"""A trained network as one safetensors file that says what it is.

The file's header holds one metadata entry, ``saliscope``: a JSON object of the fields of
``CheckpointMetadata``. Everything in a file is checked before a network is built from it: a
checkpoint comes from elsewhere, and what it says is shown to a clinician.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn, get_args

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_safetensors
from safetensors.torch import save as write_safetensors
from torch import Tensor

from engine.errors import CheckpointError, InvalidInputError
from engine.evaluation.familiarity import Limit, Reference, from_arrays
from engine.images.preprocess import Intensity, Preprocessing
from engine.model.architecture import Architecture
from engine.model.network import FusionNetwork
from engine.model.weights import describe_mismatch, looks_like_pickle

FORMAT = 1
METADATA_KEY = "saliscope"
BRANCHES = ("global", "local", "fusion")

# The paper's network with 1000 classes takes 1.9 GB in float32; beyond twice that it is no
# checkpoint of this program.
MAX_FILE_BYTES = 4 * 2**30
# A header names a few thousand tensors in some 100 bytes each.
MAX_HEADER_BYTES = 8 * 2**20
# The SHAP background is a handful of small images.
MAX_BACKGROUND_BYTES = 16 * 2**20

_BACKGROUND = "shap.background"
_FAMILIARITY = "familiarity."
_NETWORK = "network."
_WEIGHT_TYPES = (torch.float32, torch.float16)


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
                *("familiarity", "modalities"),
            )
        }
        if self.familiarity is not None:
            values["familiarity"] = asdict(self.familiarity)
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
        limit, modalities = values.pop("familiarity", None), values.pop("modalities", [])
        given = _record(cls, {**values, "familiarity": None, "modalities": ()}, "", every=True)
        _require(isinstance(modalities, list), "modalities is not a list")
        given["modalities"] = tuple(modalities)
        if limit is not None:
            given["familiarity"] = Limit(**_record(Limit, limit, "familiarity", every=True))
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


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A network's weights and what they are.

    state: float32 or float16 tensors by the network's names. shap_background: uint8 or float16
    (N, 3, h, w), see ``engine.saliency.shap``. path: the file that it came from. familiarity: the
    training images' features, where ``metadata.familiarity`` says how far is too far.
    """

    metadata: CheckpointMetadata
    state: Mapping[str, Tensor]
    shap_background: Tensor | None = None
    path: Path | None = None
    file_sha256: str = field(default="", repr=False)
    familiarity: Reference | None = None

    @classmethod
    def from_network(
        cls,
        network: FusionNetwork,
        metadata: CheckpointMetadata,
        shap_background: Tensor | None = None,
        reference: Reference | None = None,
    ) -> Checkpoint:
        """Take a copy of a network's weights, on the CPU."""
        if network.architecture != metadata.architecture:
            raise InvalidInputError(
                "The metadata describe another architecture than the network's; build both from "
                "the same one."
            )
        state = {
            name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
            for name, value in network.state_dict().items()
        }
        return cls(metadata, state, shap_background, familiarity=reference)

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the file, or of the file that ``save`` would write."""
        return self.file_sha256 or hashlib.sha256(self._serialise(self._tensors(False))).hexdigest()

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the logits."""
        return self.metadata.classes

    def network(self) -> FusionNetwork:
        """Build the network, in float32 on the CPU and set to evaluate, with its own weights."""
        state = {
            name: value.float() if value.dtype == torch.float16 else value.clone()
            for name, value in self.state.items()
        }
        with torch.device("meta"):
            network = FusionNetwork(self.metadata.architecture)
        network.load_state_dict(state, assign=True)
        if any(value.is_meta for value in network.buffers()):
            # Some backbones hold tables that are computed, not stored.
            network = FusionNetwork(self.metadata.architecture)
            network.load_state_dict(state)
        return network.eval()

    def save(self, path: Path, *, half: bool = False) -> str:
        """Write the file, whole or not at all; return its SHA-256.

        half: store kernels and matrices as float16 (vectors, such as those of batch
        normalisation, stay float32). Raises ``CheckpointError`` where values are not finite, do
        not fit float16, or the file cannot be written.
        """
        path = Path(path)
        data = self._serialise(self._tensors(half))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).chmod(0o644)
                Path(name).replace(path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise CheckpointError(
                f"{path.name} cannot be written: {error.strerror or error}; choose another folder."
            ) from error
        return hashlib.sha256(data).hexdigest()

    def _tensors(self, half: bool) -> dict[str, Tensor]:
        tensors = {}
        for name, value in self.state.items():
            if half and value.dtype == torch.float32 and value.ndim > 1:
                value = value.half()
            if value.is_floating_point() and not bool(torch.isfinite(value).all()):
                raise CheckpointError(
                    f"The network cannot be saved: {name} holds values that are not finite"
                    f"{' as float16' if half else ''}; train again with a lower rate."
                )
            tensors[_NETWORK + name] = value.contiguous()
        if self.shap_background is not None:
            problem = _background_problem(self.shap_background)
            if problem:
                raise CheckpointError(
                    f"The network cannot be saved: {problem}; give a few small images."
                )
            tensors[_BACKGROUND] = self.shap_background.contiguous()
        if self.familiarity is not None:
            tensors |= _familiarity_tensors(self.familiarity)
        problem = _familiarity_problem(self.familiarity, self.metadata, self.state)
        if problem:
            raise CheckpointError(f"The network cannot be saved: {problem}; describe it again.")
        return tensors

    def _serialise(self, tensors: dict[str, Tensor]) -> bytes:
        metadata = replace(self.metadata, tensors_sha256=tensors_sha256(tensors))
        text = json.dumps(metadata.to_json(), ensure_ascii=False, sort_keys=True, allow_nan=False)
        return write_safetensors(tensors, metadata={METADATA_KEY: text})


def load(path: Path) -> Checkpoint:
    """Read and check a checkpoint; raise ``CheckpointError`` with one sentence if it is not one."""
    path = Path(path)
    fail = _failure(path)
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            fail(f"it is larger than {MAX_FILE_BYTES >> 30} GiB", "choose a checkpoint")
        data = path.read_bytes()
    except OSError as error:
        fail(f"{error.strerror or error}", "check the path")
    metadata = _metadata(_header(data, path), fail)
    try:
        tensors = parse_safetensors(data)
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        fail(f"its tensors are damaged ({error})", "fetch it again")
    background = tensors.pop(_BACKGROUND, None)
    if background is not None and (problem := _background_problem(background)):
        fail(problem, "fetch it again")
    described = {
        name.removeprefix(_FAMILIARITY): tensors.pop(name).numpy()
        for name in list(tensors)
        if name.startswith(_FAMILIARITY)
    }
    try:
        reference = from_arrays(described) if described else None
    except InvalidInputError as error:
        fail(str(error).rstrip("."), "fetch it again")
    foreign = [name for name in tensors if not name.startswith(_NETWORK)]
    if foreign:
        fail(f"it has the unknown tensor {foreign[0]}", "fetch it again")
    state = {name.removeprefix(_NETWORK): value for name, value in tensors.items()}
    try:
        with torch.device("meta"):
            expected = FusionNetwork(metadata.architecture).state_dict()
    except (InvalidInputError, RuntimeError, ValueError) as error:
        fail(f"its architecture cannot be built ({error})", "update the program")
    problem = describe_mismatch(
        {name: tuple(value.shape) for name, value in expected.items()},
        {name: tuple(value.shape) for name, value in state.items()},
    )
    if problem:
        fail(f"its tensors are not those of its architecture, {problem}", "fetch it again")
    for name, value in state.items():
        wanted = _WEIGHT_TYPES if expected[name].is_floating_point() else (expected[name].dtype,)
        if value.dtype not in wanted:
            fail(f"{name} is of type {str(value.dtype).removeprefix('torch.')}", "fetch it again")
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            fail(f"{name} holds values that are not finite", "fetch it again")
    if problem := _familiarity_problem(reference, metadata, state):
        fail(problem, "fetch it again")
    everything = {_NETWORK + name: value for name, value in state.items()}
    if background is not None:
        everything[_BACKGROUND] = background
    if reference is not None:
        everything |= _familiarity_tensors(reference)
    if tensors_sha256(everything) != metadata.tensors_sha256:
        fail("its tensors have changed since it was written", "fetch it again")
    digest = hashlib.sha256(data).hexdigest()
    return Checkpoint(metadata, state, background, path, digest, reference)


def tensors_sha256(tensors: Mapping[str, Tensor]) -> str:
    """Digest names, types, shapes and values, whatever order they are stored in."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name].contiguous()
        digest.update(f"{name} {value.dtype} {list(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


_Fail = Callable[[str, str], NoReturn]


def _failure(path: Path) -> _Fail:
    def fail(reason: str, advice: str) -> NoReturn:
        raise CheckpointError(f"{path.name} cannot be opened as a checkpoint: {reason}; {advice}.")

    return fail


def _header(data: bytes, path: Path) -> dict[str, Any]:
    """Return the safetensors header: 8 bytes of length, little-endian, then JSON."""
    fail = _failure(path)
    if looks_like_pickle(path, data[:4]) and data[8:9] != b"{":
        fail(
            "it is a PyTorch pickle, which can run code when it is opened and so is never loaded",
            "ask for the checkpoint as safetensors",
        )
    if len(data) < 8:
        fail("it is shorter than a safetensors header", "fetch it again")
    (length,) = struct.unpack("<Q", data[:8])
    if length > MAX_HEADER_BYTES or data[8:9] != b"{":
        fail("it is not a safetensors file", "choose a file that ends in .safetensors")
    if 8 + length > len(data):
        fail("it ends within its header", "fetch it again")
    try:
        header = json.loads(data[8 : 8 + length])
    except (ValueError, RecursionError):
        fail("its header is damaged", "fetch it again")
    if not isinstance(header, dict):
        fail("its header is damaged", "fetch it again")
    end = 0
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
        if not (
            isinstance(offsets, list)
            and len(offsets) == 2
            and all(isinstance(n, int) and n >= 0 for n in offsets)
        ):
            fail("its header is damaged", "fetch it again")
        end = max(end, offsets[1])
    if 8 + length + end > len(data):
        missing = 8 + length + end - len(data)
        fail(f"it is cut short, {missing} bytes are missing", "fetch it again")
    return header


def _metadata(header: Mapping[str, Any], fail: _Fail) -> CheckpointMetadata:
    entries = header.get("__metadata__")
    text = entries.get(METADATA_KEY) if isinstance(entries, dict) else None
    if not isinstance(text, str):
        fail(
            "it holds weights but not what they are (no Saliscope metadata)",
            "choose a checkpoint that training.fit or training.cv wrote",
        )
    try:
        return CheckpointMetadata.from_json(json.loads(text, parse_constant=_no_constant))
    except (ValueError, TypeError, AttributeError, RecursionError):
        fail("its metadata are damaged", "fetch it again")
    except InvalidInputError as error:
        fail(str(error).rstrip("."), "update the program or fetch the file again")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _background_problem(background: Tensor) -> str | None:
    if background.dtype not in (torch.uint8, torch.float16):
        return "the SHAP background is neither uint8 nor float16"
    if background.ndim != 4 or background.shape[1] != 3 or 0 in background.shape:
        return f"the SHAP background has the shape {list(background.shape)}, not (N, 3, h, w)"
    if background.numel() * background.element_size() > MAX_BACKGROUND_BYTES:
        return f"the SHAP background is larger than {MAX_BACKGROUND_BYTES >> 20} MiB"
    if background.is_floating_point() and not bool(torch.isfinite(background).all()):
        return "the SHAP background holds values that are not finite"
    return None


def _familiarity_tensors(reference: Reference) -> dict[str, Tensor]:
    return {
        _FAMILIARITY + name: torch.from_numpy(array) for name, array in reference.arrays().items()
    }


def _familiarity_problem(
    reference: Reference | None,
    metadata: CheckpointMetadata,
    state: Mapping[str, Tensor],
) -> str | None:
    if reference is None and metadata.familiarity is not None:
        return "the training images' features are missing"
    if reference is not None and metadata.familiarity is None:
        return "the limit of the training images' features is missing"
    features = sum(
        state[f"{part}.weight"].shape[1] for part in ("global_head.fc", "local_branch.fc")
    )
    if reference is not None and reference.size != features:
        return f"the training images have {reference.size} features, and the network {features}"
    return None


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
