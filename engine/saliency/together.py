"""Expected gradients of all outputs in the same passes: what ``training.evaluate`` can afford.

The quantity is that of ``engine.saliency.shap`` (Erion et al., Nature Machine Intelligence
3:620-631, 2021), estimated with fewer passes: all outputs share the points and the passes forward,
every background image is drawn equally often, and the points between it and the image lie evenly
(stratified), where the shap library draws both at random.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import InvalidInputError
from engine.images.image import Image
from engine.images.preprocess import to_model_input
from engine.progress import Progress
from engine.saliency import background
from engine.saliency.cache import Entry
from engine.saliency.map import SaliencyMap
from engine.saliency.shap import BATCH, BATCH_ON_GPU, Session, as_map

if TYPE_CHECKING:
    from engine.model.network import Outputs

METHOD = "expected-gradients"


class Explainer:
    """One model, explained for many images. Deterministic in ``seed`` and the image alone.

    samples: gradients a map. compared: model inputs (N, 3, H, W) to compare with; None for those
    that the checkpoint ships, or black where it ships none. half: run the passes in bfloat16; sums
    are in float64 all the same.
    """

    def __init__(
        self,
        session: Session,
        samples: int,
        *,
        seed: int = 0,
        compared: Tensor | None = None,
        half: bool = False,
    ) -> None:
        """Raise ``InvalidInputError`` for fewer than two samples."""
        if samples < 2:
            raise InvalidInputError(f"Expected gradients take 2 samples or more, not {samples}.")
        self.checkpoint = session.checkpoint
        self.device = torch.device(session.device)
        self.samples, self.seed, self.half = samples, seed, half
        metadata = self.checkpoint.metadata
        self.outputs = {"global": 0, "local": 1, metadata.architecture.fusion: 2}
        network = self.checkpoint.network().requires_grad_(False).eval().to(self.device)
        self._network = network.to(memory_format=torch.channels_last)
        self._background = "" if compared is None else f"{len(compared)} given images"
        if compared is None:
            compared = background.compared(self.checkpoint)
        self._compared = compared.to(self.device)
        self._batch = BATCH if self.device.type == "cpu" else BATCH_ON_GPU
        parts = [self._logits(part) for part in torch.split(self._compared, self._batch)]
        self._usual = [torch.cat(values).mean(dim=0) for values in zip(*parts, strict=True)]

    def attribute(
        self,
        image: Image,
        frame: int,
        targets: Mapping[str, int],
        progress: Progress | None = None,
    ) -> dict[str, SaliencyMap]:
        """Return the maps "shap-BRANCH" of the branches in ``targets`` for those classes.

        Cancelled between batches. Raises ``InvalidInputError`` for an unknown branch or class.
        """
        classes = len(self.checkpoint.metadata.classes)
        for branch, target in targets.items():
            if branch not in self.outputs or not 0 <= target < classes:
                raise InvalidInputError(f"There is no class {target} of a branch {branch} here.")
        prepared = to_model_input(image, frame, self.checkpoint.metadata.preprocessing)
        x = torch.from_numpy(prepared.tensor)[None].to(self.device)
        wanted = [(self.outputs[branch], target) for branch, target in targets.items()]
        entries = self._explain(x, wanted, progress or Progress())
        return {
            f"shap-{branch}": as_map(
                entry,
                self.checkpoint,
                image,
                frame,
                prepared,
                branch,
                target,
                METHOD,
                self._background,
            )
            for (branch, target), entry in zip(targets.items(), entries, strict=True)
        }

    @torch.no_grad()
    def _logits(self, x: Tensor) -> list[Tensor]:
        return [logits.float() for logits in self._run(x)]

    def _run(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.half):
            outputs: Outputs = self._network(x.contiguous(memory_format=torch.channels_last))
        return outputs.global_logits, outputs.local_logits, outputs.fusion_logits

    def _explain(self, x: Tensor, wanted: list[tuple[int, int]], progress: Progress) -> list[Entry]:
        rng = np.random.default_rng(self.seed)
        count = self.samples
        turns = -(-count // len(self._compared))
        order = np.concatenate([rng.permutation(len(self._compared)) for _ in range(turns)])
        chosen = torch.from_numpy(order[:count]).to(self.device)
        along = ((rng.permutation(count) + rng.random(count)) / count).astype(np.float32)
        share = torch.from_numpy(along).to(self.device).view(-1, 1, 1, 1)
        # Two batches at least, whose spread tells the error.
        batch = min(self._batch, -(-count // 2))
        shape = tuple(x.shape[2:])
        sums = [np.zeros(shape) for _ in wanted]
        squares = [np.zeros(shape) for _ in wanted]
        totals: list[list[tuple[float, float]]] = [[] for _ in wanted]
        for start in range(0, count, batch):
            progress.report(start / count, "SHAP of all outputs")
            here = slice(start, min(start + batch, count))
            difference = x - self._compared[chosen[here]]
            points = (x - (1 - share[here]) * difference).requires_grad_()
            logits = self._run(points)
            weight = difference.shape[0] / count
            for number, (output, target) in enumerate(wanted):
                last = number == len(wanted) - 1
                (gradient,) = torch.autograd.grad(
                    logits[output][:, target].float().sum(), points, retain_graph=not last
                )
                product = (gradient.float() * difference).sum(dim=1).mean(dim=0)
                mean: NDArray[np.float64] = product.double().cpu().numpy()
                sums[number] += weight * mean
                squares[number] += weight * mean**2
                totals[number].append((weight, float(mean.sum())))
        progress.report(1.0, "SHAP of all outputs")
        answer = self._logits(x)
        return [
            self._entry(
                sums[number],
                squares[number],
                totals[number],
                float(answer[output][0, target] - self._usual[output][target]),
            )
            for number, (output, target) in enumerate(wanted)
        ]

    def _entry(
        self,
        raw: NDArray[np.float64],
        squares: NDArray[np.float64],
        totals: list[tuple[float, float]],
        difference: float,
    ) -> Entry:
        freedom = max(len(totals) - 1, 1)
        total = sum(weight * value for weight, value in totals)
        spread = sum(weight * value**2 for weight, value in totals) - total**2
        # Squared standard errors of a weighted mean of independent batches' means; those of a
        # stratified sample are smaller.
        map_error = float(np.maximum(squares - raw**2, 0).sum()) / freedom
        norm = float(np.linalg.norm(raw))
        return Entry(
            raw.astype(np.float32),
            {
                "samples": self.samples,
                "seed": self.seed,
                "background_images": len(self._compared),
                "passes": "bfloat16" if self.half else "float32",
                "sum": total,
                "output_difference": difference,
                "standard_error": math.sqrt(max(spread, 0.0) / freedom),
                "relative_error": math.sqrt(map_error) / norm if norm > 0 else 0.0,
            },
        )
