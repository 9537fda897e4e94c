import sys
from pathlib import Path

import pytest

from engine.errors import InvalidInputError
from training.board import FOLDER, Board


def _read(folder: Path) -> dict[str, list[tuple[int, float]]]:
    event_accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    read = event_accumulator.EventAccumulator(str(folder / FOLDER))
    read.Reload()
    return {
        name: [(one.step, one.value) for one in read.Scalars(name)]
        for name in read.Tags()["scalars"]
    }


def test_every_epoch_is_there_once_however_often_it_was_killed(tmp_path: Path) -> None:
    history: list[dict[str, object]] = []
    for epochs in (2, 2):  # killed after two epochs, then gone on with
        board = Board(tmp_path)
        for _ in range(epochs):
            number = len(history) + 1
            auc = None if number == 1 else 0.5
            history.append({"epoch": number, "loss": 1 / number, "validation_auc": auc})
            board.show(history)
        board.close()
    found = _read(tmp_path)
    assert found["loss"] == [(n, pytest.approx(1 / n)) for n in (1, 2, 3, 4)]
    assert found["validation_auc"] == [(n, 0.5) for n in (2, 3, 4)]
    assert "epoch" not in found


def test_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(InvalidInputError, match="pip install tensorboard"):
        Board(tmp_path)
