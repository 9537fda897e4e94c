import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

from engine.evaluation.classification import (
    area,
    band,
    calibrated,
    expected_calibration_error,
    fit_temperature,
    intervals,
    mean_interval,
    measure,
    reliability,
    roc,
)
from engine.evaluation.classification.bootstrap import weighted_areas


def _case(count: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, classes)), rng.integers(0, classes, count)


@settings(max_examples=25, deadline=None)
@given(st.integers(20, 80), st.integers(2, 4), st.integers(0, 1000))
def test_agrees_with_scikit_learn(count: int, classes: int, seed: int) -> None:
    logits, target = _case(count, classes, seed)
    if len(set(target.tolist())) < classes:
        return
    names = [f"c{i}" for i in range(classes)]
    figures = measure(logits, target, names)
    precision, recall, f1, support = precision_recall_fscore_support(
        target, logits.argmax(1), labels=range(classes), zero_division=0
    )
    for i, name in enumerate(names):
        ours = figures["per_class"][name]
        assert ours["sensitivity"] == pytest.approx(recall[i])
        assert ours["f1"] == pytest.approx(f1[i])
        assert (ours["precision"] or 0) == pytest.approx(precision[i])
        assert ours["support"] == support[i]
    # Weighted by support, sensitivity is accuracy: as in the paper's Table 4.
    assert figures["weighted"]["sensitivity"] == pytest.approx(figures["accuracy"])


def test_two_classes_by_hand() -> None:
    logits = np.array([[2.0, 0], [0, 1], [0, 2], [3, 0], [0, 4]])
    target = np.array([0, 0, 1, 1, 1])
    figures = measure(logits, target, ("no", "yes"))
    assert figures["accuracy"] == pytest.approx(3 / 5)
    assert figures["sensitivity"] == pytest.approx(2 / 3)
    assert figures["specificity"] == pytest.approx(1 / 2)
    assert figures["auc"] == pytest.approx(4 / 6)


def test_a_class_without_images_has_no_figure() -> None:
    figures = measure(np.zeros((3, 2)), np.array([0, 0, 0]), ("no", "yes"))
    assert figures["auc"] is None and figures["sensitivity"] is None


def test_calibration_error_by_hand() -> None:
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.35, 0.65], [0.35, 0.65]])
    target = np.array([0, 1, 1, 1])
    # Bins at 0.95 (accuracy 0.5) and 0.65 (accuracy 1), half the images each.
    assert expected_calibration_error(probabilities, target) == pytest.approx(
        0.5 * 0.45 + 0.5 * 0.35
    )


def test_temperature_undoes_overconfidence() -> None:
    rng = np.random.default_rng(0)
    honest = rng.normal(size=(4000, 2)) * 2
    chance = 1 / (1 + np.exp(honest[:, 0] - honest[:, 1]))
    target = (rng.random(4000) < chance).astype(np.int64)
    assert fit_temperature(honest * 3, target) == pytest.approx(3, rel=0.1)
    figures = calibrated(honest * 3, target, np.arange(4000) % 5)
    assert figures["ece_after"] < 0.03 < figures["ece_before"]


def test_calibration_after_is_measured_on_predictions_not_fitted_on() -> None:
    # One fold certain and right, the other certain and wrong: each one's temperature, fitted on
    # the other, makes it worse. Fitted on both it would seem to help.
    logits = np.array([[4.0, -4.0]] * 20)
    target = np.array([0] * 10 + [1] * 10)
    honest = calibrated(logits, target, [0] * 10 + [1] * 10)
    flattering = calibrated(logits, target, [0] * 20)
    assert honest["ece_after"] > flattering["ece_after"] + 0.2


def test_reliability_bins_hold_every_prediction_once() -> None:
    rng = np.random.default_rng(1)
    probabilities = softmax(rng.normal(size=(300, 3)) * 2, axis=1)
    target = rng.integers(0, 3, 300)
    bins = reliability(probabilities, target)
    assert sum(b.images for b in bins) == 300
    assert all(b.low <= b.confidence <= b.high for b in bins)
    right = sum(b.images * b.accuracy for b in bins)
    assert right == pytest.approx((probabilities.argmax(1) == target).sum())


