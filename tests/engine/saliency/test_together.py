"""Expected gradients of all outputs at once are shap's own, but for the noise of drawing."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import CancelledError, InvalidInputError
from engine.images.image import Image
from engine.progress import Progress
from engine.saliency import shap
from engine.saliency.together import METHOD, Explainer
from engine.session import Session
from tests.engine.networks import SIZE, small_checkpoint

BRANCHES = ("global", "local", "gate")
TARGETS = dict.fromkeys(BRANCHES, 1)


@pytest.fixture(scope="module")
def session() -> Session:
    return Session(small_checkpoint(), "cpu", "float32")


@pytest.fixture(scope="module")
def image() -> Image:
    rng = np.random.default_rng(5)
    return Image(rng.integers(0, 255, (1, 60, 80), dtype=np.uint8))


def test_they_are_shaps_up_to_sampling_error(session: Session, image: Image) -> None:
    found = Explainer(session, 96).attribute(image, 0, TARGETS)
    assert list(found) == [f"shap-{b}" for b in BRANCHES]
    for branch in BRANCHES:
        ours, theirs = found[f"shap-{branch}"], shap.attribute(session, image, 0, branch, 1, 512)
        assert ours.raw.shape == SIZE and ours.values.shape == (60, 80)
        assert (ours.sign, ours.target_name) == ("signed", "dystrophy")
        assert ours.provenance.method == METHOD
        difference = np.linalg.norm(ours.raw - theirs.raw) / np.linalg.norm(theirs.raw)
        errors = [m.provenance.parameters["relative_error"] for m in (ours, theirs)]
        assert difference < 2 * np.hypot(*errors) and difference < 0.5


def test_they_add_up_to_what_the_output_differs_by(session: Session, image: Image) -> None:
    found = Explainer(session, 96).attribute(image, 0, TARGETS)
    for saliency in found.values():
        facts = saliency.provenance.parameters
        assert abs(facts["sum"] - facts["output_difference"]) < 4 * facts["standard_error"] + 1e-4


def test_evenly_laid_points_need_fewer_samples(session: Session, image: Image) -> None:
    exact = Explainer(session, 768, seed=9).attribute(image, 0, {"gate": 1})["shap-gate"].raw

    def error(raw: np.ndarray) -> float:
        return float(np.linalg.norm(raw - exact))

    ours = [
        error(Explainer(session, 32, seed=s).attribute(image, 0, {"gate": 1})["shap-gate"].raw)
        for s in range(4)
    ]
    theirs = [error(shap.attribute(session, image, 0, "gate", 1, 32, seed=s).raw) for s in range(4)]
    assert np.mean(ours) < np.mean(theirs)


def test_the_seed_decides_and_not_what_was_asked_beside(session: Session, image: Image) -> None:
    one = Explainer(session, 8, seed=1).attribute(image, 0, {"gate": 0})["shap-gate"].raw
    explainer = Explainer(session, 8, seed=1)
    explainer.attribute(image, 0, TARGETS)
    again = explainer.attribute(image, 0, {"global": 1, "gate": 0})["shap-gate"].raw
    np.testing.assert_allclose(one, again, rtol=1e-4, atol=1e-7)
    other = Explainer(session, 8, seed=2).attribute(image, 0, {"gate": 0})["shap-gate"].raw
    assert not np.allclose(one, other, rtol=1e-2)


def test_it_can_be_cancelled_and_refuses_nonsense(session: Session, image: Image) -> None:
    progress = Progress()
    progress.cancel()
    with pytest.raises(CancelledError):
        Explainer(session, 8).attribute(image, 0, TARGETS, progress)
    with pytest.raises(InvalidInputError, match="no class 2 of a branch gate"):
        Explainer(session, 8).attribute(image, 0, {"gate": 2})
    with pytest.raises(InvalidInputError, match="2 samples or more"):
        Explainer(session, 1)


def test_passes_in_another_precision_agree_or_are_not_taken(session: Session) -> None:
    inputs = np.random.default_rng(0).normal(size=(3, 3, *SIZE)).astype(np.float32)
    exact, rough = (session.probabilities(inputs, p) for p in ("float32", "bfloat16"))
    change = max(np.abs(exact[b] - rough[b]).max() for b in exact)
    assert 0 < change < 0.1
    lean = max(abs((exact[b] - rough[b])[:, 0].mean()) for b in exact)
    taken = session.agreeing_precision(inputs)
    assert taken == "float32" or (change <= 0.03 and lean <= 0.0025)
