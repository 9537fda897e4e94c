import numpy as np
import pytest
from scipy.stats import kstest, rice

from training.phantom.acquisition import Acquisition, acquire, coil_sensitivity

CLEAN = Acquisition(
    matrix=(1.0, 1.0),
    taper=0.0,
    noise=0.0,
    chemical_shift=0.0,
    phase_axis=0,
    ghost=0.0,
    ghost_cycles=0.1,
)
ZERO = np.zeros((128, 96), np.float32)


def changed(**values: object) -> Acquisition:
    return Acquisition(**{**CLEAN.__dict__, **values})  # type: ignore[arg-type]


def disc() -> np.ndarray:
    y, x = np.mgrid[:128, :96]
    return (np.hypot(y - 64, x - 48) < 25).astype(np.float32)


@pytest.mark.parametrize("level", [0.0, 1.0, 5.0])
def test_noise_is_rician(level: float) -> None:
    sigma = 0.7
    water = np.full_like(ZERO, level)
    image = acquire(water, ZERO, np.ones_like(ZERO), changed(noise=sigma), np.random.default_rng(3))
    expected = rice(level / sigma, scale=sigma)
    assert image.mean() == pytest.approx(expected.mean(), rel=0.02)
    assert image.var() == pytest.approx(expected.var(), rel=0.05)
    assert kstest(image.ravel()[::3], expected.cdf).pvalue > 1e-3


def test_nothing_lost_when_all_of_k_space_is_kept() -> None:
    image = acquire(disc(), ZERO, np.ones_like(ZERO), CLEAN, np.random.default_rng(0))
    np.testing.assert_allclose(image, disc(), atol=1e-5)


def test_truncation_rings_and_a_taper_calms_it() -> None:
    rng = np.random.default_rng(0)
    ones = np.ones_like(ZERO)
    hard = acquire(disc(), ZERO, ones, changed(matrix=(0.5, 0.5)), rng)
    soft = acquire(disc(), ZERO, ones, changed(matrix=(0.5, 0.5), taper=0.6), rng)
    assert hard.max() > 1.05
    assert soft.max() < hard.max()
    assert hard.sum() == pytest.approx(disc().sum(), rel=0.1)


def test_fat_is_shifted_along_the_frequency_axis_and_cancels_water_of_other_sign() -> None:
    rng = np.random.default_rng(0)
    ones = np.ones_like(ZERO)
    image = acquire(ZERO, disc(), ones, changed(chemical_shift=3.0, phase_axis=0), rng)
    np.testing.assert_allclose(image, np.roll(disc(), 3, axis=1), atol=1e-5)
    image = acquire(-disc(), disc(), ones, CLEAN, rng)
    np.testing.assert_allclose(image, 0.0, atol=1e-5)


def test_ghosts_lie_along_the_phase_axis_alone() -> None:
    rng = np.random.default_rng(0)
    ones = np.ones_like(ZERO)
    image = acquire(disc(), ZERO, ones, changed(ghost=0.1, ghost_cycles=0.25), rng)
    difference = np.abs(image - disc())
    cols = np.flatnonzero(difference.max(axis=0) > 0.01)
    assert cols.min() >= 48 - 25 and cols.max() <= 48 + 25
    assert difference[:30].max() > 0.02


def test_the_coil_is_smooth_and_positive() -> None:
    y, x = np.linspace(-150, 150, 128), np.linspace(-200, 200, 96)
    coil = coil_sensitivity(np.random.default_rng(1), y, x, 0.5)
    assert coil.min() > 0
    assert np.abs(np.diff(np.log(coil), axis=0)).max() < 0.05
    assert coil.max() / coil.min() > 1.2
