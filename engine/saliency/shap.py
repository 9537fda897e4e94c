"""SHAP counterparts of the maps: what each input pixel adds to a branch's own output.

Expected gradients as the shap library computes them (``shap.GradientExplainer``; Erion et al.,
Nature Machine Intelligence 3:620-631, 2021): the mean, over images b of a background and points
between b and the image x, of (x - b) times the gradient of the logit. Summed over all pixels it
estimates f(x) minus the mean of f over the background.
"""

from __future__ import annotations

import math
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from engine import folders
from engine.errors import InvalidInputError
from engine.images.image import Image
from engine.images.preprocess import ModelInput, to_model_input
from engine.progress import Progress
from engine.saliency import anatomy, background, pixels
from engine.saliency.cache import AttributionCache, Entry
from engine.saliency.map import Provenance, SaliencyMap

if TYPE_CHECKING:
    from pathlib import Path

    from engine.model.checkpoint import Checkpoint
    from engine.model.network import FusionNetwork

SAMPLES = 512
"""Gradients a map by default; see ``relative_error`` in a map's parameters for what they leave."""

MAX_SAMPLES = 100_000
CHUNK = 64
"""Samples handed to shap at once: bounds its memory, and the chunks' spread tells the error."""

BATCH, BATCH_ON_GPU = 8, 32
"""Gradients computed at once; progress is reported, and cancelling noticed, after each."""

_VERSION = 1  # of the method; part of the cache's key

# shap draws from numpy's global generator: one run at a time, or the seeds mean nothing.
_DRAWING = threading.Lock()

_caches: dict[Path, AttributionCache] = {}


class Session(Protocol):
    """What is needed of ``engine.session.Session``."""

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint."""

    @property
    def device(self) -> str:
        """The torch device's name."""


def attribute(
    session: Session,
    image: Image,
    frame: int,
    branch: str,
    target: int,
    samples: int = SAMPLES,
    progress: Progress | None = None,
    *,
    seed: int = 0,
) -> SaliencyMap:
    """Attribute a branch's logit of class ``target`` to the pixels of one frame.

    branch: "global", "local", or the checkpoint's fusion. Signed: what speaks for the class is
    positive. Deterministic in ``seed``; kept in memory and on disk. Always in float32, on a copy
    of the network, so that predictions go on meanwhile.

    Its provenance holds ``sum`` and ``output_difference``, which agree up to ``standard_error``
    (of the sum); ``relative_error``, the standard error of the map over the map (Euclidean norms);
    ``inside_image``, the share of absolute attribution that does not lie on padding (which is not
    shown); ``outside_anatomy``, as other maps have it; and ``background``, "checkpoint", or
    "black" where the checkpoint ships none.

    Raises ``InvalidInputError`` for an unknown branch, class or number of samples, and
    ``CancelledError``.
    """
    checkpoint = session.checkpoint
    metadata = checkpoint.metadata
    outputs = {"global": 0, "local": 1, metadata.architecture.fusion: 2}
    if branch not in outputs:
        raise InvalidInputError(
            f"There is no branch {branch} in this model; it has {', '.join(outputs)}."
        )
    if not 0 <= target < len(metadata.classes):
        raise InvalidInputError(
            f"There is no class {target}; the model has {len(metadata.classes)}."
        )
    if not 2 <= samples <= MAX_SAMPLES:
        raise InvalidInputError(f"SHAP takes 2 to {MAX_SAMPLES:,} samples, not {samples}.")
    prepared = to_model_input(image, frame, metadata.preprocessing)
    key = {
        "version": _VERSION,
        "checkpoint": checkpoint.sha256,
        "image": image.key,
        "frame": frame,
        "branch": branch,
        "target": target,
        "samples": samples,
        "seed": seed,
    }
    cache = _cache()
    entry = cache.get(key)
    if entry is None:
        if progress is not None:
            progress.report(0.0, f"SHAP of {branch}")
        logit = BranchLogit(checkpoint.network(), outputs[branch], target)
        entry = explain(
            logit.to(session.device),
            torch.from_numpy(prepared.tensor)[None].to(session.device),
            background.compared(checkpoint).to(session.device),
            samples=samples,
            seed=seed,
            progress=progress,
            text=f"SHAP of {branch}",
        )
        cache.put(key, entry)
    return as_map(entry, checkpoint, image, frame, prepared, branch, target, "shap-gradient")


