"""From tissue signals to the magnitude image a scanner gives: coil, k-space, noise, artefacts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from training.phantom.fields import Array, SmoothField


@dataclass(frozen=True)
class Acquisition:
    """How one series is acquired.

    matrix: share of the (row, col) frequencies of the image that are sampled; the rest is filled
    with zeros, so that edges ring (Gibbs). taper: width of the cosine filter at the edge of
    k-space, share of its radius. noise: standard deviation of each of the two channels, in signal
    units. chemical_shift: pixels by which fat moves along the frequency axis. phase_axis: 0 rows,
    1 cols. ghost: relative modulation of the k-space lines, ``ghost_cycles`` a line.
    """

    matrix: tuple[float, float]
    taper: float
    noise: float
    chemical_shift: float
    phase_axis: int
    ghost: float
    ghost_cycles: float


def draw_acquisition(rng: np.random.Generator, noise: float, field: float) -> Acquisition:
    """Draw an acquisition with noise around ``noise`` at ``field`` tesla."""
    phase = int(rng.integers(2))
    matrix = [float(rng.uniform(0.62, 0.95)), float(rng.uniform(0.62, 0.95))]
    matrix[phase] *= float(rng.uniform(0.7, 0.9))
    return Acquisition(
        matrix=(matrix[0], matrix[1]),
        taper=float(rng.uniform(0.1, 0.35)),
        noise=noise * float(rng.lognormal(0.0, 0.35)),
        chemical_shift=float(rng.uniform(0.3, 0.9)) * field / 3.0 * 1.6,
        phase_axis=phase,
        ghost=float(rng.uniform(0.0, 0.05)),
        ghost_cycles=float(rng.uniform(0.06, 0.3)),
    )


def acquire(
    water: Array, fat: Array, coil: Array, acquisition: Acquisition, rng: np.random.Generator
) -> Array:
    """Return the magnitude image, (rows, cols).

    water, fat: signed signal of the two species. coil: receive sensitivity. The noise is complex
    Gaussian in k-space, hence Rician in the magnitude (Gudbjartsson and Patz, Magn Reson Med
    34:910-914, 1995).
    """
    rows, cols = water.shape
    frequencies = [fft.fftfreq(rows), fft.fftfreq(cols)]
    frequency_axis = 1 - acquisition.phase_axis
    shift = np.exp(-2j * np.pi * acquisition.chemical_shift * frequencies[frequency_axis])
    shift = shift[:, None] if frequency_axis == 0 else shift[None, :]
    space = fft.fft2((water * coil).astype(np.float32), workers=1)
    space += fft.fft2((fat * coil).astype(np.float32), workers=1) * shift.astype(np.complex64)
    if acquisition.ghost:
        lines = np.arange(len(frequencies[acquisition.phase_axis]))
        modulation = 1 + acquisition.ghost * np.cos(
            2 * np.pi * acquisition.ghost_cycles * lines + rng.uniform(0, 2 * np.pi)
        )
        space *= modulation[:, None] if acquisition.phase_axis == 0 else modulation[None, :]
    noise = rng.standard_normal((rows, cols, 2), dtype=np.float32)
    # An FFT of unit noise has variance rows * cols a sample.
    space += acquisition.noise * np.sqrt(rows * cols) * noise.view(np.complex64)[..., 0]
    for axis, share in enumerate(acquisition.matrix):
        window = k_window(frequencies[axis], share, acquisition.taper)
        space *= window[:, None] if axis == 0 else window[None, :]
    return np.abs(fft.ifft2(space, workers=1)).astype(np.float32)


def k_window(frequencies: NDArray[np.floating], share: float, taper: float) -> Array:
    """Return the weight of each frequency (cycles a pixel): 1 inside, cosine edge, 0 outside."""
    position = np.abs(frequencies) / (0.5 * share)
    edge = np.clip((position - (1 - taper)) / max(taper, 1e-6), 0.0, 1.0)
    return np.where(position <= 1.0, 0.5 * (1 + np.cos(np.pi * edge)), 0.0).astype(np.float32)


def coil_sensitivity(
    rng: np.random.Generator, y: NDArray[np.floating], x: NDArray[np.floating], strength: float
) -> Array:
    """Return a smooth receive sensitivity on the grid of mm positions, about 1 at the centre.

    Two array elements in front of and behind the legs fall off with distance; a smooth field
    stands for what is left after the scanner's own correction.
    """
    half_y, half_x = float(np.abs(y).max()), float(np.abs(x).max())
    field = SmoothField(rng, (half_y, half_x), (1.0, 110.0, 110.0))
    tilt_y, tilt_x = rng.normal(0.0, 0.5, 2)
    log = 0.6 * field.on_grid(y, x) + tilt_y * (y / half_y)[:, None] + tilt_x * (x / half_x)
    log = log - 0.5 * ((x / half_x) ** 2)[None, :]
    return np.asarray(np.exp(strength * log), np.float32)
