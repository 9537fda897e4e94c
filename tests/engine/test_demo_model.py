"""The model that ships, on the demo cases that it has never seen: what a newcomer meets first."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest

import resources
from engine.evaluation.coherence import coherence
from engine.images.image import Image
from engine.images.reader import read
from engine.session import Session
from training.datasets.phantom import load

MODEL = resources.path("models", "demo.safetensors")
DEMO = resources.path("demo")


@pytest.fixture(scope="module")
def session() -> Session:
    return Session.open(MODEL, device="cpu", precision="float32")


def test_it_is_small_and_says_what_it_is(session: Session) -> None:
    assert MODEL.stat().st_size < 10_000_000
    metadata = session.checkpoint.metadata
    assert metadata.name == "Phantom demo" and metadata.licence == "Apache-2.0"
    assert "simulated images only" in metadata.limits
    assert all("out of fold" in m.split for m in metadata.metrics) and metadata.metrics
    assert session.checkpoint.shap_background is not None


def test_it_knows_the_held_out_demo_patients(session: Session) -> None:
    dataset = load(DEMO)
    right: dict[str, list[bool]] = {}
    gate, prior = [], []
    with (DEMO / "manifest.csv").open(encoding="utf-8", newline="") as rows:
        assert len(list(csv.DictReader(rows))) == len(dataset.records) == 26
    for record, label in zip(dataset.records, dataset.labels, strict=True):
        image = read(record.path)
        prediction = session.predict(image, record.frame)
        right.setdefault(record.patient, []).append(prediction.predicted == label)
        near = session.familiarity(image, record.frame)
        assert near is not None and near.familiar
        for path in record.mask_paths:
            if path.suffix == ".png":
                mask = read(path).grey(0) > 0
                values = session.saliency(image, record.frame, "gate").values
                score = coherence(values, mask)
                if score.rma is not None and score.prior_rma is not None:
                    gate.append(score.rma)
                    prior.append(score.prior_rma)
    assert all(np.mean(hits) >= 0.5 for hits in right.values()), right
    assert np.mean([hit for hits in right.values() for hit in hits]) >= 0.9
    assert len(gate) >= 8 and np.mean(gate) > 2 * np.mean(prior)


def test_noise_is_unlike_what_it_was_trained_on(session: Session) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (1, 300, 400)).astype(np.uint8)
    near = session.familiarity(Image(noise), 0)
    assert near is not None and not near.familiar
    assert replace(near, limit=2 * near.distance).familiar
