"""Ultrasound image formation: scatterers, point-spread function, envelope, compression.

The echo is linear in the scatterers: a map of amplitudes is convolved with a pulse along depth
and with a beam profile across it, whose width follows the focus (for the method see Meunier and
Bertrand, IEEE Trans Biomed Eng 42:1293-1300, 1995, and Szabo, Diagnostic Ultrasound Imaging, 2nd
ed., 2014, chapters 6, 8 and 12). Dense scatterers give fully developed speckle: the envelope is
Rayleigh distributed, mean over standard deviation 1.91.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from training.phantom.fields import Array

SPEED_OF_SOUND = 1.54
"""mm per microsecond, the mean of soft tissue that scanners assume."""

STEERING = np.deg2rad(14.0)
"""Angle between the outermost looks of spatial compounding."""


@dataclass(frozen=True)
class Transducer:
    """A linear array.

    frequency: MHz. bandwidth: relative, full width at half maximum of the pulse-echo spectrum.
    focus: mm. f_number: of the two-way beam at the focus. looks: steering angles that spatial
    compounding averages (1: none).
    """

    frequency: float
    bandwidth: float
    focus: float
    f_number: float
    looks: int

    @property
    def wavelength(self) -> float:
        """Wavelength in mm."""
        return SPEED_OF_SOUND / self.frequency

    def beam_sigma(self, depth: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the standard deviation (mm) of the lateral two-way beam at depths (mm).

        A Gaussian beam: waist by diffraction (full width at half maximum about wavelength times
        f-number), growing hyperbolically off the focus.
        """
        waist = self.wavelength * self.f_number / 2.355
        rayleigh = 7.0 * self.wavelength * self.f_number**2
        off = (np.asarray(depth, np.float64) - self.focus) / rayleigh
        return np.asarray(waist * np.sqrt(1.0 + off**2), np.float64)


@dataclass(frozen=True)
class Grid:
    """Samples of the simulation: (depth, lateral) counts and steps in mm."""

    shape: tuple[int, int]
    step: tuple[float, float]

    @property
    def depth(self) -> Array:
        """Depths in mm, (rows,)."""
        return (np.arange(self.shape[0]) + 0.5) * self.step[0]

    @property
    def lateral(self) -> Array:
        """Lateral positions in mm from the middle, (cols,)."""
        return (np.arange(self.shape[1]) - (self.shape[1] - 1) / 2) * self.step[1]


def scatterers(rng: np.random.Generator, shape: tuple[int, int], density: float) -> Array:
    """Return amplitudes of random scatterers, unit mean power a sample.

    Each sample holds a Poisson number of scatterers (mean ``density``) of normal amplitude; the
    sum of k such is normal with variance k.
    """
    counts = rng.poisson(density, shape).astype(np.float32)
    amplitudes: Array = np.sqrt(counts / np.float32(density))
    amplitudes *= rng.standard_normal(shape, dtype=np.float32)
    return amplitudes


def envelope(amplitudes: Array, grid: Grid, transducer: Transducer) -> list[Array]:
    """Return the echo envelope of each look, (depth, lateral).

    Depth: the pulse's positive frequencies alone are kept, which is the analytic signal of the RF
    line (its Hilbert transform), so that the magnitude is the envelope. Across: each row has its
    own Gaussian beam, exactly, as a product in the row's spectrum. A look steered by an angle
    sees lateral frequencies around 2 sin(angle) / wavelength.
    """
    rows, cols = amplitudes.shape
    pad_rows = fft.next_fast_len(rows + int(6 * transducer.wavelength / grid.step[0]))
    axial = fft.fftfreq(pad_rows, grid.step[0])
    carrier = 2.0 / transducer.wavelength
    sigma = carrier * transducer.bandwidth / 2.355
    pulse = np.where(axial > 0, np.exp(-0.5 * ((axial - carrier) / sigma) ** 2), 0.0)
    echo = fft.fft(amplitudes, pad_rows, axis=0, workers=1) * pulse.astype(np.float32)[:, None]
    echo = fft.ifft(echo, axis=0, workers=1)[:rows].astype(np.complex64)

    pad_cols = fft.next_fast_len(
        cols + int(6 * transducer.beam_sigma(grid.depth).max() / grid.step[1])
    )
    spectrum = fft.fft(echo, pad_cols, axis=1, workers=1)
    frequencies = fft.fftfreq(pad_cols, grid.step[1]).astype(np.float32)
    widths = transducer.beam_sigma(grid.depth).astype(np.float32)[:, None]
    looks = []
    for look in range(transducer.looks):
        # Wider steering would pass the lateral sampling's limit and ring along the rows.
        steer = STEERING * (look - (transducer.looks - 1) / 2) / max(transducer.looks - 1, 1)
        centre = np.float32(carrier * np.sin(steer))
        beam = np.exp(-2.0 * np.pi**2 * np.square(widths * (frequencies - centre)))
        # Unit energy in each row: the speckle's brightness does not follow the beam's width.
        beam /= np.sqrt((beam**2).sum(axis=1, keepdims=True) / pad_cols)
        line = fft.ifft(spectrum * beam, axis=1, workers=1)[:, :cols]
        looks.append(np.abs(line).astype(np.float32))
    scale = np.sqrt(np.mean(pulse**2))
    return [look / np.float32(scale) for look in looks]


def compress(signal: Array, reference: float, dynamic_range: float) -> NDArray[np.float32]:
    """Return log-compressed grey levels 0 to 255; ``reference`` maps to white.

    dynamic_range: dB from black to white.
    """
    decibels = 20.0 * np.log10(np.maximum(signal / reference, 1e-6))
    return np.asarray(np.clip(1.0 + decibels / dynamic_range, 0.0, 1.0) * 255.0, np.float32)
