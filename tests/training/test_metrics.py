import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support

from training.metrics import (
    calibrated,
    expected_calibration_error,
    fit_temperature,
    measure,
)


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
