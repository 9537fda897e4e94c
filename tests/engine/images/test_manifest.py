"""A table beside the images names masks and patients."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

import resources
from engine.images.reference import read_reference_mask, read_reference_volume
from engine.images.scan import scan
from tests.engine.images.pictures import picture, square


def test_a_manifest_gives_masks_names_and_patients(tmp_path: Path) -> None:
    for name in ("x1", "x2", "other"):
        picture(tmp_path / "scans" / f"{name}.png", np.zeros((20, 30), np.uint8))
    picture(tmp_path / "truth" / "first.png", square(1))
    picture(tmp_path.parent / "outside.png", square(2))
    (tmp_path / "manifest.csv").write_text(
        "path,mask,patient,title,modality,sequence\n"
        "scans/x1.png,truth/first.png,P1,Ann Other,US,B-mode\n"
        "scans/x2.png,../outside.png,P1,Ann Other,US,B-mode\n"
    )
    cases = scan([tmp_path]).cases
    assert [case.title for case in cases] == ["other", "Ann Other"]
    assert [s.title for s in cases[1].series] == ["x1", "x2"]
    assert cases[1].series[0].summary == "US · 30 × 20"
    assert np.array_equal(read_reference_mask(cases[1].series[0]), square(1) > 0)
    # A table cannot reach outside its own folder.
    assert not cases[1].series[1].has_reference


def test_a_table_that_is_no_manifest_changes_nothing(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", np.zeros((20, 30), np.uint8))
    for content in (b"\xff\xfe\x00path", b"name,age\nx,1\n", b'path\n\n"', b""):
        (tmp_path / "manifest.csv").write_bytes(content)
        (case,) = scan([tmp_path]).cases
        assert case.title == "a" and not case.series[0].has_reference


def test_the_demo_brings_its_reference_masks(tmp_path: Path) -> None:
    rows = list(csv.DictReader(resources.path("demo", "manifest.csv").open(encoding="utf-8")))
    with_lesion = {r["title"] for r in rows if r["mask"] != "empty"}
    for folder in (resources.path("demo", "images"), resources.path("demo")):
        cases = scan([folder]).cases
        assert {case.title for case in cases} == {r["title"] for r in rows}
        for case in cases:
            assert all(s.has_reference == (case.title in with_lesion) for s in case.series)
    stack = next(s for s in cases[0].series if s.frames > 1)
    drawn = read_reference_volume(stack)
    (first,) = (r for r in rows if stack.paths[0].as_posix().endswith(r["path"]))
    expected = np.asarray(PillowImage.open(resources.path("demo", *first["mask"].split("/")))) > 0
    assert np.array_equal(drawn[0], expected)
