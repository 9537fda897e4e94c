"""TensorBoard logs beside history.csv, where they are asked for: ``tensorboard --logdir RUN``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.errors import InvalidInputError

FOLDER = "tensorboard"


class Board:
    """Shows every number of a history's rows over the epochs.

    folder: of the fold or the fit. Raises ``InvalidInputError`` where tensorboard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            # Takes seconds, which only those who ask for it should wait.
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise InvalidInputError(
                "--tensorboard needs TensorBoard, which is not installed; "
                "install it with pip install tensorboard, or leave the option out."
            ) from error
        self._writer_of = SummaryWriter
        self._folder = folder / FOLDER
        self._writer: SummaryWriter | None = None

    def show(self, history: list[dict[str, Any]]) -> None:
        """Log the last row; the first time all, in place of what a killed run left."""
        rows = history[-1:]
        if self._writer is None:
            for path in self._folder.glob("events.out.tfevents.*"):
                path.unlink()
            self._writer = self._writer_of(str(self._folder))
            rows = history
        for row in rows:
            for name, value in row.items():
                if name != "epoch" and value is not None:
                    self._writer.add_scalar(name, value, row["epoch"])
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()
