"""Masks out of the window and back, alone and all together."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from tests.viewer.conftest import settled
from tests.viewer.strokes import own_mask, stroke


def test_export_of_everything_and_import(make_window, pictures, tmp_path, until):
    window = make_window(pictures / "a (2).png")
    state = window.state
    stroke(window)
    mask = own_mask(window)
    until(lambda: bool(state.scores.all()))
    target = tmp_path / "out"
    window.exporting.write_everything(target)
    until(lambda: settled(window))
    names = {path.name for path in target.iterdir()}
    assert {"Lesion.png", "Lesion.nii.gz", "Lesion_overlay.png", "Lesion.json"} <= names
    assert {"map_gate.png", "map_global.png", "map_local.png", "map_attention.png"} <= names
    pixels = np.asarray(Pillow.open(target / "Lesion.png")) > 0
    assert np.array_equal(pixels, mask.frame(0))
    note = json.loads((target / "Lesion.json").read_text())
    session = state.analysis.session
    made = note["provenance"]
    assert made["model"]["sha256"] == session.checkpoint.sha256
    score = state.scores.all()["gate"]
    assert made["maps"]["gate"]["agreement"]["rma"] == pytest.approx(score.rma)
    assert "files written to out" in window.notice.text
    picture = Pillow.open(target / "map_gate.png")
    assert max(picture.size) >= 1200
    assert np.asarray(picture.convert("RGB")).std(axis=2).max() > 10  # the map is in colour

    window.exporting.read_masks([target / "Lesion.png"])
    until(lambda: len(state.masks.all) == 2)
    assert np.array_equal(state.masks.all[1].frame(0), mask.frame(0))
    window.exporting.read_masks([Path(pictures / "a (1).png"), target / "none.png"])
    until(lambda: settled(window) and "none.png" in window.notice.text)


@pytest.mark.parametrize(
    ("kind", "name"), [("nrrd", "m.seg.nrrd"), ("coco", "m.coco.json"), ("label-studio", "m.json")]
)
def test_one_mask_goes_out_and_comes_back(make_window, pictures, tmp_path, until, kind, name):
    window = make_window(pictures / "a (2).png")
    state = window.state
    stroke(window)
    mask = own_mask(window)
    window.exporting.write_mask(mask, tmp_path / name, kind)
    until(lambda: settled(window) and (tmp_path / name).exists())
    window.exporting.read_masks([tmp_path / name])
    until(lambda: len(state.masks.all) == 2)
    assert np.array_equal(state.masks.all[1].frame(0), mask.frame(0))


def test_export_of_an_empty_mask_says_so(make_window, pictures):
    window = make_window(pictures)
    window.exporting.mask_png()
    assert "is empty" in window.notice.text
