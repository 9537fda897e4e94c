"""``explain --check``: what is measured of a map, as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.cli.main import main
from engine.evaluation.check import check
from engine.evaluation.coherence import coherence
from engine.images.reader import read
from engine.session import Session
from tests.engine.networks import small_checkpoint


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    network = tmp_path / "small.safetensors"
    small_checkpoint().save(network)
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (50, 70), np.uint8)).save(tmp_path / "us.png")
    mask = np.zeros((50, 70), np.uint8)
    mask[10:20, 30:50] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    Image.fromarray(mask[:, :40]).save(tmp_path / "other.png")
    return {path.stem: path for path in tmp_path.iterdir()} | {"out": tmp_path / "maps"}


def run(files: dict[str, Path], *more: object) -> int:
    arguments = ["explain", files["us"], "--checkpoint", files["small"], "--out", files["out"]]
    return main([*map(str, arguments), *map(str, more)])


def test_check_writes_and_prints_what_the_engine_measures(
    capsys: pytest.CaptureFixture[str], files: dict[str, Path]
):
    options = ("--map", "gate", "--map", "global", "--check", "--mask", files["mask"])
    assert run(files, *options, "--seed", 3, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((files["out"] / "explain.json").read_text())
    session = Session.open(files["small"], device="cpu", precision="float32")
    image, mask = read(files["us"]), read(files["mask"]).grey(0) > 0
    maps = {name: session.saliency(image, 0, name) for name in ("gate", "global")}
    facts = check(session, image, 0, maps, mask, seed=3)
    for name, entry in printed["maps"].items():
        assert entry["check"] == {**facts[name].to_json(), "seed": 3}
        assert entry["check"]["coherence"]["rma"] == coherence(maps[name].values, mask).rma
        stages = [stage["name"] for stage in entry["check"]["randomisation"]["stages"]]
        assert stages == ["classifiers", "fusion", "upper half", "all layers"]

    assert run(files, "--check") == 0
    written = json.loads((files["out"] / "explain.json").read_text())["maps"]["gate"]["check"]
    assert written["coherence"] is None and written["deletion"]["random"] > 0
    assert capsys.readouterr().out.splitlines()[-1] == f"gate: {written['verdict']}"


def test_masks_of_another_image_and_without_check_are_refused(
    capsys: pytest.CaptureFixture[str], files: dict[str, Path]
):
    assert run(files, "--check", "--mask", files["other"]) != 0
    assert "have to be of the same image" in capsys.readouterr().err
    assert not files["out"].exists()
    assert run(files, "--mask", files["mask"]) != 0
    assert "only compared with --check" in capsys.readouterr().err


def test_covered_areas_are_black_in_explains_pictures_too(tmp_path: Path, capsys):
    from PIL import Image as Pillow

    import resources
    from engine.cli.main import main
    from engine.images.reader import read
    from engine.measure import store
    from engine.measure.document import MeasureDocument
    from engine.measure.measurement import Measurement

    path = tmp_path / "us.png"
    pixels = np.random.default_rng(0).integers(60, 250, (64, 80), np.uint8)
    Pillow.fromarray(pixels).save(path)
    image = read(path)
    document = MeasureDocument()
    document.add(Measurement("cover", 0, ((3.0, 4.0), (20.0, 30.0))))
    store.save(image.key, document)
    (box,) = [item.box(image.shape) for item in document.items]
    demo = resources.path("models", "demo.safetensors")
    out = tmp_path / "out"
    given = ("explain", path, "--checkpoint", demo, "--map", "gate", "--out", out)
    assert main([*map(str, given)]) == 0, capsys.readouterr().err
    shown = np.asarray(Pillow.open(out / "gate.png"))
    assert not shown[box.slices].any() and shown.any()
