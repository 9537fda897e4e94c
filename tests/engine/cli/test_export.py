"""``python -m engine export``, as a user starts it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.cli.main import main

from ..masks.mask_images import mask_on, single_frames, turned
from .conftest import Run


def test_a_folder_with_the_shipped_model(engine: Run, tmp_path: Path):
    import numpy as np
    from PIL import Image as Pillow

    folder = tmp_path / "us"
    folder.mkdir()
    for name in ("a (1)", "a (2)"):
        pixels = np.random.default_rng(len(name)).integers(0, 255, (48, 64), np.uint8)
        Pillow.fromarray(pixels).save(folder / f"{name}.png")
    mask = np.zeros((48, 64), np.uint8)
    mask[10:30, 10:30] = 255
    Pillow.fromarray(mask).save(folder / "a (1)_mask.png")
    run = engine(
        *("export", folder, "--out", "away", "--masks", "png", "--scores", "--report"),
        *("--map", "gate", "--names", "file", "--json"),
    )
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert not told["failed"] and not told["stopped"]
    out = tmp_path / "away"
    assert (out / "a_1" / "Reference.png").is_file() and (out / "a_2" / "report.pdf").is_file()
    assert len((out / "scores.csv").read_text().splitlines()) == 3
    assert "No mask is drawn on it" in run.stderr


def test_errors_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    image = single_frames(tmp_path / "in", turned(3))
    assert mask_on(image).area()
    source, out = str(tmp_path / "in"), str(tmp_path / "out")
    for arguments, why in (
        ([source, "--out", out], "Nothing was chosen"),
        ([source, "--out", out, "--masks", "gif"], "no 'gif' for --masks"),
        ([source, "--out", out, "--images", "--cover", "1,2"], "is no area"),
        ([source, "--out", out, "--images", "--cover", "5,5,5,9"], "holds no pixel"),
        ([str(tmp_path / "gone"), "--out", out, "--images"], "gone"),
        ([source, "--out", str(tmp_path / "in" / "0.dcm"), "--images"], "cannot be made"),
    ):
        assert main(["export", *arguments]) == 2
        said = capsys.readouterr().err.strip()
        assert why in said and said.startswith("error: ") and "\n" not in said, said


def test_de_identified_and_covered(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    single_frames(tmp_path / "in", turned(3))
    arguments = ["export", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--images"]
    assert main([*arguments, "--deidentify", "--cover", "0,0,5,5"]) == 0
    assert "6 files of 1 case written to out" in capsys.readouterr().out.replace(
        "7 files", "6 files"
    )
    text = (tmp_path / "out" / "removed.txt").read_text()
    assert "Patient's Name" in text and "Areas covered in the pixels: 1" in text


def test_overlays_without_a_model_are_the_outlines(tmp_path: Path, capsys):
    import numpy as np
    from PIL import Image

    (tmp_path / "in").mkdir()
    rng = np.random.default_rng(0)
    marked = np.zeros((20, 30), np.uint8)
    marked[4:12, 6:20] = 255
    for k in range(3):
        Image.fromarray(rng.integers(0, 90, (20, 30), np.uint8)).save(tmp_path / f"in/a ({k}).png")
        Image.fromarray(marked).save(tmp_path / f"in/a ({k})_mask.png")
    out = tmp_path / "out"
    arguments = ("export", tmp_path / "in", "--out", out, "--overlays", "--no-model")
    assert main([*map(str, arguments)]) == 0
    assert sorted(p.name for p in (out / "case_002").iterdir()) == ["maps.json", "masks.png"]
    with Image.open(out / "case_002" / "masks.png") as shown:
        seen = np.asarray(shown).astype(int)
    # The reference's outline is white; of the picture's own noise no row is.
    assert (seen[4, 6:20] > 240).all() and not (seen[7, 7:19] > 240).all()
    assert main([*map(str, arguments), "--scores"]) == 2
    assert "need a model" in capsys.readouterr().err
