"""How well a classifier predicts, and how far its probabilities can be believed.

``measure`` gives every figure of one output, ``intervals`` what sampling other patients would have
changed, ``roc`` and ``band`` the curves, ``calibrated`` and ``reliability`` the calibration.
"""

from engine.evaluation.classification.bootstrap import (
    Difference,
    Interval,
    area_difference,
    calibration_interval,
    intervals,
    mean_difference,
    mean_interval,
)
from engine.evaluation.classification.calibration import (
    ECE_BINS,
    Bin,
    calibrated,
    cross_fitted,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    reliability,
)
from engine.evaluation.classification.figures import FIGURES, measure
from engine.evaluation.classification.roc import Band, area, band, roc

__all__ = [
    "ECE_BINS",
    "FIGURES",
    "Band",
    "Bin",
    "Difference",
    "Interval",
    "area",
    "area_difference",
    "band",
    "calibrated",
    "calibration_interval",
    "cross_fitted",
    "expected_calibration_error",
    "fit_temperature",
    "intervals",
    "mean_difference",
    "mean_interval",
    "measure",
    "negative_log_likelihood",
    "reliability",
    "roc",
]
