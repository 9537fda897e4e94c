"""What is said of a map, and deletion of a single image."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engine.evaluation.coherence import CENTRE_PRIOR, coherence
from engine.evaluation.deletion.single import Deletion, baselines, delete_image
from engine.evaluation.honesty import Facts, doubts, lift_over_centre, spread, verdict
from engine.evaluation.randomisation import Randomisation, Stage
from engine.images.image import Image
from engine.session import Session
from tests.engine.networks import small_checkpoint


def shuffled(rank: float, repeat: float = 1.0) -> Randomisation:
    return Randomisation((Stage("all layers", rank, rank, 0.5),), 3, repeat)


def deleted(score: float, random: float = 0.02, centre: float = 0.05) -> Deletion:
    return Deletion(score, random, centre, (1.0, 0.2), (1.0, 0.8))


def masked(inside: bool):
    mask = np.zeros((40, 40), bool)
    mask[2:10, 2:10] = True
    values = np.zeros((40, 40), np.float32)
    values[(4, 30)[not inside] :, (4, 30)[not inside] :][:4, :4] = 1
    return coherence(values, mask)


GOOD = Facts(None, 0.1, 0.1, masked(True), deleted(0.3), shuffled(0.2))


def test_a_map_that_passes_everything_is_not_praised():
    assert doubts(GOOD) == ()
    assert verdict(GOOD) == "Nothing that was measured speaks against this map."
    some = Facts(outside=0.1, spread=0.1)
    assert verdict(some).endswith("not checked against shuffled weights, deletion and a mask.")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"randomisation": shuffled(0.7)}, "hardly changes when the model's weights are shuffled"),
        ({"randomisation": shuffled(0.4, repeat=0.5)}, "hardly changes"),
        ({"randomisation": shuffled(0.1, repeat=0.2)}, "mostly noise"),
        ({"outside": 0.5}, "mostly outside the body"),
        ({"coherence": masked(False)}, "no better than a blob in the image's centre"),
        ({"deletion": deleted(0.04)}, "no more than removing pixels at random"),
        ({"deletion": deleted(0.009, random=0.0)}, "at random"),
        ({"deletion": deleted(-0.4, random=0.0)}, "at random"),
        ({"deletion": deleted(0.2, centre=0.21)}, "no more than removing the image's centre"),
        ({"spread": 0.45}, "points nowhere"),
        ({"reason": "the map is zero everywhere"}, "shows nothing: the map is zero everywhere"),
    ],
)
def test_each_doubt_has_its_sentence(changes, words):
    facts = Facts(**{**vars(GOOD), **changes})
    assert len(doubts(facts)) == 1 and words in doubts(facts)[0]
    assert verdict(facts) == doubts(facts)[0]


def test_a_shut_gate_is_doubted_before_all_else():
    found = doubts(Facts(outside=0.9, opening=6.5e-5))
    assert "gate is shut" in found[0] and len(found) == 2
    assert doubts(Facts(opening=0.9)) == ()


def test_the_gravest_doubt_comes_first():
    facts = Facts(None, 0.6, 0.45, masked(False), deleted(-1), shuffled(0.9))
    assert [d.split()[2] for d in doubts(facts)] == ["hardly", "lies", "finds", "this", "is"]


def test_spread_is_half_for_a_flat_map_and_the_share_of_one_that_points():
    assert spread(np.ones((10, 10))) == 0.5
    values = np.zeros((10, 10))
    values[:2, :3] = 4
    assert spread(values) == 0.03
    assert spread(np.zeros((3, 3))) is None
    assert spread(-np.ones((2, 2))) is None and spread(-np.ones((2, 2)), "absolute") == 0.5


def test_lift_over_the_centre_is_one_for_the_centre():
    mask = np.zeros((30, 50), bool)
    mask[10:20, 10:30] = True
    assert lift_over_centre(coherence(CENTRE_PRIOR.values(mask.shape), mask)) == pytest.approx(1)


def test_deletion_of_one_image_beside_chance_and_the_centre():
    session = Session(small_checkpoint(), device="cpu", precision="float32")
    pixels = np.random.default_rng(0).integers(0, 255, (1, 70, 50), np.uint8)
    image = Image(pixels)
    maps = {name: session.saliency(image, 0, name) for name in ("global", "gate")}
    known = baselines(session, image, 0)
    found = delete_image(session, image, 0, maps, known)
    assert found == delete_image(session, image, 0, maps, baselines(session, image, 0))
    for name, result in found.items():
        assert result.random > 0 and result.centre != 0
        # Both curves start at the untouched image's probability and end at the blurred one's.
        branch = "global" if name == "global" else "fusion"
        p = session.predict(image, 0).branches[branch][maps[name].target]
        assert result.morf[0] == result.lerf[0] == pytest.approx(p, abs=1e-5)
        assert result.morf[-1] == result.lerf[-1]
        mean = np.mean(np.subtract(result.lerf, result.morf)[1:])
        assert result.score == pytest.approx(mean)
    facts = Facts(None, 0.2, 0.3, None, found["gate"], shuffled(0.1))
    written = json.loads(json.dumps(facts.to_json(), allow_nan=False))
    assert written["deletion"]["ds"] == found["gate"].score
    assert written["verdict"] and written["randomisation"]["similarity"] == pytest.approx(0.1)
