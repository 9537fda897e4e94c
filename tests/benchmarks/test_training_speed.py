"""Images a second in training, against the same network in a plain loop, in one run.

``python -m pytest tests/benchmarks/test_training_speed.py -s``. Printed, never asserted: seconds
belong to the machine. Settings by environment: ``SPEED_PRESET`` (compact), ``SPEED_DEVICE``
(auto), ``SPEED_THREADS`` (torch's), ``SPEED_PRECISION`` (auto), ``SPEED_IMAGES`` (96),
``SPEED_DATA`` (a folder of images; else smooth noise of ultrasound's usual size, as PNG).

Plain: eager, float32, channels first, one SGD a branch stepping tensor by tensor, PIL decoding and
resizing every image in every epoch in one worker process, which stays. Ours: the ``Trainer`` of
``training.loop`` as ``training.cv`` runs it: the cache, channels last, multi-tensor optimisers, and
the precision that cv chooses by itself. Both train the same architecture on the same images in
batches of 16, after a warming epoch.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image as PillowImage
from torch.nn import functional
from torch.optim import SGD
from torch.utils.data import DataLoader, Dataset

from engine.images.preprocess import Preprocessing
from engine.model.device import choose_device, choose_training_precision
from engine.model.network import FusionNetwork, Outputs
from engine.model.presets import preset
from training.augment import flippable
from training.cache import pixels
from training.datasets.record import Record
from training.loop import Trainer
from training.optimisers import parts
from training.recipes import recipe
from training.samples import Samples

PRESET = os.environ.get("SPEED_PRESET", "compact")
IMAGES = int(os.environ.get("SPEED_IMAGES", "96"))
BATCH, EPOCHS = 16, 2
ULTRASOUND = (500, 600)


class Plain(Dataset[tuple[torch.Tensor, int]]):
    """Decodes each image whenever it is asked for."""

    def __init__(self, files: list[Path], preprocessing: Preprocessing) -> None:
        self.files, self.preprocessing = files, preprocessing

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        rows, cols = self.preprocessing.size
        with PillowImage.open(self.files[index]) as file:
            image = file.convert("RGB").resize((cols, rows), PillowImage.Resampling.BILINEAR)
        values = torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1).float() / 255
        if torch.rand(()) < 0.5:
            values = values.flip(2)
        mean, std = (
            torch.tensor(v).view(3, 1, 1) for v in (self.preprocessing.mean, self.preprocessing.std)
        )
        return (values - mean) / std, index % 2


def _files(folder: Path) -> list[Path]:
    given = os.environ.get("SPEED_DATA")
    if given:
        found = sorted(p for p in Path(given).rglob("*.png") if "mask" not in p.name)
        return list(itertools.islice(itertools.cycle(found), IMAGES))
    rng = np.random.default_rng(0)
    files = []
    for number in range(IMAGES):
        files.append(folder / f"{number}.png")
        small = PillowImage.fromarray(rng.integers(0, 255, (60, 72), np.uint8))
        # Smooth, as images are; noise would be slower to decode than any.
        small.resize(ULTRASOUND[::-1], PillowImage.Resampling.BICUBIC).save(files[-1])
    return files


def _plain(files: list[Path], preprocessing: Preprocessing, device: str) -> Callable[[], None]:
    torch.manual_seed(0)
    network = FusionNetwork(preset(PRESET, ("a", "b"))).to(device).train()
    optimisers = [SGD(part, 1e-3, 0.9, weight_decay=1e-4, foreach=False) for part in parts(network)]
    loader = DataLoader(
        Plain(files, preprocessing), BATCH, shuffle=True, num_workers=1, persistent_workers=True
    )

    def epoch() -> None:
        for images, target in loader:
            y = target.to(device)
            out: Outputs = network(images.to(device))
            loss = (
                0.3 * functional.cross_entropy(out.global_logits, y)
                + 0.3 * functional.cross_entropy(out.local_logits, y)
                + 0.4 * functional.cross_entropy(out.fusion_logits, y)
            )
            for optimiser in optimisers:
                optimiser.zero_grad()
            loss.backward()
            for optimiser in optimisers:
                optimiser.step()
            loss.item()

    return epoch


def _ours(samples: Samples, folder: Path, precision: str) -> Callable[[], None]:
    torch.manual_seed(0)
    how = replace(recipe("busi"), epochs=10**6, batch=BATCH)
    everything = np.arange(len(samples.target))
    trainer = Trainer(
        FusionNetwork(preset(PRESET, ("a", "b"))),
        samples,
        everything,
        everything[:0],
        how,
        folder,
        seed=0,
        precision=precision,
    )

    def epoch() -> None:
        # As run() does, all that an epoch needs to be gone on from included.
        trainer.folder.mkdir(exist_ok=True)
        trainer.history.append(trainer._one_epoch(None))
        trainer._save()

    return epoch


def _rates(device: str, **epochs: Callable[[], None]) -> dict[str, float]:
    """Images a second of each, their epochs taking turns: what else runs slows all alike."""
    best = dict.fromkeys(epochs, float("inf"))
    for turn in range(EPOCHS + 1):
        for name, epoch in epochs.items():
            started = time.perf_counter()
            epoch()
            if device != "cpu":
                torch.cuda.synchronize()
            if turn:
                best[name] = min(best[name], time.perf_counter() - started)
    return {name: IMAGES / seconds for name, seconds in best.items()}


def test_training_speed(tmp_path: Path) -> None:
    torch.set_num_threads(int(os.environ.get("SPEED_THREADS", torch.get_num_threads())))
    device = choose_device(os.environ.get("SPEED_DEVICE", "auto"))
    preprocessing = Preprocessing(keep_aspect=False)
    files = _files(tmp_path)
    records = [
        Record(
            path=path,
            frame=0,
            label="",
            patient="",
            modality="US",
            sequence="",
            mask_paths=(),
            group="",
        )
        for path in files
    ]
    started = time.perf_counter()
    data = pixels(records, preprocessing, folder=tmp_path / "cache")
    once = time.perf_counter() - started
    target = torch.arange(len(files)) % 2
    samples = Samples(data, target, flippable(records), torch.device(device))
    chosen = choose_training_precision(device, os.environ.get("SPEED_PRECISION", "auto"))
    rates = _rates(
        device,
        plain=_plain(files, preprocessing, device),
        float32=_ours(samples, tmp_path / "float32", "float32"),
        ours=_ours(samples, tmp_path / "ours", chosen.name),
    )
    name = torch.cuda.get_device_name() if device.startswith("cuda") else "CPU"
    print(
        f"\n{PRESET}, {name}, {torch.get_num_threads()} threads, {len(files)} images, "
        f"224 x 224, batch {BATCH}; cache made once in {once:.1f} s; {chosen.reason}"
    )
    for what, rate in (
        ("plain loop (eager, float32, decoding in one worker)", rates["plain"]),
        ("ours in float32", rates["float32"]),
        (f"ours, {chosen.name}", rates["ours"]),
    ):
        print(f"  {what:<52} {rate:8.2f} images/s   {rate / rates['plain']:5.2f} x")
    assert min(rates.values()) > 0
