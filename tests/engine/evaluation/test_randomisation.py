"""Shuffling weights: against its closed forms, on a small network, and on the model that ships."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

import resources
from engine.errors import CancelledError, InvalidInputError
from engine.evaluation.randomisation import (
    STAGES,
    Cascade,
    Compared,
    Randomisation,
    Stage,
    groups,
    randomise,
    spearman,
    ssim,
)
from engine.images.image import Image
from engine.images.reader import read
from engine.progress import Progress
from engine.saliency.maps import raw_maps
from engine.session import Session
from tests.engine.networks import SIZE, small_checkpoint


@pytest.fixture(scope="module")
def session() -> Session:
    return Session(small_checkpoint(), device="cpu", precision="float32")


@pytest.fixture(scope="module")
def image() -> Image:
    rows, cols = np.mgrid[:80, :64]
    body = ((rows - 40) / 36) ** 2 + ((cols - 32) / 26) ** 2 < 1
    noise = np.random.default_rng(0).gamma(2.0, 40.0, (80, 64))
    return Image((noise * body).astype(np.int16)[None])


def test_rank_correlation_is_scipys_ties_included():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 9, (13, 17)).astype(float), rng.normal(size=(13, 17))
    assert spearman(a, a + b) == pytest.approx(spearmanr(a.ravel(), (a + b).ravel()).statistic)
    assert spearman(a, np.exp(a)) == pytest.approx(1)
    assert spearman(a, -a) == pytest.approx(-1)
    assert spearman(a, np.ones_like(a)) == 0
    assert spearman(a, np.full_like(a, np.nan)) == 0


def test_structural_similarity_does_not_see_the_scale_and_sees_the_place():
    rows, cols = np.mgrid[:60, :60]
    blob = np.exp(-((rows - 20) ** 2 + (cols - 20) ** 2) / 60)
    assert ssim(blob, 7 * blob) == pytest.approx(1)
    assert ssim(blob, blob[::-1, ::-1]) < 0.9
    assert ssim(blob, np.zeros_like(blob)) == 0


def test_padding_is_not_compared():
    values = np.random.default_rng(0).random((40, 40)).astype(np.float32)
    valid = np.zeros((40, 40), bool)
    valid[:, 10:30] = True
    other = np.where(valid, values, -values)
    assert Compared(values, valid).likeness(other) == pytest.approx((1, 1, 1))
    turned = Compared(values - 0.5, valid).likeness(0.5 - values)
    assert turned[0] == pytest.approx(-1) and turned[1] == pytest.approx(1)


def test_every_weight_belongs_to_one_stage(session):
    network = session.checkpoint.network()
    stages = groups(network)
    assert len(stages) == len(STAGES) and all(stages)
    owned = [id(p) for stage in stages for layer in stage for p in layer.parameters(recurse=False)]
    assert sorted(owned) == sorted(id(p) for p in network.parameters())


def test_shuffling_keeps_the_values_and_spares_what_comes_before(session):
    network = session.checkpoint.network().eval()
    before = {name: p.clone() for name, p in network.named_parameters()}
    x = torch.randn(1, 3, *SIZE, generator=torch.Generator().manual_seed(0))
    features = network(x).local_features.detach()
    cascade = Cascade(network, 0)
    cascade.advance(x)
    cascade.advance(x)
    after = dict(network.named_parameters())
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert "fusion.w_x.weight" in changed and "global_head.fc.weight" in changed
    assert not any(name.startswith(("global_branch", "local_branch.layer")) for name in changed)
    assert torch.equal(network(x).local_features, features)
    for name in changed:
        assert torch.equal(before[name].flatten().sort()[0], after[name].flatten().sort()[0])
    assert not network.training
    cascade.advance(x)
    cascade.advance(x)
    assert not torch.equal(before["local_branch.conv2.weight"], after["local_branch.conv2.weight"])
    # Statistics of the image: each shuffled normalisation gives its channels mean beta.
    seen = {}
    norm = network.local_branch.bn1
    norm.register_forward_hook(lambda m, i, o: seen.update(out=o.clone()))
    network(x)
    torch.testing.assert_close(seen["out"].mean(dim=(0, 2, 3)), norm.bias, atol=1e-3, rtol=1e-2)


def test_native_maps_cascade_deterministically_and_the_session_is_left_alone(session, image):
    maps = {name: session.saliency(image, 0, name) for name in ("global", "gate", "attention")}
    before = session.predict(image, 0)
    state = {k: v.clone() for k, v in session._network.state_dict().items()}
    found = randomise(session, image, 0, maps, seed=4)
    assert list(found) == list(maps)
    for name, result in found.items():
        assert [stage.name for stage in result.stages] == list(STAGES)
        # No map rests on what comes after it.
        assert result.stages[0].rank == pytest.approx(1) and result.stages[0].ssim > 0.999
        assert result.stages[1].rank == pytest.approx(1) or name != "global"
        assert result.similarity < 1 and result.repeat == 1
    assert found["attention"].stages[1].rank < 0.99
    assert found == randomise(session, image, 0, maps, seed=4)
    assert found != randomise(session, image, 0, maps, seed=5)
    assert all(torch.equal(v, state[k]) for k, v in session._network.state_dict().items())
    session._forwards = type(session._forwards)(2**20)
    assert session.predict(image, 0) == before


def test_a_network_without_learning_is_found_out(session, image):
    """The random network's own map is as like its shuffled ones as these are to one another."""
    found = randomise(session, image, 0, {"global": session.saliency(image, 0, "global")})
    x = torch.zeros(1, 3, *SIZE)
    assert raw_maps(
        session.checkpoint.network().eval()(x), session.checkpoint.metadata.architecture
    )
    assert isinstance(found["global"], Randomisation)
    last = Stage("all layers", -0.9, 0.2, 0.1)
    assert Randomisation((last,), 3).similarity == pytest.approx(0.2)
    assert Randomisation((last,), 1, repeat=0.5).similarity == pytest.approx(0.4)


def test_shap_is_compared_with_what_it_reaches_itself(session, image):
    name = "shap-gate"
    found = session.saliency(image, 0, name)
    seen: list[float] = []
    progress = Progress(lambda fraction, _: seen.append(fraction))
    (result,) = randomise(session, image, 0, {name: found}, progress=progress).values()
    assert result.seeds == 1 and 0 < result.repeat < 1
    assert seen == sorted(seen) and seen[-1] > 0.8
    # Its logit rests on the classifiers, so that the first stage changes it already.
    assert result.stages[0].rank < result.repeat


def test_it_can_be_cancelled_and_refuses_what_it_cannot_do(session, image):
    from dataclasses import replace

    found = session.saliency(image, 0, "gate")
    progress = Progress()
    progress.cancel()
    with pytest.raises(CancelledError):
        randomise(session, image, 0, {"gate": found}, progress=progress)
    with pytest.raises(InvalidInputError, match="no weights can be shuffled"):
        randomise(session, image, 0, {"gate-minus-local": replace(found, name="x")})


def test_the_demo_models_gate_has_learned_and_its_global_map_shows_the_leg():
    session = Session.open(
        resources.path("models", "demo.safetensors"), device="cpu", precision="float32"
    )
    leg = read(resources.path("demo", "images", "DEMO01", "STIR", "002.dcm"))
    names = ("global", "local", "gate", "attention")
    found = randomise(session, leg, 0, {n: session.saliency(leg, 0, n) for n in names})
    assert found["attention"].similarity < 0.5 < found["gate"].similarity < 0.7
    assert found["global"].similarity > 0.7 and found["local"].similarity > 0.7
    assert found["gate"].stages[-1].ssim < 0.2
