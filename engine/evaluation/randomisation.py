"""Does a map depend on what the model has learned? Its weights are shuffled, layer by layer.

The cascading randomisation of Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018: from
the outputs down, the weights of more and more layers lose what was learned, the map is computed
again each time, and compared with the real one by rank correlation (of the values, and of their
magnitude) and by SSIM (Wang et al. 2004). A map that hardly changes would have been drawn by any
network of this shape: it shows the image, not the model.

Two choices, made so that a map does not change for a reason that says nothing. Weights are
shuffled within each tensor and not drawn anew, so that layers keep their gain. And batch
normalisation in shuffled layers takes its statistics from the image itself: with those of the
learned weights, most channels would be far off their mean, and the network as good as dead.

Everything happens on a copy of the network; the session goes on meanwhile. Deterministic by seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor, nn

from engine.errors import InvalidInputError
from engine.evaluation.deletion.maps import on_input, output_of
from engine.images.image import Image
from engine.images.preprocess import ModelInput, to_model_input
from engine.progress import Progress
from engine.saliency.map import SaliencyMap
from engine.saliency.maps import raw_maps
from engine.saliency.placement import place

if TYPE_CHECKING:
    from engine.model.network import FusionNetwork
    from engine.session import Session

STAGES = ("classifiers", "fusion", "upper half", "all layers")
"""What has been shuffled after each step of the cascade; each includes those before it."""

SEEDS = 3
"""Shuffles of a native map, averaged: one alone may happen to look like the real one."""

SHAP_SAMPLES = 64
"""Gradients for SHAP of a shuffled network: an eighth of a map's. What is lost by that is told by
``Randomisation.repeat``, the agreement that two runs of the real network reach with as many."""

_SHAP = "shap-"
_SHAP_COST = 8.0  # of a SHAP map's cascade, in parts of that of all native maps; for progress


@dataclass(frozen=True)
class Stage:
    """How like the real map the one of a partly shuffled network is; means over the seeds.

    rank: Spearman's correlation of the values. absolute: of their magnitudes, which a map that
    only turned its sign keeps; the same where there is one sign. ssim: structural similarity, of
    maps scaled to their strongest value. Over the pixels of the model's input that show the image.
    """

    name: str
    rank: float
    absolute: float
    ssim: float


@dataclass(frozen=True)
class Randomisation:
    """The cascade of one map. seeds: how many shuffles were averaged.

    repeat: what the real network itself reaches when its map is computed again (rank correlation;
    1 for maps that are not sampled).
    """

    stages: tuple[Stage, ...]
    seeds: int
    repeat: float = 1.0

    @property
    def similarity(self) -> float:
        """Likeness to the real map once nothing learned is left, in parts of what is reachable.

        The larger of the two rank correlations: a map that turned its sign shows the same places.
        """
        last = self.stages[-1]
        return max(last.rank, last.absolute) / max(self.repeat, 1e-6)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "stages": [asdict(stage) for stage in self.stages],
            "seeds": self.seeds,
            "repeat": self.repeat,
            "similarity": self.similarity,
        }


def randomise(
    session: Session,
    image: Image,
    frame: int,
    maps: Mapping[str, SaliencyMap],
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Randomisation]:
    """Run the cascade for maps of one frame, the session's own, by name.

    Native maps share their passes; each SHAP map costs about as much as computing it did.
    Raises ``InvalidInputError`` for a map that the model did not draw, and ``CancelledError``.
    """
    for name in maps:
        if name not in session.map_names:
            raise InvalidInputError(
                f"The map {name} is not one that the model draws, so no weights can be shuffled "
                "under it."
            )
    progress = progress or Progress()
    prepared = to_model_input(image, frame, session.checkpoint.metadata.preprocessing)
    native = {name: found for name, found in maps.items() if not name.startswith(_SHAP)}
    slow = [name for name in maps if name.startswith(_SHAP)]
    cost = dict.fromkeys(slow, _SHAP_COST) | ({"": 1.0} if native else {})
    total, done = sum(cost.values()), 0.0
    result: dict[str, Randomisation] = {}
    for name, share in cost.items():
        part = progress.part(done / total, (done + share) / total)
        done += share
        if name:
            result[name] = _shap(session, prepared, maps[name], seed, part)
        else:
            result.update(_native(session, prepared, native, seed, part))
    return {name: result[name] for name in maps}


def _native(
    session: Session,
    prepared: ModelInput,
    maps: Mapping[str, SaliencyMap],
    seed: int,
    progress: Progress,
) -> dict[str, Randomisation]:
    architecture = session.checkpoint.metadata.architecture
    size = session.checkpoint.metadata.preprocessing.size
    x = torch.from_numpy(prepared.tensor)[None].to(session.device)
    real = {name: Compared(on_input(session, m), prepared.valid) for name, m in maps.items()}
    found: dict[str, list[list[tuple[float, float, float]]]] = {name: [] for name in maps}
    for number in range(SEEDS):
        network = session.checkpoint.network().to(session.device).eval()
        cascade = Cascade(network, seed + number)
        rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in maps}
        for step in range(len(STAGES)):
            progress.report(
                (number * len(STAGES) + step) / (SEEDS * len(STAGES)), "Shuffling weights"
            )
            cascade.advance(x)
            with torch.inference_mode():
                raw = raw_maps(network(x), architecture)
            for name in maps:
                shuffled = place(raw[name].values, session.grids[name], np.eye(3), size)
                rows[name].append(real[name].likeness(shuffled))
        for name in maps:
            found[name].append(rows[name])
    progress.report(1.0)
    return {name: Randomisation(_stages(np.array(found[name])), SEEDS) for name in maps}


def _shap(
    session: Session, prepared: ModelInput, saliency: SaliencyMap, seed: int, progress: Progress
) -> Randomisation:
    # Its import takes seconds, and only SHAP's own maps need it.
    from engine.saliency import background, shap

    checkpoint = session.checkpoint
    compared = background.compared(checkpoint).to(session.device)
    x = torch.from_numpy(prepared.tensor)[None].to(session.device)
    network = checkpoint.network().to(session.device).eval()
    output = {"global": 0, "local": 1, "fusion": 2}[output_of(saliency.name)]
    logit = shap.BranchLogit(network, output, saliency.target)
    real = Compared(on_input(session, saliency), prepared.valid)
    runs = len(STAGES) + 1

    def again(run: int) -> NDArray[np.float32]:
        return shap.explain(
            logit,
            x,
            compared,
            samples=SHAP_SAMPLES,
            # Not the seeds of the map itself, whose noise would be taken for likeness.
            seed=10_000 + seed,
            progress=progress.part(run / runs, (run + 1) / runs),
            text="Shuffling weights",
        ).raw

    repeat = max(real.likeness(again(0))[:2])
    cascade = Cascade(network, seed)
    rows = []
    for step in range(len(STAGES)):
        cascade.advance(x)
        rows.append(real.likeness(again(step + 1)))
    return Randomisation(_stages(np.array([rows])), 1, repeat)


def _stages(likeness: NDArray[np.float64]) -> tuple[Stage, ...]:
    """likeness: (seeds, stages, 3)."""
    means = likeness.mean(axis=0).tolist()
    return tuple(Stage(name, *row) for name, row in zip(STAGES, means, strict=True))


class Cascade:
    """Shuffles a network's weights in place, one of ``STAGES`` at each ``advance``."""

    def __init__(self, network: FusionNetwork, seed: int) -> None:
        self._network = network
        self._generator = torch.Generator().manual_seed(seed)
        self._left = groups(network)
        self._norms: list[nn.modules.batchnorm._BatchNorm] = []

    def advance(self, x: Tensor) -> None:
        """Shuffle the next layers; x: the image, (1, 3, H, W), for the statistics."""
        for module in self._left.pop(0):
            shuffle(module, self._generator)
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                self._norms.append(module)
        for norm in self._norms:
            norm.train()
            norm.momentum = 1.0  # the statistics of this pass, and no others
        try:
            with torch.no_grad():
                self._network(x)
        except ValueError:
            # A layer with one value a channel has no spread to take: it keeps its statistics.
            return
        finally:
            self._network.eval()


