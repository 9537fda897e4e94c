"""A model at work: one forward pass an image, everything that is shown derived from it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Generic, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from engine.errors import InvalidInputError
from engine.evaluation.familiarity import Familiarity
from engine.evaluation.presence import GateOpening
from engine.images.image import Image
from engine.images.preprocess import to_model_input
from engine.model import checkpoint as checkpoints
from engine.model.checkpoint import Checkpoint
from engine.model.device import (
    PROBABILITY_TOLERANCE,
    _has_bfloat16,
    choose_device,
    choose_precision,
)
from engine.model.metadata import BRANCHES
from engine.model.network import FusionNetwork, Outputs
from engine.progress import Progress
from engine.saliency.anatomy import foreground, outside_share
from engine.saliency.derived import PIXELS, part_of, parts_of
from engine.saliency.difference import difference
from engine.saliency.grid import Grid
from engine.saliency.map import Provenance, SaliencyMap
from engine.saliency.maps import RawMap, check_name, grids, native_names, raw_maps
from engine.saliency.mirror import find_axis, mirror_difference, pixel_difference
from engine.saliency.placement import inside_share, place

# A forward pass leaves a byte a pixel of the image and some 10 kB of grids, a drawn map four bytes
# a pixel: this holds the maps of some hundred frames, and no machine misses it.
CACHE_BYTES = 256 * 2**20

_SHAP = "shap-"

Value = TypeVar("Value")


@dataclass(frozen=True)
class Prediction:
    """Calibrated probabilities of the three outputs; ``predicted`` is the fusion's likeliest.

    gate: whether the gate finds a lesion at all; None where the checkpoint cannot say.
    """

    classes: tuple[str, ...]
    branches: dict[str, tuple[float, ...]]
    predicted: int
    gate: GateOpening | None = None


@dataclass(frozen=True, eq=False)
class Forward:
    """What one forward pass leaves behind.

    logits: by branch, uncalibrated. raw: the native maps' grids. to_image, valid: see
    ``engine.images.preprocess.ModelInput``. anatomy: bool (rows, cols) of the image.
    features: ``Outputs.pooled``, (C_g + C_l,).
    """

    logits: dict[str, tuple[float, ...]]
    raw: dict[str, RawMap]
    to_image: NDArray[np.float64]
    valid: NDArray[np.bool_]
    anatomy: NDArray[np.bool_]
    features: NDArray[np.float32]

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        arrays = (
            self.valid,
            self.anatomy,
            self.features,
            *(raw.values for raw in self.raw.values()),
        )
        return sum(array.nbytes for array in arrays) + 1024


class Session:
    """A checkpoint on a device. Safe to use from several threads; one computes at a time.

    device: "auto", "cpu", "cuda", "cuda:1", "mps". precision: "auto", "float32", "bfloat16".
    Raises ``InvalidInputError`` where the machine lacks the device or the maps of the checkpoint
    cannot be placed.
    """

    def __init__(
        self, checkpoint: Checkpoint, device: str = "auto", precision: str = "auto"
    ) -> None:
        self.checkpoint = checkpoint
        self.device = choose_device(device)
        network = checkpoint.network()
        self.grids: dict[str, Grid] = grids(network, checkpoint.metadata.preprocessing.size)
        # Convolutions are faster with channels innermost, on processors as on GPUs.
        self._network: FusionNetwork = network.to(self.device).to(memory_format=torch.channels_last)
        chosen = choose_precision(self.device, self._network, precision)
        self.precision, self.precision_reason = chosen.name, chosen.reason
        self._lock = threading.RLock()
        self._forwards: _Cache[Forward] = _Cache(CACHE_BYTES // 8)
        self._maps: _Cache[SaliencyMap] = _Cache(CACHE_BYTES)
        self._axes: dict[tuple[str, int], float] = {}

    @classmethod
    def open(cls, path: Path, device: str = "auto", precision: str = "auto") -> Self:
        """Open a checkpoint file; raise ``CheckpointError`` where it is not a good one."""
        return cls(checkpoints.load(path), device, precision)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.checkpoint.metadata.classes

    @property
    def map_names(self) -> tuple[str, ...]:
        """Names of all maps: the native ones, then SHAP's of each output."""
        architecture = self.checkpoint.metadata.architecture
        outputs = ("global", "local", architecture.fusion)
        return (*native_names(architecture), *(_SHAP + name for name in outputs))

    def predict(self, image: Image, frame: int, progress: Progress | None = None) -> Prediction:
        """Classify one frame. Raises ``InvalidInputError`` for a frame that is not there."""
        forward = self.forward(image, frame, progress)
        temperature = self.checkpoint.metadata.temperature
        branches = {
            branch: tuple(_softmax(np.array(logits) / temperature[branch]).tolist())
            for branch, logits in forward.logits.items()
        }
        presence = self.checkpoint.metadata.presence
        gate = None
        if presence is not None:
            gate = GateOpening(float(forward.raw["attention"].values.max()), presence)
        return Prediction(self.classes, branches, int(np.argmax(branches["fusion"])), gate)

    def familiarity(
        self, image: Image, frame: int, progress: Progress | None = None
    ) -> Familiarity | None:
        """Say how far one frame is from the training images; None where the checkpoint cannot.

        Raises ``InvalidInputError`` for a frame that is not there.
        """
        reference, limit = self.checkpoint.familiarity, self.checkpoint.metadata.familiarity
        if reference is None or limit is None:
            return None
        features = self.forward(image, frame, progress).features
        return Familiarity(float(reference.distance(features[None])[0]), limit.distance)

    def saliency(
        self,
        image: Image,
        frame: int,
        name: str,
        target: int | None = None,
        progress: Progress | None = None,
    ) -> SaliencyMap:
        """Return the map ``name`` of one frame, for the class ``target`` or the predicted one.

        Native maps show what a branch holds, whatever the class; SHAP's are the class's own.
        "A-minus-B" is the difference of two maps (``engine.saliency.difference``), "A-mirror" a
        map minus its mirror image at ``mirror_axis``, "pixels-mirror" the pixels likewise.
        Raises ``InvalidInputError`` for an unknown name, frame or class.
        """
        parts, whole = parts_of(name), part_of(name)
        if parts is not None:
            first, second, normalisation = parts
            return difference(
                self.saliency(image, frame, first, target, progress),
                self.saliency(image, frame, second, target, progress),
                normalisation,
            )
        if name == PIXELS:
            return pixel_difference(image, frame, self.mirror_axis(image, frame))
        if whole is not None:
            of = self.saliency(image, frame, whole, target, progress)
            return mirror_difference(of, self.mirror_axis(image, frame))
        check_name(name, self.map_names)
        if target is None:
            target = self.predict(image, frame, progress).predicted
        if not 0 <= target < len(self.classes):
            raise InvalidInputError(
                f"There is no class {target}; this model has {len(self.classes)}, from 0."
            )
        if name.startswith(_SHAP):
            # shap and what it imports take seconds, which only those who ask for it should wait.
            from engine.saliency import shap

            return shap.attribute(
                self, image, frame, name.removeprefix(_SHAP), target, progress=progress
            )
        key = (image.key, frame, name, target)
        found = self._maps.get(key)
        if found is None:
            found = self._draw(image, frame, name, target, self.forward(image, frame, progress))
            self._maps.put(key, found, found.values.nbytes + found.raw.nbytes)
        return found

    def offers(self, name: str) -> bool:
        """Whether ``saliency`` knows a map: the model's own, and what is computed from them."""
        parts, whole = parts_of(name), part_of(name)
        if parts is not None:
            return self.offers(parts[0]) and self.offers(parts[1])
        if name == PIXELS:
            return True
        return self.offers(whole) if whole is not None else name in self.map_names

    def mirror_axis(self, image: Image, frame: int) -> float:
        """Return the column that a frame is mirrored at: as set, else found in its anatomy."""
        key = (image.key, frame)
        axis = self._axes.get(key)
        if axis is None:
            axis = self._axes[key] = find_axis(_anatomy(image, frame)).col
        return axis

    def set_mirror_axis(self, image: Image, frame: int, col: float | None) -> None:
        """Mirror a frame at another column (a whole or a half), or for None as it is found."""
        if col is None:
            self._axes.pop((image.key, frame), None)
        else:
            self._axes[image.key, frame] = col

    def forward(self, image: Image, frame: int, progress: Progress | None = None) -> Forward:
        """Return what one forward pass gives for a frame; computed once."""
        if not 0 <= frame < image.frames:
            raise InvalidInputError(f"There is no frame {frame + 1}; the image has {image.frames}.")
        key = (image.key, frame)
        with self._lock:
            found = self._forwards.get(key)
            if found is not None:
                return found
            if progress is not None:
                progress.report(0.1, "Preparing the image")
            prepared = to_model_input(image, frame, self.checkpoint.metadata.preprocessing)
            if progress is not None:
                progress.report(0.3, "Running the model")
            outputs = self._run(prepared.tensor[None])
            forward = Forward(
                {branch: tuple(row[0].tolist()) for branch, row in _logits(outputs).items()},
                raw_maps(outputs, self.checkpoint.metadata.architecture),
                prepared.to_image,
                prepared.valid,
                _anatomy(image, frame),
                outputs.pooled[0].float().cpu().numpy(),
            )
            self._forwards.put(key, forward, forward.nbytes)
        if progress is not None:
            progress.report(1.0, "Done")
        return forward

    def probabilities(
        self, inputs: NDArray[np.float32], precision: str | None = None
    ) -> dict[str, NDArray[np.float64]]:
        """Classify model inputs (N, 3, H, W) as they are: calibrated (N, classes) by branch.

        precision: "float32" or "bfloat16" for these alone; None for the session's own.
        """
        outputs = self._run(inputs, precision)
        temperature = self.checkpoint.metadata.temperature
        return {
            branch: _softmax(logits / temperature[branch])
            for branch, logits in _logits(outputs).items()
        }

    def agreeing_precision(self, inputs: NDArray[np.float32]) -> str:
        """Return "bfloat16" where the device computes in it and its answers to ``inputs`` agree.

        For thousands of passes whose answers are averaged: over these (N, 3, H, W), probabilities
        change by ``PROBABILITY_TOLERANCE`` at most on average, and by a quarter of that in sum,
        so that neither scatter nor a lean shows in a mean. Else "float32".
        """
        exact = self.probabilities(inputs, "float32")
        if not _has_bfloat16(self.device):
            return "float32"
        rough = self.probabilities(inputs, "bfloat16")
        changes = [rough[branch] - exact[branch] for branch in exact]
        scatter = max(float(np.abs(change).mean()) for change in changes)
        lean = max(float(np.abs(change.mean(axis=0)).max()) for change in changes)
        agrees = scatter <= PROBABILITY_TOLERANCE and lean <= PROBABILITY_TOLERANCE / 4
        return "bfloat16" if agrees else "float32"

    def _run(self, inputs: NDArray[np.float32], precision: str | None = None) -> Outputs:
        x = torch.from_numpy(np.ascontiguousarray(inputs, np.float32)).to(self.device)
        half = (precision or self.precision) == "bfloat16"
        with (
            self._lock,
            torch.no_grad(),  # not inference mode, whose tensors SHAP could not take over
            torch.autocast(self.device.split(":")[0], dtype=torch.bfloat16, enabled=half),
        ):
            outputs: Outputs = self._network(x.contiguous(memory_format=torch.channels_last))
        return outputs

    def _draw(
        self, image: Image, frame: int, name: str, target: int, forward: Forward
    ) -> SaliencyMap:
        grid, raw = self.grids[name], forward.raw[name]
        values = place(raw.values, grid, forward.to_image, image.shape)
        metadata = self.checkpoint.metadata
        # A softmax shares 1 among all cells: its largest weight says nothing of how open it is.
        gated = name in ("gate", "attention") and metadata.architecture.gate_norm == "sigmoid"
        gate = forward.raw.get("attention") if gated else None
        opening = {} if gate is None else {"gate_opening": float(gate.values.max())}
        return SaliencyMap(
            name=name,
            values=values,
            raw=raw.values.copy(),
            sign=raw.sign,
            target=target,
            target_name=self.classes[target],
            provenance=Provenance(
                checkpoint=f"{metadata.name} {metadata.version}",
                checkpoint_sha256=self.checkpoint.sha256,
                branch=name,
                method="attention" if name == "attention" else "channel-sum",
                parameters={
                    "device": self.device,
                    "precision": self.precision,
                    "outside_anatomy": outside_share(values, forward.anatomy),
                    "inside_image": inside_share(raw.values, grid, forward.valid),
                    "placement_uncertainty_px": grid.disagreement,
                    **opening,
                },
                preprocessing=asdict(metadata.preprocessing),
                image_key=image.key,
                frame=frame,
            ),
        )


