"""The nearest cases of a folder, and what is known of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from engine.errors import InvalidInputError
from engine.evaluation.library import label_of, nearest
from engine.images.scan import scan
from engine.session import Session
from tests.engine.networks import CLASSES, small_checkpoint


@pytest.fixture(scope="module")
def session() -> Session:
    return Session(small_checkpoint(), "cpu", "float32")


def picture(path: Path, seed: int, noise: float = 0.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = np.random.default_rng(seed).uniform(0, 255, (64, 80))
    grey += np.random.default_rng(9).normal(0, 1, grey.shape) * noise
    Pillow.fromarray(grey.clip(0, 255).astype(np.uint8)).save(path)
    return path


def test_the_nearest_come_first_with_their_labels_and_never_the_image_itself(session, tmp_path):
    folder = tmp_path / "training"
    own = picture(folder / "dystrophy" / "own.png", 1)
    picture(folder / "dystrophy" / "near.png", 1, noise=2)
    picture(folder / "Healthy" / "far.png", 2)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    image = scan([own]).cases[0].series[0].load(None)
    found = nearest(session, image, 0, folder, 5, without=[own])
    assert [(one.case.title, one.label) for one in found.found] == [
        ("near", "dystrophy"),
        ("far", "healthy"),
    ]
    assert found.found[0].likeness > found.found[1].likeness
    assert (found.cases, found.frames, found.unreadable) == (2, 2, 1)
    assert len(nearest(session, image, 0, folder, 1, without=[own]).found) == 1
    assert nearest(session, image, 0, folder, 5).found[0].case.title == "own"


def test_a_folder_without_another_image_is_refused_in_a_sentence(session, tmp_path):
    own = picture(tmp_path / "own.png", 1)
    image = scan([own]).cases[0].series[0].load(None)
    with pytest.raises(InvalidInputError, match="no other image in this folder"):
        nearest(session, image, 0, tmp_path, 3, without=[own])


def test_a_manifest_says_more_than_a_folder_and_a_folder_more_than_a_mask(tmp_path):
    path = picture(tmp_path / "healthy" / "a.png", 1)
    mask = np.zeros((64, 80), np.uint8)
    mask[5:9, 5:9] = 255
    Pillow.fromarray(mask).save(tmp_path / "healthy" / "a_mask.png")

    def label(classes=CLASSES) -> str:
        (case,) = scan([tmp_path]).cases
        return label_of(case.series[0], 0, classes)

    assert label() == "healthy"
    assert label(classes=("benign",)) == "marked"
    Pillow.fromarray(mask * 0).save(tmp_path / "healthy" / "a_mask.png")
    assert label(classes=("benign",)) == "nothing marked"
    (tmp_path / "healthy" / "a_mask.png").unlink()
    assert label(classes=("benign",)) == ""
    (tmp_path / "manifest.csv").write_text("path,label\nhealthy/a.png,Becker\n")
    assert label() == "Becker"
    long = '"\x1b[31mBecker\ttype, ' + "x" * 10_000 + '"'
    (tmp_path / "manifest.csv").write_text(f"path,label\nhealthy/a.png,{long}\n")
    assert label() == "[31mBecker type, " + "x" * 42 + "…"
    assert path.is_file()


def test_each_slice_of_a_labelled_stack_has_its_own_label(tmp_path):
    import resources

    (case,) = scan([resources.path("demo", "images", "DEMO01", "T1")]).cases
    assert label_of(case.series[0], 2, CLASSES) == "Suspicious"
