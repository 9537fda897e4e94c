"""Images a second in training, against the same network in a plain loop, in one run.

``python -m pytest tests/benchmarks/test_training_speed.py -s``. Printed, never asserted: seconds
belong to the machine. Settings by environment: ``SPEED_PRESET`` (compact), ``SPEED_DEVICE``
(auto), ``SPEED_THREADS`` (torch's), ``SPEED_PRECISION`` (auto), ``SPEED_IMAGES`` (96),
``SPEED_DATA`` (a folder of images; else smooth noise of ultrasound's usual size, as PNG).

Plain: eager, float32, channels first, one SGD a branch stepping tensor by tensor, PIL decoding and
resizing every image in every epoch in one worker process, which stays. Ours: the ``Trainer`` of
``training.loop`` as ``training.cv`` runs it: the cache, channels last, multi-tensor optimisers, and
the precision that cv chooses by itself, in a process that keeps its memory as the command's does.
Both train the same architecture on the same images in batches of 16, after a warming epoch, each in
a process of its own that waits while another has its turn.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
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
from training import memory
from training.augment import flippable
from training.cache import pixels
from training.datasets.record import Record
from training.loop import Trainer
from training.optimisers import parts
from training.recipes import recipe
from training.samples import Samples

PRESET = os.environ.get("SPEED_PRESET", "compact")
IMAGES = int(os.environ.get("SPEED_IMAGES", "96"))
DEVICE = os.environ.get("SPEED_DEVICE", "auto")
THREADS = int(os.environ.get("SPEED_THREADS", torch.get_num_threads()))
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


def _samples(
    files: list[Path], preprocessing: Preprocessing, device: str, folder: Path
) -> tuple[Samples, float]:
    """Return the images as training keeps them, and the seconds that it took to decode them."""
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
    data = pixels(records, preprocessing, folder=folder)
    once = time.perf_counter() - started
    target = torch.arange(len(files)) % 2
    return Samples(data, target, flippable(records), torch.device(device)), once


def _trains(pipe: Connection, precision: str | None, files: list[Path], folder: Path) -> None:
    """Train an epoch whenever the other end asks for it, and send how many seconds it took.

    precision: ours; None for the plain loop.
    """
    torch.set_num_threads(THREADS)
    device = choose_device(DEVICE)
    preprocessing = Preprocessing(keep_aspect=False)
    once = 0.0
    if precision is None:
        epoch = _plain(files, preprocessing, device)
    else:
        memory.keep()
        samples, once = _samples(
            files, preprocessing, device, folder.with_name(f"{folder.name}-cache")
        )
        epoch = _ours(samples, folder, precision)
    pipe.send(once)
    # Until the other end is closed, or its process is gone.
    with contextlib.suppress(EOFError):
        while pipe.recv():
            started = time.perf_counter()
            epoch()
            if device.startswith("cuda"):
                torch.cuda.synchronize()
            pipe.send(time.perf_counter() - started)


def test_training_speed(tmp_path: Path) -> None:
    device = choose_device(DEVICE)
    chosen = choose_training_precision(device, os.environ.get("SPEED_PRECISION", "auto"))
    files = _files(tmp_path)
    sides = {"plain": None, "float32": "float32", "ours": chosen.name}
    spawn = multiprocessing.get_context("spawn")
    best = dict.fromkeys(sides, float("inf"))
    with contextlib.ExitStack() as stack:
        pipes: dict[str, Connection] = {}
        for name, precision in sides.items():
            pipes[name], theirs = spawn.Pipe()
            process = spawn.Process(
                target=_trains, args=(theirs, precision, files, tmp_path / name)
            )
            process.start()
            theirs.close()
            # In turn: a process whose pipe is closed ends.
            stack.callback(process.join)
            stack.callback(pipes[name].close)
        once = {name: pipe.recv() for name, pipe in pipes.items()}["ours"]
        # By turns: what else runs slows all alike.
        for turn in range(EPOCHS + 1):
            for name, pipe in pipes.items():
                pipe.send(True)
                seconds = pipe.recv()
                if turn:
                    best[name] = min(best[name], seconds)
    rates = {name: IMAGES / seconds for name, seconds in best.items()}
    name = torch.cuda.get_device_name() if device.startswith("cuda") else "CPU"
    print(
        f"\n{PRESET}, {name}, {THREADS} threads, {len(files)} images, "
        f"224 x 224, batch {BATCH}; cache made once in {once:.1f} s; {chosen.reason}"
    )
    for what, rate in (
        ("plain loop (eager, float32, decoding in one worker)", rates["plain"]),
        ("ours in float32", rates["float32"]),
        (f"ours, {chosen.name}", rates["ours"]),
    ):
        print(f"  {what:<52} {rate:8.2f} images/s   {rate / rates['plain']:5.2f} x")
    assert min(rates.values()) > 0
