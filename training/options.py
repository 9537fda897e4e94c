"""The options that ``training.cv`` and ``training.fit`` share, and what they build."""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.errors import InvalidInputError
from engine.images.preprocess import Preprocessing
from engine.model.architecture import FUSIONS, GATE_NORMS, Architecture
from engine.model.backbone import normalisation
from engine.model.device import choose_device, choose_training_precision
from engine.model.network import FusionNetwork
from engine.model.presets import PRESETS, preset
from engine.model.weights import load_global_weights, load_local_weights
from engine.progress import Progress
from training import console, datasets
from training.augment import AUGMENTATIONS, flippable
from training.cache import pixels
from training.datasets import Dataset
from training.datasets.record import Record
from training.loop import Trainer, derive
from training.losses import UNLABELLED
from training.presence import ABSENT, PRESENT, shown
from training.recipes import RECIPES, Recipe, recipe
from training.samples import Samples
from training.team import Team

HUB = "hub"
"""In --global-weights: timm's ImageNet weights, over the network."""

DEFAULT_RECIPES = {"compact": "compact", "light": "light", "focus": "focus", "paper": "busi"}
"""The recipe of a preset where none is given; the paper's on limb MRI is ``myopathy``."""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is trained, on what, and how."""
    data = parser.add_argument_group("data")
    data.add_argument("--dataset", required=True, choices=datasets.NAMES)
    data.add_argument("--data", required=True, type=Path, metavar="DIR", help="or a CSV file")
    data.add_argument("--classes", metavar="A,B", help="which classes, in order; last is positive")
    data.add_argument("--aspect", choices=("keep", "stretch"), help="default: the data set's")
    data.add_argument("--size", type=int, metavar="PX", help="side of the input (default 224)")
    model = parser.add_argument_group("model")
    model.add_argument("--preset", default="compact", choices=sorted(PRESETS))
    model.add_argument("--fusion", default="gate", choices=FUSIONS)
    model.add_argument("--gate-norm", choices=GATE_NORMS)
    model.add_argument("--backbone", metavar="TIMM", help="another global branch")
    model.add_argument("--global-weights", metavar=f"FILE|{HUB}")
    model.add_argument("--local-weights", type=Path, metavar="FILE", help="published BagNet-33")
    how = parser.add_argument_group("training")
    how.add_argument("--recipe", choices=sorted(RECIPES), help="rates, decay, schedule, dropout")
    how.add_argument("--rates", type=_three, metavar="G,L,F", help="of branches and fusion")
    how.add_argument("--weight-decays", type=_three, metavar="G,L,F")
    how.add_argument("--dropout", type=_share, metavar="P", help="before the fusion's classifier")
    how.add_argument("--epochs", type=_positive, metavar="N", help="at most")
    how.add_argument("--patience", type=_positive, metavar="N")
    how.add_argument("--keep", choices=("best", "last"), help="which epoch's weights")
    how.add_argument(
        "--average", type=_share, metavar="D", help="keep the running mean of the weights, decay D"
    )
    how.add_argument("--batch", type=_positive, metavar="N")
    how.add_argument("--augmentation", choices=sorted(AUGMENTATIONS))
    how.add_argument("--balance", action="store_true", default=None, help="weigh rare classes up")
    how.add_argument("--guidance", type=_weight, default=0.0, metavar="W", help="of lesion masks")
    how.add_argument(
        "--self-guidance",
        type=_weight,
        default=0.0,
        metavar="W",
        help="of where the global branch responds; needs no masks",
    )
    how.add_argument(
        "--presence",
        type=_weight,
        default=0.0,
        metavar="W",
        help="of which images show a lesion at all; needs no masks, but images without a lesion",
    )
    how.add_argument(
        "--unlabelled",
        action="store_true",
        help="with --guidance: also show it the data set's images without a lesion that are of "
        "none of the classes; --presence does by itself",
    )
    how.add_argument(
        "--lesion-free",
        metavar="A,B",
        help="classes whose images show no lesion, all others' do, where no mask says (default: "
        "the data set's)",
    )
    how.add_argument(
        "--masks", type=_count, metavar="N", help="use only N of the training masks (default all)"
    )
    how.add_argument(
        "--erase",
        type=_share,
        default=0.0,
        metavar="P",
        help="share of images shown without, or only with, their lesion",
    )
    how.add_argument(
        "--freeze",
        type=int,
        default=0,
        choices=(0, 2, 4, 8, 16),
        help="leave the global branch as it is up to its features of 1/N of the input (0: none)",
    )
    how.add_argument("--seed", type=int, default=0)
    how.add_argument("--device", default="auto", metavar="auto|cpu|cuda|mps")
    how.add_argument("--precision", default="auto", metavar="auto|float32|bfloat16")
    how.add_argument(
        "--devices", type=_positive, default=1, metavar="N", help="that share every batch"
    )
    how.add_argument("--num-nodes", type=_positive, default=1, metavar="N")
    how.add_argument("--tensorboard", action="store_true", help="logs beside history.csv")


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than 0")
    return value


def _three(text: str) -> tuple[float, float, float]:
    values = tuple(_weight(part) for part in text.split(","))
    if len(values) != 3:
        raise argparse.ArgumentTypeError(f"{text} is not three numbers with commas between")
    return values


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to less than 1")
    return value


def _weight(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not a weight of 0 or more")
    return value


@dataclass(frozen=True)
class Experiment:
    """What the options ask for, everything resolved."""

    dataset: Dataset
    architecture: Architecture
    preprocessing: Preprocessing
    recipe: Recipe
    global_weights: str | None
    local_weights: Path | None
    guidance: float
    self_guidance: float
    presence: float
    unlabelled: tuple[Record, ...]
    lesion_free: tuple[str, ...]
    masks: int | None
    erase: float
    freeze: int
    seed: int
    device: torch.device
    precision: str

    def network(self, seed: int) -> FusionNetwork:
        """Return a new network, its random weights decided by ``seed``."""
        torch.manual_seed(seed)
        network = FusionNetwork(self.architecture, pretrained=self.global_weights == HUB)
        if self.global_weights not in (None, HUB):
            load_global_weights(network, Path(str(self.global_weights)))
        if self.local_weights is not None:
            load_local_weights(network, self.local_weights)
        return network

    def samples(self, progress: Progress | None = None) -> Samples:
        """Return all images, the unlabelled last, from the cache where they are in it."""
        records = (*self.dataset.records, *self.unlabelled)
        data = pixels(records, self.preprocessing, progress)
        labels = self.dataset.labels + [UNLABELLED] * len(self.unlabelled)
        present = shown(data, [r.label for r in records], self.lesion_free)
        if self.presence and not {PRESENT, ABSENT} <= set(present.tolist()):
            raise InvalidInputError(
                "--presence needs images with and images without a lesion, and "
                f"{self.dataset.name} has, or says that it has, only one kind; say with "
                "--lesion-free which classes show none, or leave --presence out."
            )
        return Samples(data, torch.tensor(labels), flippable(records), self.device, present)

    @property
    def unlabelled_indices(self) -> NDArray[np.int64]:
        """Where they are among ``samples``."""
        count = len(self.dataset.records)
        return np.arange(count, count + len(self.unlabelled), dtype=np.int64)

    def tells_presence(self, samples: Samples) -> bool:
        """Whether there is a gate that can close, and images to close it on."""
        every = samples.present(torch.arange(len(samples.pixels), device=samples.device))
        return (
            self.architecture.fusion == "gate"
            and self.architecture.gate_norm == "sigmoid"
            and {PRESENT, ABSENT} <= set(every.tolist())
        )

    def held_out(self, fold: int, folds: int) -> NDArray[np.int64]:
        """Return the unlabelled images that a fold is not trained on: about one in ``folds``.

        Every one is held out once, near-identical ones together; the seed decides which when.
        """
        groups = sorted({record.group for record in self.unlabelled})
        order = np.random.default_rng(derive(self.seed, "unlabelled")).permutation(len(groups))
        out = {groups[i] for i in order[fold::folds]}
        inside = np.array([record.group in out for record in self.unlabelled], bool)
        count = len(self.dataset.records)
        return np.asarray(count + np.flatnonzero(inside), np.int64)

    def trainer(
        self,
        samples: Samples,
        train: NDArray[np.int64],
        validation: NDArray[np.int64],
        folder: Path,
        seed: int,
        team: Team | None = None,
        held_out: NDArray[np.int64] | None = None,
    ) -> Trainer:
        """Return what trains a new network; ``seed`` decides its weights and all that is drawn.

        To the images ``train`` it adds the unlabelled ones, but those of ``held_out``.
        """
        others = np.setdiff1d(self.unlabelled_indices, [] if held_out is None else held_out)
        return Trainer(
            self.network(seed),
            samples,
            np.concatenate([train, others]),
            validation,
            self.recipe,
            folder,
            seed=seed,
            precision=self.precision,
            guidance=self.guidance,
            self_guidance=self.self_guidance,
            presence=self.presence,
            masks=self.masks,
            erase=self.erase,
            freeze=self.freeze,
            team=team,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what decides the result, as a JSON object; no folder of this machine."""
        return {
            "dataset": self.dataset.name,
            "classes": list(self.dataset.classes),
            "images": len(self.dataset.records),
            "architecture": self.architecture.to_json(),
            "preprocessing": asdict(self.preprocessing),
            "recipe": self.recipe.to_dict(),
            "global_weights": _file_name(self.global_weights),
            "local_weights": _file_name(self.local_weights),
            "guidance": self.guidance,
            "self_guidance": self.self_guidance,
            "presence": self.presence,
            "unlabelled": len(self.unlabelled),
            # What the data set says by itself is the data set's, and need not be said again.
            "lesion_free": []
            if self.lesion_free == self.dataset.lesion_free
            else list(self.lesion_free),
            "masks": self.masks,
            "erase": self.erase,
            "freeze": self.freeze,
            "seed": self.seed,
            "precision": self.precision,
        }


