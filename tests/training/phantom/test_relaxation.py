import numpy as np
import pytest

from training.phantom.relaxation import (
    FIELD_STRENGTHS,
    TISSUES,
    Tissue,
    inversion_recovery,
    null_inversion_time,
    spin_echo,
)


def test_spin_echo_closed_forms() -> None:
    tissue = Tissue(0.8, 1000.0, 50.0)
    assert spin_echo(tissue, 1e9, 0.0) == pytest.approx(0.8)
    assert spin_echo(tissue, 1000.0 * np.log(2.0), 0.0) == pytest.approx(0.4)
    assert spin_echo(tissue, 1e9, 50.0 * np.log(4.0)) == pytest.approx(0.2)


def test_the_null_is_t1_ln_2_for_a_long_repetition_time() -> None:
    assert null_inversion_time(371.0) == pytest.approx(371.0 * np.log(2.0))
    assert null_inversion_time(371.0, 800.0) < 371.0 * np.log(2.0)


@pytest.mark.parametrize("field", FIELD_STRENGTHS)
def test_stir_nulls_fat_and_shows_water_by_its_t1_and_t2(field: float) -> None:
    tissues = TISSUES[field]
    tr, te = 4500.0, 40.0
    ti = null_inversion_time(tissues["fat"].t1, tr)
    signal = {n: inversion_recovery(t, tr, te, ti) for n, t in tissues.items()}
    assert signal["fat"] == pytest.approx(0.0, abs=1e-9)
    # Longer T1 than fat: still inverted.
    assert signal["muscle"] < 0 and signal["fluid"] < 0 and signal["blood"] < 0
    assert abs(signal["fluid"]) > 3 * abs(signal["muscle"])
    assert abs(signal["blood"]) > 2 * abs(signal["muscle"])
    assert abs(signal["bone"]) < 1e-6


@pytest.mark.parametrize("field", FIELD_STRENGTHS)
def test_t1_weighting_orders_fat_muscle_bone(field: float) -> None:
    tissues = TISSUES[field]
    signal = {n: spin_echo(t, 600.0, 12.0) for n, t in tissues.items()}
    assert signal["fat"] > 2 * signal["muscle"]
    assert signal["muscle"] > signal["fluid"] > 100 * signal["bone"]


def test_inversion_without_delay_is_full_and_with_a_long_one_none() -> None:
    tissue = Tissue(1.0, 500.0, 80.0)
    assert inversion_recovery(tissue, 1e9, 0.0, 0.0) == pytest.approx(-1.0)
    assert inversion_recovery(tissue, 1e9, 0.0, 1e6) == pytest.approx(1.0)