def as_map(
    entry: Entry,
    checkpoint: Checkpoint,
    image: Image,
    frame: int,
    prepared: ModelInput,
    branch: str,
    target: int,
    method: str,
    background: str = "",
) -> SaliencyMap:
    """Bring an attribution of the model's input back to the image, with what made it.

    background: what it was compared with; the checkpoint's, or black, where nothing is said.
    """
    metadata = checkpoint.metadata
    absolute = np.abs(entry.raw).astype(np.float64)
    total = float(absolute.sum())
    inside = float(absolute[prepared.valid].sum()) / total if total > 0 else 1.0
    values = pixels.to_image(entry.raw, prepared, image.shape)
    grey = image.grey(frame)
    body = anatomy.foreground(-grey if image.display.inverted else grey)
    return SaliencyMap(
        name=f"shap-{branch}",
        values=values,
        raw=entry.raw,
        sign="signed",
        target=target,
        target_name=metadata.classes[target],
        provenance=Provenance(
            checkpoint=f"{metadata.name} {metadata.version}",
            checkpoint_sha256=checkpoint.sha256,
            branch=branch,
            method=method,
            parameters={
                **entry.facts,
                "background": background
                or ("black" if checkpoint.shap_background is None else "checkpoint"),
                "inside_image": inside,
                "outside_anatomy": anatomy.outside_share(values, body),
            },
            preprocessing=asdict(metadata.preprocessing),
            image_key=image.key,
            frame=frame,
        ),
    )


class BranchLogit(nn.Module):
    """One logit of one output of the network, as (N, 1), which is what shap explains.

    output: the place in ``Outputs``. Reports progress on each pass that is differentiated.
    """

    def __init__(self, network: FusionNetwork, output: int, target: int) -> None:
        super().__init__()
        self.network = network.requires_grad_(False).eval()
        self.output = output
        self.target = target

    def forward(self, x: Tensor) -> Tensor:
        """Take (N, 3, H, W) to (N, 1)."""
        logits: Tensor = self.network(x)[self.output]
        return logits[:, self.target : self.target + 1].float()


class _Watched(nn.Module):
    """A module that counts the inputs differentiated through it, which is where shap spends."""

    def __init__(self, module: nn.Module, samples: int, progress: Progress, text: str) -> None:
        super().__init__()
        self.module = module
        self._samples, self._done = samples, 0
        self._progress, self._text = progress, text

    def forward(self, x: Tensor) -> Tensor:
        if x.requires_grad:
            self._progress.report(self._done / self._samples, self._text)
            self._done += len(x)
        output: Tensor = self.module(x)
        return output


def explain(
    function: nn.Module,
    x: Tensor,
    compared: Tensor,
    *,
    samples: int,
    seed: int = 0,
    progress: Progress | None = None,
    text: str = "SHAP",
) -> Entry:
    """Attribute ``function`` (N, 3, H, W) -> (N, 1) at ``x`` (1, 3, H, W), by pixel.

    compared: the background, (N, 3, H, W). Chunk i of the samples is shap's with seed
    ``seed`` + i.
    """
    import shap  # two seconds, which only those wait who ask for SHAP

    watched = _Watched(function, samples, progress or Progress(), text)
    batch = BATCH if x.device.type == "cpu" else BATCH_ON_GPU
    explainer = shap.GradientExplainer(watched, compared, batch_size=batch)
    counts = [CHUNK] * (samples // CHUNK) + ([samples % CHUNK] if samples % CHUNK else [])
    if len(counts) == 1:  # two chunks at least, for the error
        counts = [samples // 2, samples - samples // 2]
    shape = tuple(x.shape[2:])
    raw, squares = np.zeros(shape), np.zeros(shape)
    total = total_squares = 0.0
    for index, count in enumerate(counts):
        with _DRAWING:
            state = np.random.get_state()  # noqa: NPY002 - shap's generator
            try:
                values = explainer.shap_values(x, nsamples=count, rseed=seed + index)
            finally:
                np.random.set_state(state)  # noqa: NPY002
        mean = np.asarray(values, np.float64)[0, ..., 0].sum(axis=0)
        weight = count / samples
        raw += weight * mean
        squares += weight * mean**2
        total += weight * float(mean.sum())
        total_squares += weight * float(mean.sum()) ** 2
    with torch.no_grad():
        difference = float(function(x).mean() - _mean(function, compared))
    # Squared standard errors of a weighted mean of independent chunk means.
    freedom = len(counts) - 1
    error = max(total_squares - total**2, 0.0) / freedom
    map_error = float(np.maximum(squares - raw**2, 0).sum()) / freedom
    norm = float(np.linalg.norm(raw))
    return Entry(
        raw.astype(np.float32),
        {
            "samples": samples,
            "seed": seed,
            "chunk": CHUNK,
            "background_images": len(compared),
            "shap_version": str(shap.__version__),
            "sum": total,
            "output_difference": difference,
            "standard_error": math.sqrt(error),
            "relative_error": math.sqrt(map_error) / norm if norm > 0 else 0.0,
        },
    )


def _mean(function: nn.Module, inputs: Tensor) -> Tensor:
    return torch.cat([function(part) for part in torch.split(inputs, BATCH)]).mean()


def _cache() -> AttributionCache:
    folder = folders.cache() / "shap"
    return _caches.setdefault(folder, AttributionCache(folder))