def _file_name(given: str | Path | None) -> str | None:
    return None if given is None else Path(given).name


def team(options: argparse.Namespace) -> Team:
    """Start the processes that ``--devices`` and ``--num-nodes`` ask for; in all of them."""
    made = Team(options.device, options.devices, options.num_nodes)
    made.launch()
    if not made.first:
        console.mute()
    return made


def experiment(
    options: argparse.Namespace, precision: str | None = None, device: str | None = None
) -> Experiment:
    """Load the data set and resolve every option; ``InvalidInputError`` for what cannot be.

    precision: what "auto" came to when the run was begun, for a run that goes on on another kind
    of processor. device: of this process, where there are several.
    """
    classes = tuple(c.strip() for c in options.classes.split(",")) if options.classes else None
    dataset = datasets.load(options.dataset, options.data, classes)
    how = recipe(
        options.recipe or DEFAULT_RECIPES[options.preset],
        rates=options.rates,
        weight_decays=options.weight_decays,
        dropout=options.dropout,
        epochs=options.epochs,
        patience=options.patience,
        keep=options.keep,
        average=options.average,
        batch=options.batch,
        augmentation=options.augmentation,
        balance=options.balance,
    )
    changes: dict[str, Any] = {"fusion": options.fusion}
    if options.size is not None:
        changes["input_size"] = (options.size, options.size)
    if options.gate_norm is not None:
        changes["gate_norm"] = options.gate_norm
    if options.backbone is not None:
        changes |= {"global_backbone": options.backbone, "global_options": {}}
    if how.dropout is not None:
        changes["dropout"] = how.dropout
    architecture = preset(options.preset, dataset.classes, **changes)
    if (
        options.guidance or options.self_guidance or options.presence
    ) and architecture.fusion != "gate":
        raise InvalidInputError(
            f"Guidance and presence act on the gate, and {architecture.fusion} has none; "
            "give --fusion gate or leave it out."
        )
    if (options.guidance or options.erase) and not any(
        r.mask_paths or r.known_empty for r in dataset.records
    ):
        raise InvalidInputError(
            f"--guidance and --erase need lesion masks, and {dataset.name} has none; "
            "leave them out."
        )
    if options.presence and architecture.gate_norm != "sigmoid":
        raise InvalidInputError(
            "--presence needs a gate that can close everywhere, which softmax cannot; "
            "leave --gate-norm softmax out."
        )
    lesion_free = _lesion_free(options.lesion_free, dataset)
    unlabelled = _unlabelled(options, dataset, architecture)
    mean, std = normalisation(architecture.global_backbone)
    preprocessing = replace(
        Preprocessing(),
        mean=mean,
        std=std,
        size=architecture.input_size,
        keep_aspect=dataset.keep_aspect if options.aspect is None else options.aspect == "keep",
    )
    device = device or choose_device(options.device)
    if precision is None or options.precision != "auto":
        precision = choose_training_precision(device, options.precision).name
    return Experiment(
        dataset=dataset,
        architecture=architecture,
        preprocessing=preprocessing,
        recipe=how,
        global_weights=options.global_weights,
        local_weights=options.local_weights,
        guidance=options.guidance,
        self_guidance=options.self_guidance,
        presence=options.presence,
        unlabelled=unlabelled,
        lesion_free=lesion_free,
        masks=options.masks,
        erase=options.erase,
        freeze=options.freeze,
        seed=options.seed,
        device=torch.device(device),
        precision=precision,
    )


def _lesion_free(given: str | None, dataset: Dataset) -> tuple[str, ...]:
    """Return the classes without lesions; ``InvalidInputError`` for what is no class."""
    if given is None:
        return dataset.lesion_free
    names = tuple(name.strip() for name in given.split(","))
    unknown = [name for name in names if name not in dataset.classes]
    if unknown:
        raise InvalidInputError(
            f"--lesion-free {unknown[0]} is no class; the classes are {', '.join(dataset.classes)}."
        )
    return names


def _unlabelled(
    options: argparse.Namespace, dataset: Dataset, architecture: Architecture
) -> tuple[Record, ...]:
    """Return the images without a class that are asked for, which must be of use."""
    if not (options.unlabelled or options.presence):
        return ()
    if architecture.fusion != "gate" or not (options.guidance or options.presence):
        raise InvalidInputError(
            "--unlabelled images teach the gate alone, by guidance or presence; give --guidance W "
            "and --fusion gate, or leave it out."
        )
    found = dataset.unlabelled()
    if options.unlabelled and not found:
        raise InvalidInputError(
            f"{dataset.name} has no images besides those of its classes; leave --unlabelled out."
        )
    return found
