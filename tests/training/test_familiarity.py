"""A trained model knows its own modality from another and from noise, by images held out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import resources
from engine.errors import CheckpointError, InvalidInputError
from engine.evaluation.familiarity import Limit, limit
from engine.images.image import Image
from engine.images.preprocess import Preprocessing, to_model_input
from engine.images.reader import read
from engine.model import checkpoint
from engine.model.checkpoint import Checkpoint
from engine.model.metadata import CheckpointMetadata
from engine.session import Session
from tests.training import tiny
from training.cache import Pixels
from training.familiarity import features, of_training_images, out_of_fold
from training.folds import Fold
from training.loop import Trainer
from training.recipes import recipe
from training.samples import Samples

PREPROCESSING = Preprocessing(size=(tiny.SIDE, tiny.SIDE))


def _demo(*patterns: str) -> list[tuple[Image, int]]:
    """The frames of demo images, phantoms with all that files of their kind have."""
    folder = resources.path("demo", "images")
    paths = [p for pattern in patterns for p in sorted(folder.glob(pattern))]
    images = [read(p) for p in paths if "_mask" not in p.name]
    return [(image, frame) for image in images for frame in range(image.frames)]


def _samples(frames: list[tuple[Image, int]]) -> Samples:
    unscaled = replace(PREPROCESSING, mean=(0.0,) * 3, std=(1.0,) * 3)
    inputs = [to_model_input(image, frame, unscaled).tensor for image, frame in frames]
    grey = np.rint(np.stack(inputs)[:, :1] * 255).clip(0, 255).astype(np.uint8)
    count = len(frames)
    data = Pixels(grey, np.zeros_like(grey[:, 0]), np.zeros(count, bool), PREPROCESSING)
    return Samples(
        data, torch.arange(count) % 2, torch.ones(count, 2, dtype=torch.bool), torch.device("cpu")
    )


@pytest.fixture(scope="module")
def limbs() -> list[tuple[Image, int]]:
    return _demo("DEMO01/*/*.dcm", "DEMO02/*/*.dcm", "DEMO03/*.nii.gz")


@pytest.fixture(scope="module")
def model(limbs: list[tuple[Image, int]], tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """A tiny network trained on limb MRI; every third image set aside for the limit."""
    samples = _samples(limbs)
    everything = np.arange(len(limbs))
    train, held_out = everything[everything % 3 == 0], everything[everything % 3 == 1]
    trainer = Trainer(
        tiny.network(),
        samples,
        train,
        train[:0],
        recipe("compact", epochs=4),
        tmp_path_factory.mktemp("run"),
        seed=0,
    )
    trainer.run()
    reference = of_training_images(trainer.network, samples, train)
    distances = reference.distance(features(trainer.network, samples, held_out))
    metadata = CheckpointMetadata(
        name="Limbs",
        version="1",
        date="2026-01-31",
        licence="Apache-2.0",
        architecture=trainer.network.architecture,
        preprocessing=PREPROCESSING,
        training_data=(),
        metrics=(),
        intended_use="Tests.",
        limits="Tiny.",
        familiarity=limit(distances, "a third of the images, held out"),
    )
    return Checkpoint.from_network(trainer.network, metadata, reference=reference)


def _noise(count: int) -> list[Image]:
    draw = np.random.default_rng(0)
    return [Image(draw.integers(0, 255, (1, 200, 180), dtype=np.uint8)) for _ in range(count)]


def test_limb_mri_is_familiar_and_ultrasound_and_noise_are_not(
    model: Checkpoint, limbs: list[tuple[Image, int]], tmp_path: Path
) -> None:
    model.save(tmp_path / "model.safetensors")
    session = Session.open(tmp_path / "model.safetensors", "cpu", "float32")

    def ratios(frames: list[tuple[Image, int]]) -> np.ndarray:
        found = [session.familiarity(image, frame) for image, frame in frames]
        assert all(f is not None and f.familiar == (f.ratio <= 1) for f in found)
        return np.array([f.ratio for f in found if f is not None])

    new = [one for i, one in enumerate(limbs) if i % 3 == 2]
    assert (ratios(new) <= 1).mean() > 0.7
    ultrasound = ratios(_demo("DEMO04/*.png", "DEMO05/*/*.dcm", "DEMO06/*/*.dcm"))
    assert len(ultrasound) >= 6 and (ultrasound > 1).all()
    assert (ratios([(image, 0) for image in _noise(3)]) > 1).all()


def test_the_session_measures_what_training_measured(
    model: Checkpoint, limbs: list[tuple[Image, int]]
) -> None:
    session = Session(model, "cpu", "float32")
    assert model.familiarity is not None
    here = np.array([1, 4])
    expected = model.familiarity.distance(features(model.network(), _samples(limbs), here))
    for index, distance in zip(here, expected, strict=True):
        found = session.familiarity(*limbs[index])
        # Training's images are rounded to 8 bits.
        assert found is not None and found.distance == pytest.approx(distance, rel=0.02)


def test_a_checkpoint_without_it_says_nothing(
    model: Checkpoint, limbs: list[tuple[Image, int]], tmp_path: Path
) -> None:
    path = tmp_path / "old.safetensors"
    old = replace(model, metadata=replace(model.metadata, familiarity=None), familiarity=None)
    old.save(path)
    assert b"familiarity" not in path.read_bytes()
    session = Session.open(path, "cpu", "float32")
    assert session.familiarity(*limbs[0]) is None
    with pytest.raises(InvalidInputError, match="no frame"):
        Session(model, "cpu", "float32").familiarity(limbs[0][0], 99)


def test_it_comes_back_from_the_file_and_half_of_it_is_refused(
    model: Checkpoint, tmp_path: Path
) -> None:
    path = tmp_path / "model.safetensors"
    model.save(path)
    again = checkpoint.load(path)
    assert again.metadata.familiarity == model.metadata.familiarity
    assert again.familiarity is not None and model.familiarity is not None
    for name, array in model.familiarity.arrays().items():
        np.testing.assert_array_equal(again.familiarity.arrays()[name], array)
    with pytest.raises(CheckpointError, match="features are missing"):
        replace(model, familiarity=None).save(path)
    with pytest.raises(CheckpointError, match=r"limit .* is missing"):
        replace(model, metadata=replace(model.metadata, familiarity=None)).save(path)
    reference = model.familiarity
    other = replace(
        reference,
        mean=reference.mean[1:],
        scale=reference.scale[1:],
        basis=reference.basis[:, 1:],
    )
    with pytest.raises(CheckpointError, match="and the network"):
        replace(model, familiarity=other).save(path)
    # What is in the file is what its digest says.
    data = bytearray(path.read_bytes())
    place = data.index(reference.variance.tobytes())
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="have changed"):
        checkpoint.load(path)


def test_each_image_is_measured_by_the_fold_that_did_not_see_it(
    model: Checkpoint, limbs: list[tuple[Image, int]], tmp_path: Path
) -> None:
    samples = _samples(limbs)
    everything = np.arange(len(limbs))
    first, second = everything[::2], everything[1::2]
    split = (Fold(first, first[:0], second), Fold(second, first[:0], first))
    path = tmp_path / "model.safetensors"
    model.save(path)
    table = tmp_path / "familiarity.csv"
    bound = out_of_fold([path, path], split, samples, table, "limbs")
    values = features(model.network(), samples, everything)
    expected = np.zeros(len(limbs))
    for fold in split:
        reference = of_training_images(model.network(), samples, fold.train)
        expected[fold.test] = reference.distance(values[fold.test])
    assert bound.distance == pytest.approx(np.percentile(expected, 95), rel=1e-3)
    assert bound.images == len(limbs) and "out of fold, 2 folds of limbs" in bound.source
    # The table is enough the second time: no model is opened.
    path.unlink()
    assert out_of_fold([path, path], split, samples, table, "limbs") == bound
    assert isinstance(bound, Limit)
    with pytest.raises(InvalidInputError, match="delete it"):
        out_of_fold([path, path], split[::-1], samples, table, "limbs")
