"""A session answers from one forward pass, says what it cannot do, and can be shared by threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.errors import CancelledError, CheckpointError, InvalidInputError
from engine.images.image import Display, Image
from engine.images.preprocess import Preprocessing, to_model_input
from engine.model.architecture import Architecture
from engine.model.checkpoint import Checkpoint
from engine.model.network import FusionNetwork
from engine.model.presets import preset
from engine.progress import Progress
from engine.saliency.scale import gate_opening
from engine.session import Session, _Cache
from tests.engine.networks import described, small_checkpoint


def _checkpoint(fusion: str = "gate", **changes: Any) -> Checkpoint:
    torch.manual_seed(0)
    architecture: Architecture = preset(
        "compact",
        ("benign", "malignant", "normal"),
        **{"fusion": fusion, "input_size": (128, 128), **changes},
    )
    metadata = described(
        architecture,
        preprocessing=Preprocessing(size=architecture.input_size, keep_aspect=True),
        temperature={"global": 1.0, "local": 2.0, "fusion": 0.25},
    )
    return Checkpoint.from_network(FusionNetwork(architecture), metadata)


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return _checkpoint()


@pytest.fixture
def session(checkpoint: Checkpoint) -> Session:
    return Session(checkpoint, device="cpu", precision="float32")


@pytest.fixture
def image() -> Image:
    generator = np.random.default_rng(0)
    return Image(generator.integers(0, 255, (2, 90, 150), dtype=np.uint8))


class _Counter:
    """Counts forward passes of a session's network, which runs as it is."""

    def __init__(self, session: Session) -> None:
        self.calls = 0
        session._network.register_forward_hook(self._count)

    def _count(self, *_: Any) -> None:
        self.calls += 1


def test_everything_comes_from_one_forward_pass(session: Session, image: Image) -> None:
    counter = _Counter(session)
    prediction = session.predict(image, 0)
    for name in ("global", "local", "gate", "attention"):
        for target in (None, 0, 2):
            session.saliency(image, 0, name, target)
    assert session.predict(image, 0) == prediction
    # The same content from elsewhere is the same image.
    session.predict(Image(image.pixels.copy()), 0)
    assert counter.calls == 1
    session.predict(image, 1)
    assert counter.calls == 2


def test_prediction_is_the_networks_calibrated(session: Session, image: Image) -> None:
    prediction = session.predict(image, 1)
    assert prediction.classes == ("benign", "malignant", "normal")
    x = to_model_input(image, 1, Preprocessing(size=(128, 128), keep_aspect=True)).tensor
    with torch.no_grad():
        out = session.checkpoint.network()(torch.from_numpy(x)[None])
    for branch, logits, temperature in (
        ("global", out.global_logits, 1.0),
        ("local", out.local_logits, 2.0),
        ("fusion", out.fusion_logits, 0.25),
    ):
        expected = (logits[0] / temperature).softmax(0).tolist()
        assert prediction.branches[branch] == pytest.approx(expected, abs=1e-5)
    assert prediction.predicted == int(np.argmax(prediction.branches["fusion"]))
    batch = session.probabilities(np.stack([x, x]))
    assert batch["local"][1] == pytest.approx(prediction.branches["local"], abs=1e-6)


@pytest.mark.parametrize("fusion", ["gate", "concat", "product"])
def test_maps_lie_on_the_images_pixels(fusion: str, image: Image) -> None:
    session = Session(_checkpoint(fusion), device="cpu", precision="float32")
    native = ["global", "local", fusion] + (["attention"] if fusion == "gate" else [])
    assert session.map_names == (*native, "shap-global", "shap-local", f"shap-{fusion}")
    for name in native:
        drawn = session.saliency(image, 0, name)
        assert drawn.values.shape == (90, 150)
        assert drawn.raw.shape == session.grids[name].shape
        assert drawn.sign == "nonnegative" and drawn.values.min() >= 0
        assert 0 < drawn.values.max() <= drawn.raw.max() * 1.0001
        assert drawn.target == session.predict(image, 0).predicted
        assert drawn.target_name == session.classes[drawn.target]
        provenance = drawn.provenance
        assert provenance.checkpoint_sha256 == session.checkpoint.sha256
        assert (provenance.branch, provenance.frame) == (name, 0)
        assert provenance.image_key == image.key
        assert provenance.preprocessing["size"] == (128, 128)
        assert provenance.parameters["precision"] == "float32"
        assert 0 <= provenance.parameters["outside_anatomy"] <= 1
        # 128 x 77 of the 128 x 128 input are image.
        assert 0 < provenance.parameters["inside_image"] < 1
        with pytest.raises(ValueError, match="read-only"):
            drawn.values[0, 0] = 1


def test_relevance_in_air_is_told(session: Session) -> None:
    pixels = np.zeros((1, 120, 120), np.uint8)
    pixels[:, 30:90, 30:90] = np.random.default_rng(0).integers(90, 255, (60, 60))
    drawn = session.saliency(Image(pixels), 0, "local")
    outside = float(drawn.provenance.parameters["outside_anatomy"])
    mask = np.ones((120, 120), np.bool_)
    mask[30:90, 30:90] = False
    assert outside == pytest.approx(drawn.values[mask].sum() / drawn.values.sum(), abs=0.05)
    # MONOCHROME1: air is bright.
    inverted = Image(255 - pixels, display=Display(inverted=True))
    again = session.saliency(inverted, 0, "local").provenance.parameters
    assert again["outside_anatomy"] == pytest.approx(outside, abs=0.02)