@settings(max_examples=25, deadline=None)
@given(st.integers(5, 40), st.integers(0, 1000))
def test_weighted_area_is_scikit_learn_s_ties_included(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    positive = rng.random(count) < 0.5
    positive[:2] = True, False
    score = rng.integers(0, 6, count) / 5
    weights = rng.integers(1, 4, (3, count)).astype(float)
    for row, ours in zip(weights, weighted_areas(positive, score, weights), strict=True):
        assert ours == pytest.approx(roc_auc_score(positive, score, sample_weight=row))


def test_intervals_hold_the_figure_and_shrink_with_more_patients() -> None:
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, 800)
    logits = rng.normal(size=(800, 2)) + np.eye(2)[target] * 1.5
    classes = ("no", "yes")
    few = intervals(logits[:80], target[:80], range(80), classes, resamples=500)
    many = intervals(logits, target, range(800), classes, resamples=500)
    figures = measure(logits, target, classes)
    for name, value in {
        "accuracy": figures["accuracy"],
        "yes/auc": figures["per_class"]["yes"]["auc"],
        "no/sensitivity": figures["per_class"]["no"]["sensitivity"],
        "weighted/f1": figures["weighted"]["f1"],
        "weighted/specificity": figures["weighted"]["specificity"],
    }.items():
        now, before = many[name], few[name]
        assert now is not None and before is not None
        assert now.low < value < now.high
        assert now.high - now.low < 0.6 * (before.high - before.low)
    # In resamples as in the whole, weighted sensitivity is accuracy.
    assert many["weighted/sensitivity"] == pytest.approx(many["accuracy"])


def test_patients_are_drawn_not_images() -> None:
    # Ten copies of each image tell no more than one: the interval must not shrink.
    rng = np.random.default_rng(2)
    target = rng.integers(0, 2, 60)
    logits = rng.normal(size=(60, 2)) + np.eye(2)[target]
    once = intervals(logits, target, range(60), ("no", "yes"), resamples=400)
    copies = np.repeat(np.arange(60), 10)
    again = intervals(logits[copies], target[copies], copies, ("no", "yes"), resamples=400)
    for name, expected in once.items():
        assert again[name] == pytest.approx(expected)


def test_a_class_of_one_patient_has_no_interval() -> None:
    target = np.array([1] + [0] * 30)
    logits = np.random.default_rng(0).normal(size=(31, 2))
    found = intervals(logits, target, range(31), ("no", "yes"), resamples=200)
    assert found["yes/sensitivity"] is None and found["accuracy"] is not None


def test_interval_of_a_mean_is_near_the_normal_one() -> None:
    values = np.random.default_rng(3).normal(size=400)
    found = mean_interval(values, range(400))
    assert found is not None
    half = 1.96 * values.std() / 20
    assert found.low == pytest.approx(values.mean() - half, abs=0.02)
    assert found.high == pytest.approx(values.mean() + half, abs=0.02)


def test_band_of_curves() -> None:
    steep = np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 1.0])
    chance = np.array([0.0, 1.0]), np.array([0.0, 1.0])
    found = band([steep, chance])
    assert found.mean[0] == 0 and found.mean[-1] == 1
    x = found.false_positives[1:]
    assert found.mean[1:] == pytest.approx((1 + x) / 2)
    assert found.deviation[1:] == pytest.approx((1 - x) / np.sqrt(2))
    assert band([steep]).deviation.tolist() == [0] * 101


def test_the_band_s_area_is_near_the_mean_auc() -> None:
    rng = np.random.default_rng(5)
    curves, areas = [], []
    for _ in range(5):
        positive = rng.random(120) < 0.4
        score = rng.normal(size=120) + positive
        curve = roc(positive, score)
        assert curve is not None
        curves.append(curve)
        areas.append(area(positive, score))
    found = band(curves)
    assert np.trapezoid(found.mean, found.false_positives) == pytest.approx(
        np.mean(areas), abs=0.01
    )
    assert roc(np.ones(3, bool), np.arange(3.0)) is None
