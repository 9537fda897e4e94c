"""Deletion: closed forms on a linear model, properties on any, a real session at the end."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from engine.errors import CancelledError, InvalidInputError
from engine.evaluation.deletion import (
    RANDOM,
    STEPS,
    Curves,
    blurred,
    class_corrected,
    counts,
    delete,
    on_input,
    order,
    output_of,
    random_relevance,
)
from engine.images.image import Image
from engine.images.preprocess import to_model_input
from engine.progress import Progress
from engine.session import Session
from tests.engine.networks import CLASSES, SIZE, small_checkpoint

SHAPE = (20, 20)
ALL = np.ones(SHAPE, bool)


class Linear:
    """A "probability" that is linear in the input: sum of weight * pixel; counts its passes."""

    def __init__(self, weights: NDArray[np.float64]) -> None:
        self.weights = weights
        self.batches: list[int] = []

    def __call__(self, inputs: NDArray[np.float32]) -> Mapping[str, NDArray[np.float64]]:
        self.batches.append(len(inputs))
        values = (inputs.astype(np.float64) * self.weights).sum(axis=(1, 2, 3))
        return {"fusion": np.stack([1 - values, values], axis=1)}


def _image(seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(3, *SHAPE)).astype(np.float32)


def test_curves_of_a_linear_model_in_closed_form() -> None:
    # What replacing a pixel changes is known exactly, so both curves are cumulative sums.
    rng = np.random.default_rng(1)
    weights, tensor = rng.normal(size=(3, *SHAPE)) / 100, _image()
    model = Linear(weights)
    loss = (weights * (tensor - blurred(tensor, ALL))).sum(axis=0)
    trace = delete(model, tensor, ALL, {"exact": loss}, seed=0)["exact"]
    curves = trace.curves("fusion", 1)
    start = float((tensor * weights).sum())
    falls = np.sort(loss.ravel())[::-1]
    at = counts(400, STEPS)
    morf = start - np.append(0, np.cumsum(falls))[at]
    lerf = start - np.append(0, np.cumsum(falls[::-1]))[at]
    assert curves.morf == pytest.approx(morf, abs=1e-6)
    assert curves.lerf == pytest.approx(lerf, abs=1e-6)
    assert curves.score == pytest.approx((lerf - morf)[1:].mean(), abs=1e-6)
    # No ranking deletes faster than the exact one.
    other = delete(model, tensor, ALL, {"noise": rng.random(SHAPE)}, seed=0)["noise"]
    assert other.curves("fusion", 1).score < curves.score
    # The other class sees the same curves upside down.
    assert trace.curves("fusion", 0).score == pytest.approx(-curves.score, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_reversing_a_map_without_ties_reverses_its_score(seed: int) -> None:
    rng = np.random.default_rng(seed)
    model = Linear(rng.normal(size=(3, *SHAPE)) / 100)
    values = rng.permutation(400).reshape(SHAPE).astype(float)
    traces = delete(model, _image(seed), ALL, {"map": values, "reversed": -values}, seed=seed)
    both = {name: trace.curves("fusion", 1) for name, trace in traces.items()}
    assert both["map"].score == pytest.approx(-both["reversed"].score, abs=1e-6)
    assert both["map"].morf == pytest.approx(both["reversed"].lerf, abs=1e-6)
    # Only the ranks count.
    again = delete(model, _image(seed), ALL, {"map": np.exp(values / 50)}, seed=seed)["map"]
    assert again.curves("fusion", 1).morf == pytest.approx(both["map"].morf, abs=1e-9)


def test_random_order_scores_nothing_on_average() -> None:
    model = Linear(np.random.default_rng(2).normal(size=(3, *SHAPE)) / 100)
    scores = [
        delete(model, _image(i), ALL, {RANDOM: random_relevance(SHAPE, i)}, seed=i)[RANDOM]
        .curves("fusion", 1)
        .score
        for i in range(60)
    ]
    assert abs(np.mean(scores)) < 3 * np.std(scores) / np.sqrt(len(scores))


def test_flat_maps_are_random_orders_not_the_order_in_memory() -> None:
    flat = np.zeros(SHAPE)
    first, again, other = (order(flat, ALL, seed) for seed in (0, 0, 1))
    assert first.tolist() == again.tolist() != other.tolist()
    assert sorted(first.tolist()) == list(range(400))
    assert abs(np.corrcoef(first, np.arange(400))[0, 1]) < 0.2


def test_padding_is_neither_ranked_nor_blurred() -> None:
    valid = np.zeros(SHAPE, bool)
    valid[5:15, 2:18] = True
    tensor = np.where(valid, _image(), np.float32(-2))
    result = blurred(tensor, valid, sigma=0.1)
    assert (result[:, ~valid] == -2).all()
    inner = tensor[:, 5:15, 2:18]
    assert result[:, 5:15, 2:18] == pytest.approx(
        np.stack([gaussian_filter(plane, 2.0, mode="reflect") for plane in inner]), abs=1e-6
    )
    # Blurring keeps the mean of what is mirrored at its border: no padding came in.
    assert result[:, valid].mean() == pytest.approx(tensor[:, valid].mean(), abs=1e-3)
    assert set(order(random_relevance(SHAPE, 0), valid, 0).tolist()) == set(
        np.flatnonzero(valid).tolist()
    )


def test_ends_are_shared_and_passes_are_counted() -> None:
    model = Linear(np.random.default_rng(0).normal(size=(3, *SHAPE)) / 100)
    maps = {"a": random_relevance(SHAPE, 0), "b": random_relevance(SHAPE, 1)}
    traces = delete(model, _image(), ALL, maps, seed=0, batch=7)
    # Two ends for all, nine steps there and nine back for each.
    assert sum(model.batches) == 2 + 2 * 18 and max(model.batches) == 7
    whole = float((blurred(_image(), ALL) * model.weights).sum())
    for trace in traces.values():
        curves = trace.curves("fusion", 1)
        assert curves.morf[0] == curves.lerf[0] and curves.morf[-1] == curves.lerf[-1]
        assert curves.morf[-1] == pytest.approx(whole)
        assert len(curves.morf) == STEPS + 1


def test_progress_rises_and_cancelling_stops() -> None:
    model = Linear(np.zeros((3, *SHAPE)))
    seen: list[float] = []
    maps = {"a": random_relevance(SHAPE, 0)}
    delete(
        model, _image(), ALL, maps, seed=0, batch=4, progress=Progress(lambda f, _: seen.append(f))
    )
    assert seen == sorted(seen) and seen[-1] == 1 and len(seen) > 3
    model.batches.clear()
    stopping = Progress(lambda f, _: stopping.cancel() if f > 0.3 else None)
    with pytest.raises(CancelledError):
        delete(model, _image(), ALL, maps, seed=0, batch=4, progress=stopping)
    assert 0 < sum(model.batches) < 20


def test_maps_that_rank_nothing_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="not on"):
        order(np.zeros((3, 3)), ALL, 0)
    with pytest.raises(InvalidInputError, match="not finite"):
        order(np.full(SHAPE, np.nan), ALL, 0)


def test_class_correction_by_hand() -> None:
    two = class_corrected([0.4, 0.2, 0.0, 0.0], [1, 1, 0, 0], 2, alpha=0.5)
    assert two.ds == pytest.approx(0.15) and two.per_class == pytest.approx((0.0, 0.3))
    assert two.delta == pytest.approx(0.15) and two.dsc == pytest.approx(0.075)
    three = class_corrected([0.1, 0.5, 0.3], [0, 1, 2], 3)
    assert three.delta == pytest.approx(0.2) and three.dsc == pytest.approx(0.1)
    alone = class_corrected([0.1, 0.3], [1, 1], 2)
    assert alone.per_class == (None, pytest.approx(0.2)) and alone.delta == 0


def test_score_leaves_out_the_untouched_image() -> None:
    curves = Curves(np.array([1.0, 0.2, 0.0]), np.array([1.0, 0.8, 0.0]))
    assert curves.score == pytest.approx(0.3)


def test_a_session_s_maps_deleted_for_real() -> None:
    session = Session(small_checkpoint(), "cpu", "float32")
    pixels = np.random.default_rng(0).integers(0, 255, (1, 70, 120), np.uint8)
    image = Image(pixels)
    names = session.map_names[:4]
    prepared = to_model_input(image, 0, session.checkpoint.metadata.preprocessing)
    maps = {name: on_input(session, session.saliency(image, 0, name)) for name in names}
    assert {m.shape for m in maps.values()} == {SIZE}
    # On the image's own pixels a map is the same, resampled: compare at the image's centre.
    shown = session.saliency(image, 0, "local").values
    row, col, _ = prepared.to_image @ (48, 48, 1)
    assert maps["local"][48, 48] == pytest.approx(shown[round(row), round(col)], rel=0.2)
    traces = delete(session.probabilities, prepared.tensor, prepared.valid, maps, seed=0, steps=4)
    prediction = session.predict(image, 0)
    for name in names:
        output = output_of(name)
        curves = traces[name].curves(output, prediction.predicted)
        assert curves.morf[0] == pytest.approx(
            prediction.branches[output][prediction.predicted], abs=1e-5
        )
        assert ((curves.morf >= 0) & (curves.morf <= 1)).all()
    assert traces["gate"].morf["fusion"].shape == (5, len(CLASSES))
    assert output_of("shap-local") == "local" and output_of("attention") == "fusion"