def test_maps_of_a_gate_say_how_far_it_opens() -> None:
    session = Session(small_checkpoint(), "cpu", "float32")
    image = Image(np.random.default_rng(0).integers(0, 255, (1, 80, 90), np.uint8))
    maps = {name: session.saliency(image, 0, name) for name in ("local", "gate", "attention")}
    largest = float(maps["attention"].raw.max())
    assert gate_opening(maps["gate"]) == gate_opening(maps["attention"]) == largest
    assert gate_opening(maps["local"]) is None
    # A softmax's weights are small however it looks: none of them says that it is shut.
    shared = Session(small_checkpoint(gate_norm="softmax"), "cpu", "float32")
    assert gate_opening(shared.saliency(image, 0, "gate")) is None


def test_what_is_not_there_is_refused(session: Session, image: Image) -> None:
    with pytest.raises(InvalidInputError, match="no map product"):
        session.saliency(image, 0, "product")
    with pytest.raises(InvalidInputError, match="no frame 3"):
        session.predict(image, 2)
    with pytest.raises(InvalidInputError, match="no frame"):
        session.predict(image, -1)
    with pytest.raises(InvalidInputError, match="no class 3"):
        session.saliency(image, 0, "gate", 3)
    with pytest.raises(InvalidInputError, match="no finite answer"):
        session.probabilities(np.full((1, 3, 128, 128), np.nan, np.float32))
    with pytest.raises(CheckpointError, match="cannot be opened"):
        Session.open(Path("nowhere.safetensors"))


def test_progress_and_cancelling(session: Session, image: Image) -> None:
    seen: list[float] = []
    session.predict(image, 0, Progress(lambda fraction, text: seen.append(fraction)))
    assert seen == sorted(seen) and seen[-1] == 1
    cancelled = Progress()
    cancelled.cancel()
    counter = _Counter(session)
    with pytest.raises(CancelledError):
        session.predict(image, 1, cancelled)
    assert counter.calls == 0


def test_shap_is_of_the_asked_class_and_branch() -> None:
    small = _checkpoint(input_size=(64, 64), local_widths=(4, 4, 4, 4), local_blocks=(1, 1, 1, 1))
    session = Session(small, device="cpu", precision="float32")
    image = Image(np.random.default_rng(1).integers(0, 255, (1, 60, 40), dtype=np.uint8))
    drawn = session.saliency(image, 0, "shap-local", 2)
    assert (drawn.name, drawn.provenance.branch, drawn.target) == ("shap-local", "local", 2)
    assert drawn.values.shape == (60, 40) and drawn.sign == "signed"
    assert drawn.values.min() < 0 < drawn.values.max()
    with pytest.raises(InvalidInputError, match="no map shap-attention"):
        session.saliency(image, 0, "shap-attention")


def test_threads_share_one_pass(session: Session, image: Image) -> None:
    counter = _Counter(session)
    results: list[np.ndarray[Any, Any]] = []
    threads = [
        threading.Thread(target=lambda: results.append(session.saliency(image, 0, "gate").values))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.calls == 1 and len(results) == 6
    assert all(np.array_equal(values, results[0]) for values in results)


def test_opening_a_file_gives_the_same_answer(
    checkpoint: Checkpoint, session: Session, image: Image, tmp_path: Path
) -> None:
    checkpoint.save(tmp_path / "model.safetensors")
    opened = Session.open(tmp_path / "model.safetensors", device="cpu", precision="float32")
    assert opened.predict(image, 0) == session.predict(image, 0)
    assert opened.checkpoint.sha256 == checkpoint.sha256
    assert (opened.device, opened.precision) == ("cpu", "float32")


def test_bfloat16_is_close(checkpoint: Checkpoint, session: Session, image: Image) -> None:
    half = Session(checkpoint, device="cpu", precision="bfloat16")
    for branch, values in session.predict(image, 0).branches.items():
        # A temperature of 0.25 sharpens differences of the fusion's logits fourfold.
        assert half.predict(image, 0).branches[branch] == pytest.approx(values, abs=0.05)
    whole = session.saliency(image, 0, "gate").values
    difference = np.abs(half.saliency(image, 0, "gate").values - whole).max()
    assert 0 < difference < 0.05 * whole.max()


@pytest.fixture
def small_cache() -> Iterator[_Cache[str]]:
    yield _Cache(100)


def test_cache_is_bounded_by_bytes(small_cache: _Cache[str]) -> None:
    for name in "abc":
        small_cache.put((name,), name, 40)
    assert [small_cache.get((name,)) for name in "abc"] == [None, "b", "c"]
    small_cache.get(("b",))
    small_cache.put(("d",), "d", 40)
    assert [small_cache.get((name,)) for name in "bcd"] == ["b", None, "d"]
    small_cache.put(("d",), "D", 10)  # replacing gives the old bytes back
    small_cache.put(("e",), "e", 50)
    assert [small_cache.get((name,)) for name in "bde"] == ["b", "D", "e"]
    small_cache.put(("huge",), "huge", 1000)
    assert small_cache.get(("huge",)) == "huge" and small_cache.get(("b",)) is None
