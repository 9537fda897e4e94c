"""``similar``: what it prints, as JSON and as a table, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.cli.main import main
from tests.engine.networks import small_checkpoint


@pytest.fixture
def training(tmp_path: Path) -> Path:
    folder = tmp_path / "training"
    for name, seed in (("dystrophy/a", 1), ("healthy/b", 2), ("healthy/c", 3)):
        path = folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        grey = np.random.default_rng(seed).integers(0, 255, (50, 70), np.uint8)
        Image.fromarray(grey).save(path)
    return folder


def test_the_likest_images_of_a_folder_with_their_labels(training, tmp_path, capsys):
    network = tmp_path / "small.safetensors"
    small_checkpoint().save(network)
    given = ["similar", str(tmp_path / "new.png"), "--among", str(training)]
    given += ["--checkpoint", str(network)]
    grey = np.array(Image.open(training / "dystrophy" / "a.png"))
    grey[0, 0] ^= 1
    Image.fromarray(grey).save(tmp_path / "new.png")
    assert main([*given, "--json", "--top", "2"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    said = json.loads(captured.out)
    assert said["searched"] == {"cases": 3, "frames": 3, "unreadable": 0}
    first, second = said["found"]
    assert (Path(first["path"]).name, first["label"]) == ("a.png", "dystrophy")
    assert 1 >= first["likeness"] > second["likeness"] and second["label"] == "healthy"
    assert main(given) == 0
    out = capsys.readouterr().out
    assert "likeness" in out and out.count(".png") == 3


def test_what_cannot_be_searched_is_said(training, tmp_path, capsys):
    network = tmp_path / "small.safetensors"
    small_checkpoint().save(network)
    image = str(training / "healthy" / "b.png")
    assert main(["similar", image, "--among", str(tmp_path / "none")]) == 2
    assert "none is no folder" in capsys.readouterr().err
    empty = tmp_path / "empty"
    empty.mkdir()
    assert main(["similar", image, "--among", str(empty), "--checkpoint", str(network)]) == 2
    assert "no other image in this folder" in capsys.readouterr().err