def _logits(outputs: Outputs) -> dict[str, NDArray[np.float64]]:
    """Logits by branch, (N, classes); raise ``InvalidInputError`` where they are not finite."""
    logits = (outputs.global_logits, outputs.local_logits, outputs.fusion_logits)
    arrays = {
        branch: value.float().cpu().numpy().astype(np.float64)
        for branch, value in zip(BRANCHES, logits, strict=True)
    }
    if not all(np.isfinite(value).all() for value in arrays.values()):
        raise InvalidInputError(
            "The model gives no finite answer for this image; try the precision float32 or "
            "another checkpoint."
        )
    return arrays


def _anatomy(image: Image, frame: int) -> NDArray[np.bool_]:
    grey = image.grey(frame)
    return foreground(-grey if image.display.inverted else grey)


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    result: NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
    return result


class _Cache(Generic[Value]):
    """Least recently used values go first, once all together take more than ``limit`` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._entries: OrderedDict[tuple[object, ...], tuple[Value, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[object, ...]) -> Value | None:
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def put(self, key: tuple[object, ...], value: Value, size: int) -> None:
        with self._lock:
            self._held -= self._entries.pop(key, (value, 0))[1]
            self._entries[key] = (value, size)
            self._held += size
            while self._held > self._limit and len(self._entries) > 1:
                _, (_, freed) = self._entries.popitem(last=False)
                self._held -= freed
