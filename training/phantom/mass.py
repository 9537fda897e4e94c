"""Breast masses: outline from smooth and oval to angular and spiculated; how sound passes them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from training.phantom.fields import Array

CYST = "cyst"
BENIGN = "benign-looking mass"
MALIGNANT = "malignant-looking mass"

_SKIN_MM = 2.0


@dataclass(frozen=True, eq=False)
class Mass:
    """A mass in the plane.

    centre: (depth, lateral) mm. radii: (depth, lateral) mm. tilt: radians.
    harmonics: (n, 2) relative amplitude and phase of the outline's waves n = 2, 3, ...
    spicules: (k, 4) direction, angular half width, length relative to the radius, bend.
    echo: dB relative to the fat. texture: dB.
    edge: mm over which the margin blurs. roughness: mm by which it wanders at random on the scale
    of a millimetre.
    attenuation: dB a mm relative to what the gain compensates (negative: enhancement behind).
    halo: (mm, dB) of an echogenic rim. capsule: strength of its reflection.
    """

    finding: str
    centre: tuple[float, float]
    radii: tuple[float, float]
    tilt: float
    harmonics: NDArray[np.float64]
    spicules: NDArray[np.float64]
    echo: float
    texture: float
    edge: float
    roughness: float
    attenuation: float
    halo: tuple[float, float]
    capsule: float

    def distance(self, depth: NDArray[np.floating], lateral: NDArray[np.floating]) -> Array:
        """Return the approximate signed distance (mm) to the outline, spicules included."""
        dy, dx = depth - self.centre[0], lateral - self.centre[1]
        cos, sin = np.cos(self.tilt), np.sin(self.tilt)
        y = ((dy * cos - dx * sin) / self.radii[0]).astype(np.float32)
        x = ((dy * sin + dx * cos) / self.radii[1]).astype(np.float32)
        radius, angle = np.hypot(x, y), np.arctan2(y, x)
        turn, outline = self._outline
        mean = np.float32(np.sqrt(self.radii[0] * self.radii[1]))
        return np.asarray((radius - np.interp(angle, turn, outline)) * mean, np.float32)

    @cached_property
    def _outline(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Angles and the outline's relative radius there."""
        turn = np.linspace(-np.pi, np.pi, 1441)
        edge = np.ones_like(turn)
        for index, (amplitude, phase) in enumerate(self.harmonics):
            edge += amplitude * np.cos((index + 2) * turn + phase)
        for direction, width, length, bend in self.spicules:
            off = (turn - direction + np.pi) % (2 * np.pi) - np.pi
            # A curved ray: its tip leans to one side.
            rise = np.clip(1.0 - np.abs(off) / width, 0.0, 1.0)
            edge += length * rise**1.8 * (1.0 + bend * off / width)
        return turn, np.maximum(edge, 0.3)

    def moved(self, rng: np.random.Generator, lateral: float) -> Mass:
        """Return the mass as another view shows it: turned, cut elsewhere, still itself."""
        factor = rng.uniform(0.82, 1.12, 2)
        harmonics = self.harmonics.copy()
        harmonics[:, 1] += rng.normal(0.0, 0.7, len(harmonics))
        spicules = self.spicules.copy()
        if len(spicules):
            spicules[:, 0] += rng.normal(0.0, 0.5, len(spicules))
        return replace(
            self,
            centre=(self.centre[0] + float(rng.normal(0, 0.8)), lateral),
            radii=(self.radii[0] * float(factor[0]), self.radii[1] * float(factor[1])),
            tilt=self.tilt + float(rng.normal(0.0, 0.15)),
            harmonics=harmonics,
            spicules=spicules,
        )


def draw_mass(
    rng: np.random.Generator, suspicious: bool, depth: tuple[float, float], lateral: float
) -> Mass:
    """Draw a mass with its centre between two depths (mm); the features of both kinds overlap."""
    size = float(np.clip(rng.lognormal(np.log(5.0), 0.35), 2.0, 0.3 * (depth[0] + depth[1])))
    # No mass grows out of the skin.
    centre = (
        max(float(rng.uniform(*depth)), _SKIN_MM + 1.3 * size),
        float(rng.uniform(-0.5, 0.5) * lateral),
    )
    waves = np.arange(2, 14)
    phases = rng.uniform(0, 2 * np.pi, len(waves))
    if not suspicious:
        cyst = bool(rng.random() < 0.35)
        ratio = float(rng.uniform(0.45, 0.95))
        roughness = float(rng.uniform(0.01, 0.07))
        amplitudes = roughness * rng.normal(0, 1, len(waves)) / (waves / 2.0) ** 2
        return Mass(
            finding=CYST if cyst else BENIGN,
            centre=centre,
            radii=(size * np.sqrt(ratio), size / np.sqrt(ratio)),
            tilt=float(rng.normal(0.0, 0.2)),
            harmonics=np.stack([amplitudes, phases], axis=1),
            spicules=np.zeros((0, 4)),
            echo=float(rng.uniform(-36, -24) if cyst else rng.uniform(-16, -5)),
            texture=float(0.5 if cyst else rng.uniform(0.5, 1.6)),
            edge=float(rng.uniform(0.1, 0.7)),
            roughness=float(rng.uniform(0.03, 0.18)),
            attenuation=float(rng.uniform(-0.9, -0.3) if cyst else rng.normal(-0.25, 0.35)),
            halo=(0.0, 0.0),
            capsule=float(rng.uniform(2, 9)),
        )
    degree = float(rng.uniform(0.15, 1.0))
    ratio = float(np.clip(rng.normal(0.85 + 0.35 * degree, 0.25), 0.5, 1.7))
    roughness = 0.06 + 0.16 * degree
    amplitudes = roughness * rng.normal(0, 1, len(waves)) / (waves / 2.0) ** 0.9
    count = int(rng.integers(3, 8) + rng.integers(0, 9) * degree)
    spicules = np.stack(
        [
            rng.uniform(-np.pi, np.pi, count),
            rng.uniform(0.08, 0.40, count),
            rng.uniform(0.08, 0.25 + 0.5 * degree, count),
            rng.uniform(-0.7, 0.7, count),
        ],
        axis=1,
    )
    return Mass(
        finding=MALIGNANT,
        centre=centre,
        radii=(size * np.sqrt(ratio) * 0.9, size / np.sqrt(ratio) * 0.9),
        tilt=float(rng.normal(0.0, 0.3)),
        harmonics=np.stack([amplitudes, phases], axis=1),
        spicules=spicules,
        echo=float(rng.uniform(-19, -6)),
        texture=float(rng.uniform(1.0, 2.6)),
        edge=float(rng.uniform(0.3, 1.8)),
        roughness=float(rng.uniform(0.15, 0.5)),
        attenuation=float(rng.normal(0.35, 0.5) * (0.4 + 0.6 * degree)),
        halo=(float(rng.uniform(0.8, 2.5)), float(rng.uniform(0, 5)) * degree),
        capsule=0.0,
    )
