"""The training loop: epochs, early stopping, and going on where a killed run left off.

The same seed gives the same weights, bit for bit, on one machine with one number of threads. All
randomness of an epoch comes from (seed, epoch), so a resumed run needs no generator's state and
ends in the very weights that it would have reached undisturbed.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from engine.errors import InvalidInputError, SaliscopeError
from engine.evaluation.classification import measure
from engine.model.metadata import BRANCHES
from engine.model.network import FusionNetwork, Outputs, gate_by_global
from engine.progress import Progress
from training import depthwise, erasure, freezing, losses, state
from training.asking import Pick, ask
from training.augment import AUGMENTATIONS, augment
from training.optimisers import load_state_tensors, optimisers, set_rates, state_tensors
from training.presence import UNKNOWN
from training.recipes import Recipe, agree, completed
from training.samples import Samples
from training.team import Team

BATCH_NORM_MOMENTUM = 0.1
"""Of every normalisation while training. The published BagNet has 0.001, right for its million
steps; a few hundred steps would leave its running statistics where they began."""

LAST = "last.safetensors"

Row = dict[str, Any]


def derive(*parts: object) -> int:
    """Return a seed (63 bits) that depends on all ``parts`` and on nothing else."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


class Trainer:
    """Trains one network on some of the samples, validating on others.

    folder: where the state lies; a run that finds its state there goes on from it.
    validation: empty for none, and then no early stopping. guidance: W, 0 for none;
    self_guidance: likewise, by the network's own evidence (``losses.OwnEvidence``); presence:
    likewise, by which images show a lesion (``training.presence``). masks: how many of the
    training images' lesion masks may be used, drawn by the seed, fewer of the same when fewer; None
    for all. erase: share of images shown without or only with their lesion (``training.erasure``).
    freeze: leave the global branch up to its features of 1/freeze of the input as it is; 0 for none
    of it (``training.freezing``). team: the processes that train it together; each has a trainer
    with the same arguments.
    """

    def __init__(
        self,
        network: FusionNetwork,
        samples: Samples,
        train: NDArray[np.int64],
        validation: NDArray[np.int64],
        recipe: Recipe,
        folder: Path,
        *,
        seed: int,
        precision: str = "float32",
        guidance: float = 0.0,
        self_guidance: float = 0.0,
        presence: float = 0.0,
        masks: int | None = None,
        erase: float = 0.0,
        freeze: int = 0,
        team: Team | None = None,
    ) -> None:
        self.network = network.to(samples.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = BATCH_NORM_MOMENTUM
        if samples.device.type == "cpu":
            depthwise.use(network)
        self._frozen = freezing.first_layers(network.global_branch, freeze) if freeze else []
        freezing.freeze(self._frozen)
        self._freeze = freeze
        self._team = team or Team(samples.device.type)
        if recipe.batch < 2 * self._team.size:
            raise InvalidInputError(
                f"A batch of {recipe.batch} is too small for {self._team.size} devices; "
                f"give --batch {2 * self._team.size} or more."
            )
        # Every process takes the same steps, and so has the same mean.
        self._average = (
            AveragedModel(
                network,
                multi_avg_fn=get_ema_multi_avg_fn(recipe.average),  # type: ignore[no-untyped-call]
                use_buffers=True,
            )
            if recipe.average
            else None
        )
        self._module = self._team.prepare(self.network)
        self.samples = samples
        self.recipe = recipe
        self.folder = folder
        self.history: list[Row] = []
        self.best_epoch = -1
        self._best = math.inf
        self._train = torch.from_numpy(np.asarray(train, np.int64))
        self._validation = np.asarray(validation, np.int64)
        self._seed = seed
        self._precision = precision
        self._guidance = guidance
        self._masks = masks
        self._erase = erase
        self._usable = self._usable_masks()
        self._coverage = (
            losses.CellCoverage(self.network, (samples.pixels.images.shape[-2:]), samples.device)
            if guidance
            else None
        )
        self._self_guidance = self_guidance
        self._evidence = (
            losses.OwnEvidence(self.network, samples.pixels.images.shape[-2:], samples.device)
            if self_guidance
            else None
        )
        self._presence = presence
        self._optimisers = optimisers(network, recipe)
        self._weights: Tensor | None = None
        if recipe.balance:
            target = samples.target[self._train]
            counts = torch.bincount(
                target[target != losses.UNLABELLED], minlength=len(network.architecture.classes)
            )
            weights = counts.sum() / (len(counts) * counts.clamp_min(1).float())
            self._weights = weights.to(samples.device)

    def _usable_masks(self) -> Tensor:
        """Return (N,) bool: the records whose masks training may use."""
        usable = torch.from_numpy(self.samples.pixels.known)
        if self._masks is not None:
            lesion = self.samples.pixels.masks.reshape(len(self.samples.pixels), -1).any(axis=1)
            train = self._train[torch.from_numpy(lesion)[self._train] & usable[self._train]]
            generator = torch.Generator().manual_seed(derive(self._seed, "masks"))
            chosen = train[torch.randperm(len(train), generator=generator)[: self._masks]]
            # That there is no lesion to be outlined costs no mask.
            usable &= self.samples.target == losses.UNLABELLED
            usable[chosen] = True
        return usable.to(self.samples.device)

    @property
    def epoch(self) -> int:
        """The number of epochs done."""
        return len(self.history)

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or none of the last ``patience`` was the best."""
        if self.epoch >= self.recipe.epochs:
            return True
        return bool(
            len(self._validation)
            and self.epoch
            and self.epoch - 1 - self.best_epoch >= self.recipe.patience
        )

    def run(
        self,
        progress: Progress | None = None,
        on_epoch: Callable[[Row], None] | None = None,
    ) -> None:
        """Train to the end; then the network has the weights that the recipe keeps.

        Without validation images these are the last. Raises ``SaliscopeError`` where the
        loss is no longer a number, ``CancelledError`` where ``progress`` is cancelled.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._resume()
        while not self.finished:
            row = self._one_epoch(progress)
            self.history.append(row)
            if len(self._validation) and row["validation_loss"] < self._best:
                self._best, self.best_epoch = row["validation_loss"], self.epoch - 1
                if self._team.first:
                    state.write(self._best_path(), self._judged.state_dict(), {})
            if self._team.first:
                self._save()
            if on_epoch is not None:
                on_epoch(row)
        self._team.wait()
        if self.best_epoch >= 0 and self.recipe.keep == "best":
            tensors, _ = state.read(self._best_path())
            self.network.load_state_dict(tensors)
        elif self._average is not None:
            self.network.load_state_dict(self._average.module.state_dict())
        self._average = None  # The network has the weights that are kept.
        # The first may delete these files now.
        self._team.wait()

    @property
    def _judged(self) -> nn.Module:
        """The network with the weights that are validated and kept."""
        return self.network if self._average is None else self._average.module

    def _one_epoch(self, progress: Progress | None) -> Row:
        number, started = self.epoch, time.perf_counter()
        rank = (self._team.rank,) if self._team.rank else ()
        torch.manual_seed(derive(self._seed, number, "network", *rank))
        generator = torch.Generator().manual_seed(derive(self._seed, number, "data"))
        order = self._train[torch.randperm(len(self._train), generator=generator)]
        # Parts of nearly equal size: a last part of one image would spoil batch normalisation.
        batches = torch.tensor_split(order, math.ceil(len(order) / self.recipe.batch))
        self.network.train()
        freezing.rest(self._frozen)
        sums = torch.zeros(7, dtype=torch.float64)
        for done, indices in enumerate(batches):
            set_rates(self._optimisers, self.recipe.factor(number + done / len(batches)))
            loss, right = self._step(indices, generator)
            parts = (
                loss.total.detach(),
                loss.global_branch,
                loss.local_branch,
                loss.fusion,
                loss.guidance,
                loss.presence,
            )
            sums[:6] += len(indices) * torch.stack(parts).double().cpu()
            sums[6] += right.double().cpu()
            mean = sums[0].item() / sum(len(b) for b in batches[: done + 1])
            if not math.isfinite(mean):
                raise _diverged(number)
            if progress is not None:
                progress.report(
                    (number + (done + 1) / len(batches)) / self.recipe.epochs,
                    f"epoch {number + 1}/{self.recipe.epochs} · loss {mean:.3f}{self._said()}",
                )
        means = (sums / len(order)).tolist()
        seconds = time.perf_counter() - started
        row: Row = {
            "epoch": number + 1,
            "rate_factor": self.recipe.factor(number),
            "loss": means[0],
            "loss_global": means[1],
            "loss_local": means[2],
            "loss_fusion": means[3],
            "loss_guidance": means[4],
            "loss_presence": means[5],
            "accuracy": sums[6].item() / max(1, int((self.samples.target[order] >= 0).sum())),
            "images_per_second": len(order) / seconds,
        }
        if len(self._validation):
            target = self.samples.target[self._validation].numpy()
            logits = self.predict(self._validation)["fusion"]
            if not np.isfinite(logits).all():
                raise _diverged(number)
            figures = measure(logits, target, self.network.architecture.classes)
            row["validation_loss"] = figures["nll"]
            row["validation_accuracy"] = figures["accuracy"]
            row["validation_auc"] = figures["auc"]
        row["seconds"] = time.perf_counter() - started
        return row

    def _step(self, indices: Tensor, generator: torch.Generator) -> tuple[losses.Loss, Tensor]:
        samples, a = self.samples, self.network.architecture
        here = indices.to(samples.device)
        images, masks = augment(
            samples.images(here),
            samples.masks(here),
            samples.flips[indices],
            AUGMENTATIONS[self.recipe.augmentation],
            generator,
        )
        target = samples.labels(here)
        known, speechless, present = self._usable[here], None, samples.present(here)
        if self._erase:
            kind = erasure.draw(known, masks, self._erase, generator)
            images = erasure.erase(images, masks, kind, generator)
            speechless = (kind == erasure.WITHOUT).to(samples.device)
            # Where its lesion was, there is nothing to look at, and nothing to look away from.
            known = known & ~speechless
            present = present.masked_fill(speechless, UNKNOWN)
        # Every process draws for the whole batch, and so the same.
        mine = self._team.share(len(indices))
        part = self._forward(self._module, samples.pixels.normalise(images[mine]))
        presence_logits = None
        if self._presence:
            with self._autocast():
                presence_logits = gate_by_global(self.network, part)
            presence_logits = self._team.whole(presence_logits, len(indices))
        outputs = self._whole(part, len(indices))
        loss = losses.joint(
            outputs,
            target,
            class_weights=self._weights,
            coverage=None if self._coverage is None else self._coverage(masks),
            known=known,
            guidance_weight=self._guidance,
            gate_norm=a.gate_norm,
            speechless=speechless,
            evidence=None if self._evidence is None else self._evidence(outputs.global_features),
            self_guidance_weight=self._self_guidance,
            presence_logits=presence_logits,
            present=present,
            presence_weight=self._presence,
        )
        for optimiser in self._optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss.total.backward()  # type: ignore[no-untyped-call]
        for optimiser in self._optimisers:
            optimiser.step()
        if self._average is not None:
            self._average.update_parameters(self.network)
        # Of the unlabelled none is ever right.
        return loss, (outputs.fusion_logits.argmax(1) == target).sum()

    def _whole(self, part: Outputs, count: int) -> Outputs:
        """Return the outputs that the loss sees, of the whole batch."""
        if not self._team.many:
            return part
        return part._replace(
            global_logits=self._team.whole(part.global_logits, count),
            local_logits=self._team.whole(part.local_logits, count),
            fusion_logits=self._team.whole(part.fusion_logits, count),
            gate_logits=None
            if part.gate_logits is None
            else self._team.whole(part.gate_logits, count),
            global_features=part.global_features
            if self._evidence is None
            else self._team.whole(part.global_features, count),
        )

    def _autocast(self, *, exact: bool = False) -> torch.autocast:
        half = self._precision == "bfloat16" and not exact
        return torch.autocast(self.samples.device.type, torch.bfloat16, enabled=half)

    def _forward(self, module: nn.Module, inputs: Tensor, *, exact: bool = False) -> Outputs:
        with self._autocast(exact=exact):
            outputs: Outputs = module(inputs.contiguous(memory_format=torch.channels_last))
        return outputs

    def predict(
        self, indices: NDArray[np.int64], *, exact: bool = False
    ) -> dict[str, NDArray[np.float64]]:
        """Return the logits of each of BRANCHES, (n, C), in evaluation mode.

        exact: in float32, whatever precision training runs in.
        """
        count = len(self.network.architecture.classes)
        return self._ask(
            indices,
            dict.fromkeys(BRANCHES, count),
            lambda outputs: {b: getattr(outputs, f"{b}_logits") for b in BRANCHES},
            exact=exact,
        )

    def largest_q(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return how far the gate opens for each image, (n,): its largest q, in float32."""

        def largest(outputs: Outputs) -> dict[str, Tensor]:
            assert outputs.gate_logits is not None
            return {"q": outputs.gate_logits.flatten(1).amax(1, keepdim=True)}

        return self._ask(indices, {"q": 1}, largest, exact=True)["q"][:, 0]

    def _ask(
        self, indices: NDArray[np.int64], widths: dict[str, int], pick: Pick, *, exact: bool
    ) -> dict[str, NDArray[np.float64]]:
        network = self._judged.eval()
        return ask(
            lambda inputs: self._forward(network, inputs, exact=exact),
            self.samples,
            self._team,
            indices,
            widths,
            pick,
        )

    def _said(self) -> str:
        """Return the last epoch's validation figures for the progress bar."""
        if not self.history or "validation_loss" not in self.history[-1]:
            return ""
        auc = self.history[-1]["validation_auc"]
        auc = "" if auc is None else f", AUC {auc:.3f}"
        return f" · validation {self.history[-1]['validation_loss']:.3f}{auc}"

    def _best_path(self) -> Path:
        return self.folder / f"best-{self.best_epoch + 1:04d}.safetensors"

    def _settings(self) -> dict[str, Any]:
        """Return what must be the same for a run to be gone on with."""
        return {
            # As it comes back from JSON, which has lists for tuples.
            "recipe": json.loads(json.dumps(self.recipe.to_dict())),
            "seed": self._seed,
            "precision": self._precision,
            "guidance": self._guidance,
            "self_guidance": self._self_guidance,
            "presence": self._presence,
            "masks": self._masks,
            "erase": self._erase,
            "freeze": self._freeze,
            "images": hashlib.blake2b(
                self._train.numpy().tobytes() + self._validation.tobytes(), digest_size=8
            ).hexdigest(),
        }

    def _save(self) -> None:
        """Write the state of this epoch, then the history, then drop superseded best weights.

        The best epoch's file is written before the state that names it and dropped after, so
        whenever the run is killed, the state on disk has all it needs.
        """
        tensors = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        tensors |= {f"optimiser.{k}": v for k, v in state_tensors(self._optimisers).items()}
        if self._average is not None:
            tensors |= {f"average.{k}": v for k, v in self._average.state_dict().items()}
        state.write(
            self.folder / LAST,
            tensors,
            {
                "settings": self._settings(),
                "history": self.history,
                "best_epoch": self.best_epoch,
                "best": self._best if self.best_epoch >= 0 else None,
            },
        )
        state.write_csv(self.folder / "history.csv", self.history)
        for path in self.folder.glob("best-*.safetensors"):
            if path != self._best_path():
                path.unlink()

    def _resume(self) -> None:
        """Take up the state in the folder, if there is one."""
        path = self.folder / LAST
        if not path.is_file():
            return
        tensors, values = state.read(path)
        stored = values["settings"]
        stored["recipe"] = completed(stored["recipe"])
        settings = self._settings()
        changed = [key for key in settings if not agree(stored, settings, key)]
        if changed:
            raise SaliscopeError(
                f"{self.folder} holds a run with other settings ({', '.join(changed)}); "
                "give another --out, or delete it to begin again."
            )
        self.network.load_state_dict(_prefixed(tensors, "network."))
        if self._average is not None:
            self._average.load_state_dict(_prefixed(tensors, "average."))
        load_state_tensors(self._optimisers, _prefixed(tensors, "optimiser."))
        # Of an older version's epochs not all is known that is told of the next ones.
        self.history = values["history"]
        for row in self.history:
            row.setdefault("loss_presence", None)
        self.best_epoch = values["best_epoch"]
        self._best = math.inf if values["best"] is None else values["best"]


def precision_before(folder: Path) -> str | None:
    """Return the precision of the run whose state is in the folder, if there is one."""
    path = folder / LAST
    return str(state.read(path)[1]["settings"]["precision"]) if path.is_file() else None


class DivergedError(SaliscopeError):
    """The loss is no longer a number."""


def _diverged(number: int) -> DivergedError:
    return DivergedError(
        f"Training diverged in epoch {number + 1}: the loss is no longer a number; "
        "give smaller rates (--recipe) or --precision float32."
    )


def _prefixed(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
