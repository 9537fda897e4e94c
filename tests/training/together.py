"""Train a tiny network with as many processes as asked for: ``FOLDER DEVICES EPOCHS``."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from tests.training import tiny
from training.loop import Trainer
from training.recipes import recipe
from training.team import Team

# 27 images are not shared evenly by two.
TRAIN, VALIDATION = np.arange(27), np.arange(27, 70)


def train(folder: Path, team: Team, **changes: object) -> Trainer:
    how = replace(
        recipe("busi", epochs=2, batch=27, augmentation="strong", balance=True),
        **changes,  # type: ignore[arg-type]
    )
    trainer = Trainer(
        # Dropout is drawn by each process for itself, and would not be the same.
        tiny.network(dropout=0.0),
        tiny.samples(70),
        TRAIN,
        VALIDATION,
        how,
        folder,
        seed=3,
        # Weak: the gradient of the gate's share of a lesion is large on so few cells, and what two
        # processes round otherwise grows with every step.
        guidance=0.02,
        presence=0.02,
        team=team,
    )
    trainer.run()
    return trainer


if __name__ == "__main__":
    torch.set_num_threads(1)
    together = Team("cpu", int(sys.argv[2]))
    together.launch()
    trainer = train(Path(sys.argv[1]), together, epochs=int(sys.argv[3]))
    logits = trainer.predict(VALIDATION)["fusion"]
    np.save(Path(sys.argv[1]) / f"logits-{together.rank}.npy", logits, allow_pickle=False)
