import numpy as np
import pytest
from scipy.stats import kstest, rayleigh

from training.phantom.scanner import Grid, Transducer, compress, envelope, scatterers

PROBE = Transducer(frequency=8.0, bandwidth=0.6, focus=15.0, f_number=2.5, looks=1)
GRID = Grid((900, 220), (PROBE.wavelength / 6, 0.14))


def test_fully_developed_speckle_is_rayleigh() -> None:
    rng = np.random.default_rng(5)
    (signal,) = envelope(scatterers(rng, GRID.shape, 3.0), GRID, PROBE)
    inner = signal[100:-100, 15:-15]
    # Rayleigh: mean / standard deviation = sqrt(pi / (4 - pi)) = 1.913.
    assert inner.mean() / inner.std() == pytest.approx(1.913, rel=0.03)
    independent = inner[::23, ::13].ravel()
    scale = np.sqrt(np.mean(np.square(independent)) / 2)
    assert kstest(independent, rayleigh(scale=scale).cdf).pvalue > 0.01


def test_compounding_calms_the_speckle() -> None:
    rng = np.random.default_rng(5)
    probe = Transducer(8.0, 0.6, 15.0, 2.5, looks=5)
    signal = np.mean(envelope(scatterers(rng, GRID.shape, 3.0), GRID, probe), axis=0)
    assert signal[100:-100].mean() / signal[100:-100].std() > 2.5


def lateral_width(depth: float) -> float:
    amplitudes = np.zeros(GRID.shape, np.float32)
    row = int(depth / GRID.step[0])
    amplitudes[row, GRID.shape[1] // 2] = 1.0
    (signal,) = envelope(amplitudes, GRID, PROBE)
    profile = signal[row].astype(float) ** 2
    offset = GRID.lateral - (profile * GRID.lateral).sum() / profile.sum()
    return float(np.sqrt((profile * offset**2).sum() / profile.sum()))


def test_a_point_spreads_as_the_beam_says_and_grows_off_the_focus() -> None:
    widths = {depth: lateral_width(depth) for depth in (3.0, 15.0, 27.0)}
    assert widths[15.0] < widths[3.0]
    assert widths[15.0] < widths[27.0]
    for depth, width in widths.items():
        # The width of the square of a Gaussian is its own over sqrt(2).
        sigma = PROBE.beam_sigma(np.array([depth]))[0]
        assert width == pytest.approx(sigma / np.sqrt(2), rel=0.03)


def test_a_point_stays_at_its_depth_and_is_about_as_long_as_the_pulse() -> None:
    amplitudes = np.zeros(GRID.shape, np.float32)
    amplitudes[450, 110] = 1.0
    (signal,) = envelope(amplitudes, GRID, PROBE)
    assert np.unravel_index(signal.argmax(), signal.shape) == (450, 110)
    above = np.flatnonzero(signal[:, 110] > signal.max() / 2) * GRID.step[0]
    # Spectrum and envelope of a Gaussian: FWHM_z * FWHM_f = 4 ln 2 / pi, in cycles per mm.
    expected = 4 * np.log(2) / np.pi / (2 / PROBE.wavelength * PROBE.bandwidth)
    assert above[-1] - above[0] == pytest.approx(expected, abs=2 * GRID.step[0])


def test_compression_is_in_decibels() -> None:
    grey = compress(np.array([1.0, 0.1, 0.001, 5.0], np.float32), 1.0, 60.0)
    np.testing.assert_allclose(grey, [255.0, 170.0, 0.0, 255.0], atol=1e-3)
