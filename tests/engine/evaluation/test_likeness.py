"""Searching for cases that look alike to a model: what is found, kept, and passed over."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from engine import folders
from engine.errors import CancelledError
from engine.evaluation.likeness import FRAMES, Cache, cosine, frames_of, search
from engine.images.scan import scan
from engine.progress import Progress


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    import torch

    from engine.model.checkpoint import Checkpoint
    from engine.model.network import FusionNetwork
    from engine.model.presets import preset
    from engine.session import Session
    from tests.engine.networks import described

    torch.manual_seed(1)
    architecture = preset("compact", ("benign", "malignant"), input_size=(96, 96))
    network = FusionNetwork(architecture).eval()
    return Session(Checkpoint.from_network(network, described(architecture)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Stripes, the same stripes with a little noise, and noise alone."""
    rng = np.random.default_rng(0)
    stripes = np.tile(np.repeat([20, 230], 8), (96, 6)).astype(float)
    pictures = {
        "a": stripes,
        "b": stripes + rng.normal(0, 3, stripes.shape),
        "c": rng.uniform(0, 255, stripes.shape),
    }
    for name, grey in pictures.items():
        Pillow.fromarray(grey.clip(0, 255).astype(np.uint8)).save(tmp_path / f"{name}.png")
    return tmp_path


def test_the_likest_comes_first_and_broken_files_are_counted(session, folder):
    own, *others = scan([folder]).cases
    image = own.series[0].load(None)
    found = search(session, image, 0, others)
    assert [alike.case.title for alike in found.found] == ["b", "c"]
    assert 1 >= found.found[0].likeness > found.found[1].likeness
    assert (found.cases, found.frames, found.unreadable) == (2, 2, 0)
    one, other = (session.forward(s.load(None), 0).features for s in (own.series[0],) * 2)
    assert cosine(one, other) == pytest.approx(1.0)
    (folder / "c.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture any more")
    assert search(session, image, 0, others).unreadable == 1


def test_features_are_kept_and_files_that_changed_are_read_again(session, folder, monkeypatch):
    own, *others = scan([folder]).cases
    image = own.series[0].load(None)
    first = search(session, image, 0, others)
    kept = list((folders.cache() / "features").glob("*.npz"))
    assert len(kept) == 1
    content = kept[0].read_bytes()
    assert b"png" not in content and str(folder).encode() not in content
    calls = []
    forward = session.forward
    monkeypatch.setattr(session, "forward", lambda *a: calls.append(a) or forward(*a))
    assert search(session, image, 0, others).found == first.found
    assert len(calls) == 1  # the frame that is compared
    os.utime(folder / "b.png", ns=(1, 1))
    search(session, image, 0, others)
    assert len(calls) == 2  # that frame again: the file holds what it held
    moved = folder / "moved"
    moved.mkdir()
    (folder / "b.png").rename(moved / "b.png")
    search(session, image, 0, scan([moved]).cases)
    assert len(calls) == 3, "a file that was moved is known by its content"
    grey = np.asarray(Pillow.open(moved / "b.png"))
    Pillow.fromarray(255 - grey).save(moved / "b.png")
    search(session, image, 0, scan([moved]).cases)
    assert len(calls) == 5  # that frame, and the file that changed


def test_features_of_a_file_that_changes_meanwhile_are_not_kept_for_what_it_was(
    session, folder, monkeypatch
):
    own, *others = scan([folder]).cases
    image = own.series[0].load(None)
    whole = (folder / "b.png").read_bytes()
    stamp = Cache.stamp

    def overtaken(self, series):
        found = stamp(self, series)
        if series.paths[0].name == "b.png":
            (folder / "b.png").write_bytes((folder / "c.png").read_bytes())
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Cache, "stamp", overtaken)
        search(session, image, 0, others)
    (folder / "b.png").write_bytes(whole)
    found = {one.case.title: one.likeness for one in search(session, image, 0, others).found}
    there = session.forward(scan([folder / "b.png"]).cases[0].series[0].load(None), 0).features
    other = session.forward(scan([folder / "c.png"]).cases[0].series[0].load(None), 0).features
    assert not np.array_equal(there, other)
    kept = Cache(session.checkpoint.sha256)
    (series,) = [case.series[0] for case in others if case.title == "b"]
    np.testing.assert_array_equal(kept.get(kept.stamp(series))[0], there)
    assert found["b"] > found["c"]


def test_a_damaged_cache_is_made_anew(session):
    cache = Cache("0" * 64)
    cache.put("x", {3: np.ones(4, np.float32)})
    cache.save()
    assert np.array_equal(Cache("0" * 64).get("x")[3], np.ones(4))
    path = folders.cache() / "features" / f"{'0' * 32}.npz"
    path.write_bytes(path.read_bytes()[:50])
    assert Cache("0" * 64).get("x") == {}


def test_cancelling_keeps_what_is_done(session, folder):
    own, *others = scan([folder]).cases
    progress = Progress(lambda fraction, _: progress.cancel() if fraction > 0.4 else None)
    with pytest.raises(CancelledError):
        search(session, own.series[0].load(None), 0, others, progress)
    assert list((folders.cache() / "features").glob("*.npz"))


def test_frames_are_spread_over_a_stack():
    assert frames_of(3) == [0, 1, 2]
    spread = frames_of(59)
    assert len(spread) == FRAMES and spread[0] > 0 and spread[-1] < 58
    assert np.diff(spread).min() >= 11
