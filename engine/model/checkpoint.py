"""A trained network as one safetensors file that says what it is.

The file's header holds one metadata entry, ``saliscope``: a JSON object of the fields of
``CheckpointMetadata``. Everything in a file is checked before a network is built from it.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_safetensors
from safetensors.torch import save as write_safetensors
from torch import Tensor

from engine.errors import CheckpointError, InvalidInputError
from engine.evaluation.familiarity import Reference, from_arrays
from engine.model import header
from engine.model.header import refuse
from engine.model.metadata import CheckpointMetadata
from engine.model.network import FusionNetwork
from engine.model.weights import describe_mismatch

# The paper's network with 1000 classes takes 1.9 GB in float32; beyond twice that it is no
# checkpoint of this program.
MAX_FILE_BYTES = 4 * 2**30
# The SHAP background is a handful of small images.
MAX_BACKGROUND_BYTES = 16 * 2**20

_BACKGROUND = "shap.background"
_FAMILIARITY = "familiarity."
_NETWORK = "network."
_WEIGHT_TYPES = (torch.float32, torch.float16)


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
            for name, array in self.familiarity.arrays().items():
                tensors[_FAMILIARITY + name] = torch.from_numpy(array)
        problem = _familiarity_problem(self.familiarity, self.metadata, self.state)
        if problem:
            raise CheckpointError(f"The network cannot be saved: {problem}; describe it again.")
        return tensors

    def _serialise(self, tensors: dict[str, Tensor]) -> bytes:
        metadata = replace(self.metadata, tensors_sha256=tensors_sha256(tensors))
        text = json.dumps(metadata.to_json(), ensure_ascii=False, sort_keys=True, allow_nan=False)
        return write_safetensors(tensors, metadata={header.METADATA_KEY: text})


def load(path: Path) -> Checkpoint:
    """Read and check a checkpoint; raise ``CheckpointError`` with one sentence if it is not one."""
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            refuse(path, f"it is larger than {MAX_FILE_BYTES >> 30} GiB", "choose a checkpoint")
        data = path.read_bytes()
    except OSError as error:
        refuse(path, f"{error.strerror or error}", "check the path")
    metadata = _metadata(header.read(data, path), path)
    try:
        tensors = parse_safetensors(data)
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        refuse(path, f"its tensors are damaged ({error})", "fetch it again")
    digest = tensors_sha256(tensors)
    background = tensors.pop(_BACKGROUND, None)
    if background is not None and (problem := _background_problem(background)):
        refuse(path, problem, "fetch it again")
    described = {
        name.removeprefix(_FAMILIARITY): tensors.pop(name).numpy()
        for name in list(tensors)
        if name.startswith(_FAMILIARITY)
    }
    try:
        reference = from_arrays(described) if described else None
    except InvalidInputError as error:
        refuse(path, str(error).rstrip("."), "fetch it again")
    foreign = [name for name in tensors if not name.startswith(_NETWORK)]
    if foreign:
        refuse(path, f"it has the unknown tensor {foreign[0]}", "fetch it again")
    state = {name.removeprefix(_NETWORK): value for name, value in tensors.items()}
    try:
        with torch.device("meta"):
            expected = FusionNetwork(metadata.architecture).state_dict()
    except (InvalidInputError, RuntimeError, ValueError) as error:
        refuse(path, f"its architecture cannot be built ({error})", "update the program")
    problem = describe_mismatch(
        {name: tuple(value.shape) for name, value in expected.items()},
        {name: tuple(value.shape) for name, value in state.items()},
    )
    if problem:
        refuse(path, f"its tensors are not those of its architecture, {problem}", "fetch it again")
    for name, value in state.items():
        wanted = _WEIGHT_TYPES if expected[name].is_floating_point() else (expected[name].dtype,)
        if value.dtype not in wanted:
            kind = str(value.dtype).removeprefix("torch.")
            refuse(path, f"{name} is of type {kind}", "fetch it again")
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            refuse(path, f"{name} holds values that are not finite", "fetch it again")
    if problem := _familiarity_problem(reference, metadata, state):
        refuse(path, problem, "fetch it again")
    if digest != metadata.tensors_sha256:
        refuse(path, "its tensors have changed since it was written", "fetch it again")
    file_sha256 = hashlib.sha256(data).hexdigest()
    return Checkpoint(metadata, state, background, path, file_sha256, reference)


def tensors_sha256(tensors: Mapping[str, Tensor]) -> str:
    """Digest names, types, shapes and values, whatever order they are stored in."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name].contiguous()
        digest.update(f"{name} {value.dtype} {list(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _metadata(values: Mapping[str, Any], path: Path) -> CheckpointMetadata:
    entries = values.get("__metadata__")
    text = entries.get(header.METADATA_KEY) if isinstance(entries, dict) else None
    if not isinstance(text, str):
        refuse(
            path,
            "it holds weights but not what they are (no Saliscope metadata)",
            "choose a checkpoint that training.fit or training.cv wrote",
        )
    try:
        return CheckpointMetadata.from_json(json.loads(text, parse_constant=_no_constant))
    except (ValueError, TypeError, AttributeError, RecursionError):
        refuse(path, "its metadata are damaged", "fetch it again")
    except InvalidInputError as error:
        refuse(path, str(error).rstrip("."), "update the program or fetch the file again")


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
