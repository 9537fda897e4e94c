"""``convert-mask``: there, and back again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.cli.main import main
from engine.masks import formats
from tests.engine.masks.mask_images import enhanced, mask_on, single_frames, turned

from .conftest import Run


def convert(*arguments: object) -> int:
    return main(["convert-mask", *map(str, arguments)])


def test_through_every_format_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    image = single_frames(tmp_path / "in", turned(3))
    mask = mask_on(image)
    formats.write([mask], image, tmp_path / "m.nii.gz", "nifti")
    path = tmp_path / "m.nii.gz"
    for kind, name in (
        ("nrrd", "a.nrrd"),
        ("dicom-seg", "b.dcm"),
        ("coco", "c.json"),
        ("label-studio", "d.json"),
        ("nifti", "e.nii"),
    ):
        target = tmp_path / name
        assert convert(path, "--image", tmp_path / "in", "--to", kind, "--out", target) == 0
        assert str(target) in capsys.readouterr().out.splitlines()
        path = target
    (back,) = formats.read(path, image)
    assert back.same_pixels(mask)
    assert (back.label, back.author) == (mask.label, mask.author)
    # PNG is a file a frame; together they are one mask again.
    assert convert(path, "--image", tmp_path / "in", "--out", tmp_path / "p.png") == 0
    pictures = [p for p in capsys.readouterr().out.splitlines() if p.endswith(".png")]
    assert len(pictures) == len(mask.frames)
    out = tmp_path / "q.dcm"
    assert convert(*pictures, "--from", "png", "--image", tmp_path / "in", "--out", out) == 0
    assert formats.read(out, image)[0].same_pixels(mask)


def test_the_command_itself(engine: Run, tmp_path: Path):
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(tmp_path / "us.png")
    drawn = np.zeros((20, 30), np.uint8)
    drawn[3:9, 4:11] = 255
    Image.fromarray(drawn).save(tmp_path / "mask.png")
    done = engine(
        "convert-mask", "mask.png", "--image", "us.png", "--to", "coco", "--out", "m.json"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "m.json\n", "")
    data = json.loads((tmp_path / "m.json").read_text())
    assert data["annotations"][0]["bbox"] == [4, 3, 7, 6]


def test_errors_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    image = enhanced(tmp_path / "in.dcm", turned(3))
    formats.write([mask_on(image)], image, tmp_path / "m.nrrd", "nrrd")
    source = tmp_path / "in.dcm"
    (tmp_path / "two").mkdir()
    for k in (1, 2):
        Image.fromarray(np.zeros((20, 30), np.uint8)).save(tmp_path / "two" / f"{k}.png")
    mask, out = tmp_path / "m.nrrd", tmp_path / "o.dcm"
    for arguments, message in (
        ((mask, "--image", source, "--out", tmp_path / "o.json"), "--to coco or --to label-studio"),
        ((mask, "--image", source, "--to", "png", "--out", out), "ends in .png"),
        ((mask, "--image", source, "--out", mask), "overwrite"),
        ((mask, "--image", source, "--out", tmp_path / "no" / "o.dcm"), "folder"),
        ((mask, "--image", tmp_path / "nothing", "--out", out), "nothing"),
        ((mask, "--image", tmp_path / "two", "--out", out), "choose one with --series 1 to 2"),
        ((mask, "--image", tmp_path / "two", "--series", 5, "--out", out), "no series 5"),
        ((mask, "--image", tmp_path / "two" / "1.png", "--out", out), "do not lie on"),
        ((tmp_path / "gone.nrrd", "--image", source, "--out", out), "gone.nrrd"),
        ((tmp_path / "gone.png", "--image", source, "--frame", 0, "--out", out), "gone.png"),
        ((mask, "--from", "coco", "--image", source, "--out", out), "no JSON"),
        ((mask, "--from", "dicom-seg", "--image", source, "--out", out), "not DICOM"),
        ((source, "--image", source, "--out", out), "no Segmentation"),
    ):
        assert convert(*arguments) == 2, arguments
        said = capsys.readouterr()
        assert said.out == ""
        assert message in said.err
        assert said.err.count("\n") == 1
        assert not out.exists()