def groups(network: FusionNetwork) -> list[list[nn.Module]]:
    """Return the layers with weights of each of ``STAGES``, every layer once.

    Branches are halved by the number of their layers, in the order that they are defined, which is
    that of the data in all networks there are.
    """
    wide = _layers(network.global_branch)
    local = [m for m in _layers(network.local_branch) if m is not network.local_branch.fc]
    heads = [network.global_head, network.project, network.fusion_head]
    return [
        [layer for head in heads for layer in _layers(head)] + [network.local_branch.fc],
        _layers(network.fusion) + _layers(network.align),
        wide[len(wide) // 2 :] + local[len(local) // 2 :],
        wide[: len(wide) // 2] + local[: len(local) // 2],
    ]


def shuffle(layer: nn.Module, generator: torch.Generator) -> None:
    """Put each of a layer's own tensors' values into random order, in place."""
    with torch.no_grad():
        for tensor in layer.parameters(recurse=False):
            order = torch.randperm(tensor.numel(), generator=generator).to(tensor.device)
            tensor.copy_(tensor.flatten()[order].view_as(tensor))


def _layers(module: nn.Module) -> list[nn.Module]:
    return [m for m in module.modules() if next(m.parameters(recurse=False), None) is not None]


class Compared:
    """A map (H, W) that others are compared with, where ``valid`` (a rectangle) shows the image."""

    def __init__(self, values: NDArray[np.float32], valid: NDArray[np.bool_]) -> None:
        rows, cols = np.flatnonzero(valid.any(axis=1)), np.flatnonzero(valid.any(axis=0))
        self._inside = (slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1))
        self._values = np.asarray(values[self._inside], np.float64)

    def likeness(self, other: NDArray[np.float32]) -> tuple[float, float, float]:
        """Return rank correlation, that of magnitudes, and SSIM."""
        mine, theirs = self._values, np.asarray(other[self._inside], np.float64)
        return (
            spearman(mine, theirs),
            spearman(np.abs(mine), np.abs(theirs)),
            ssim(mine, theirs),
        )


def spearman(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return the rank correlation, ties by their mean rank; 0 where a map is the same all over.

    A map that became flat ranks nothing as the real one did. Values that are not finite, as a
    network that was shuffled to pieces may give, rank nothing either.
    """
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return 0.0
    x, y = rankdata(a.ravel()), rankdata(b.ravel())
    x -= x.mean()
    y -= y.mean()
    norm = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / norm if norm > 0 else 0.0


def ssim(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return the structural similarity of two maps, each over its strongest magnitude."""
    from skimage.metrics import structural_similarity

    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return 0.0
    strongest = (np.abs(a).max(), np.abs(b).max())
    if 0 in strongest:
        return 0.0
    signed = min(a.min(), b.min()) < 0
    similarity: Any = structural_similarity  # untyped
    return float(
        similarity(
            a / strongest[0],
            b / strongest[1],
            data_range=2.0 if signed else 1.0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
    )
