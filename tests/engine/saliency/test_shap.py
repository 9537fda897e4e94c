"""SHAP maps are shap's own, add up, can be cancelled, and come back from the cache."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from engine import folders
from engine.errors import CancelledError, InvalidInputError
from engine.images.image import Image
from engine.images.preprocess import to_model_input
from engine.model.checkpoint import Checkpoint
from engine.progress import Progress
from engine.saliency import background, pixels, shap
from tests.engine.networks import SIZE, small_checkpoint


@dataclass
class OnCpu:
    """The two things that ``attribute`` asks of a session."""

    checkpoint: Checkpoint
    device: str = "cpu"


@pytest.fixture(scope="module")
def session() -> OnCpu:
    return OnCpu(small_checkpoint())


@pytest.fixture
def image() -> Image:
    rng = np.random.default_rng(5)
    return Image(rng.integers(0, 255, (2, 60, 80), dtype=np.uint8))


def plain_shap(session: OnCpu, image: Image, output: int, count: int, seed: int) -> np.ndarray:
    """What a user of the shap library would write, without anything of ours around it."""
    import shap as library

    metadata = session.checkpoint.metadata
    network = session.checkpoint.network()

    class Output(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return network(x)[output]

    x = torch.from_numpy(to_model_input(image, 0, metadata.preprocessing).tensor)[None]
    compared = background.decode(session.checkpoint.shap_background, metadata.preprocessing)
    values = library.GradientExplainer(Output(), compared, batch_size=8).shap_values(
        x, nsamples=count, rseed=seed
    )
    return values[0, ..., 1].sum(axis=0)


@pytest.mark.parametrize(("branch", "output"), [("global", 0), ("local", 1), ("gate", 2)])
def test_equals_shap_called_plainly(session: OnCpu, image: Image, branch: str, output: int):
    found = shap.attribute(session, image, 0, branch, 1, samples=80, seed=7)
    expected = 0.8 * plain_shap(session, image, output, 64, 7)
    expected += 0.2 * plain_shap(session, image, output, 16, 8)
    assert found.raw.shape == SIZE
    np.testing.assert_allclose(found.raw, expected, rtol=1e-3, atol=1e-6 * np.abs(expected).max())
    assert found.name == f"shap-{branch}"
    assert (found.sign, found.target_name) == ("signed", "dystrophy")
    assert found.raw.min() < 0 < found.raw.max()


def test_a_linear_function_is_attributed_exactly():
    """There the answer is known: weight times (x - mean of the background)."""
    torch.manual_seed(0)
    weight = torch.randn(3, 8, 8)

    class Linear(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x * weight).sum(dim=(1, 2, 3))[:, None]

    x, compared = torch.randn(1, 3, 8, 8), torch.randn(1, 3, 8, 8)
    entry = shap.explain(Linear(), x, compared, samples=4)
    np.testing.assert_allclose(
        entry.raw, (weight * (x - compared)[0]).sum(dim=0).numpy(), rtol=1e-4, atol=1e-5
    )
    assert entry.facts["sum"] == pytest.approx(entry.facts["output_difference"], rel=1e-4)
    assert entry.facts["relative_error"] < 1e-3


@pytest.mark.parametrize("half", [False, True])
def test_attributions_add_up_to_what_they_explain(session: OnCpu, half: bool):
    pixels = np.full((1, 60, 80), 255, np.uint8)
    if half:
        pixels[:, :, 40:] = 0
    image = Image(pixels)
    facts = shap.attribute(session, image, 0, "local", 0, samples=512).provenance.parameters
    gap = abs(facts["sum"] - facts["output_difference"])
    assert gap < 4 * facts["standard_error"]
    assert facts["standard_error"] < 0.25 * abs(facts["output_difference"])
    few = shap.attribute(session, image, 0, "local", 0, samples=64).provenance.parameters
    assert facts["relative_error"] < 0.6 * few["relative_error"]


def test_lies_on_the_image_with_its_provenance(session: OnCpu, image: Image):
    found = shap.attribute(session, image, 1, "local", 0, samples=8)
    prepared = to_model_input(image, 1, session.checkpoint.metadata.preprocessing)
    assert found.values.shape == (60, 80)
    assert np.array_equal(found.values, pixels.to_image(found.raw, prepared, (60, 80)))
    record = found.provenance
    assert (record.branch, record.method, record.frame) == ("local", "shap-gradient", 1)
    assert record.checkpoint_sha256 == session.checkpoint.sha256
    assert record.image_key == image.key
    parameters = record.parameters
    assert (parameters["samples"], parameters["seed"]) == (8, 0)
    assert (parameters["background"], parameters["background_images"]) == ("checkpoint", 6)
    absolute = np.abs(found.raw)
    inside = absolute[prepared.valid].sum() / absolute.sum()
    assert parameters["inside_image"] == pytest.approx(inside, rel=1e-4)
    assert 0.5 < inside < 1
    assert 0 <= parameters["outside_anatomy"] < 1
    json.dumps(parameters, allow_nan=False)


def test_seeded_whatever_numpy_drew_before_and_after(session: OnCpu, image: Image, tmp_path: Path):
    first = shap.attribute(session, image, 0, "global", 0, samples=8, seed=1)
    np.random.seed(11)  # noqa: NPY002
    expected = np.random.random(3)  # noqa: NPY002
    np.random.seed(11)  # noqa: NPY002
    shap._caches.clear()
    for file in (folders.cache() / "shap").iterdir():
        file.unlink()
    again = shap.attribute(session, image, 0, "global", 0, samples=8, seed=1)
    assert np.array_equal(first.raw, again.raw)
    assert np.array_equal(np.random.random(3), expected)  # noqa: NPY002
    other = shap.attribute(session, image, 0, "global", 0, samples=8, seed=2)
    assert not np.array_equal(first.raw, other.raw)


def test_comes_back_from_memory_and_disk(session: OnCpu, image: Image):
    calls: list[float] = []
    progress = Progress(lambda fraction, _: calls.append(fraction))
    first = shap.attribute(session, image, 0, "global", 1, samples=20, progress=progress)
    assert len(calls) >= 3
    assert calls == sorted(calls)
    calls.clear()
    second = shap.attribute(session, image, 0, "global", 1, samples=20, progress=progress)
    shap._caches.clear()  # as in another process
    third = shap.attribute(session, image, 0, "global", 1, samples=20, progress=progress)
    assert calls == []
    for again in (second, third):
        assert np.array_equal(again.values, first.values)
        assert again.provenance == first.provenance
    for changed in ({"samples": 21}, {"target": 0}, {"frame": 1}, {"branch": "local"}):
        what = {"frame": 0, "branch": "global", "target": 1, "samples": 20} | changed
        shap.attribute(session, image, **what, progress=progress)
        assert calls, changed
        calls.clear()


def test_cancelled_within_a_batch(session: OnCpu, image: Image):
    progress = Progress(lambda fraction, _: progress.cancel() if fraction > 0 else None)
    with pytest.raises(CancelledError):
        shap.attribute(session, image, 0, "gate", 0, samples=640, progress=progress)
    assert not list((folders.cache()).rglob("*.npz"))


def test_without_a_background_black_is_compared_with(image: Image):
    bare = OnCpu(small_checkpoint(background=False))
    found = shap.attribute(bare, image, 0, "global", 0, samples=8)
    assert found.provenance.parameters["background"] == "black"
    assert found.provenance.parameters["background_images"] == 1
    preprocessing = bare.checkpoint.metadata.preprocessing
    black = Image(np.zeros((1, 60, 80), np.uint8))
    np.testing.assert_allclose(
        background.black(preprocessing)[0].numpy(),
        to_model_input(black, 0, preprocessing).tensor,
        rtol=1e-6,
    )


def test_background_ships_what_training_saw(image: Image):
    preprocessing = small_checkpoint().metadata.preprocessing
    smooth = np.kron(np.arange(0, 240, 20, dtype=np.uint8).reshape(1, 3, 4), np.ones((24, 24)))
    inputs = torch.from_numpy(
        to_model_input(Image(smooth.astype(np.uint8)), 0, preprocessing).tensor
    )[None]
    shipped = background.encode(inputs, preprocessing, SIZE)
    assert shipped.dtype == torch.uint8
    back = background.decode(shipped, preprocessing)
    assert torch.allclose(back, inputs, atol=0.6 / 255 / min(preprocessing.std))
    half = background.decode((shipped.float() / 255).half(), preprocessing)
    assert torch.allclose(half, back, atol=0.01)
    small = background.decode(background.encode(inputs, preprocessing, (24, 24)), preprocessing)
    assert (small - inputs).abs().mean() < 0.2


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"branch": "concat"}, "global, local, gate"),
        ({"target": 2}, "no class 2"),
        ({"target": -1}, "no class -1"),
        ({"samples": 1}, "2 to 100,000 samples"),
    ],
)
def test_refusals(session: OnCpu, image: Image, changed: dict, message: str):
    arguments = {"frame": 0, "branch": "global", "target": 0, "samples": 4} | changed
    with pytest.raises(InvalidInputError, match=message):
        shap.attribute(session, image, **arguments)


def test_the_shap_library_is_imported_by_those_who_ask_for_it():
    code = "import sys, engine.saliency.shap; sys.exit('shap' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
