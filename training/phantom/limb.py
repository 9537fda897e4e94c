"""Axial T1 and STIR images of both legs (or one) of one patient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.phantom.acquisition import Acquisition, acquire, coil_sensitivity, draw_acquisition
from training.phantom.fields import Array
from training.phantom.leg import SHARES, Leg, draw_build
from training.phantom.muscle_disease import MuscleDisease, draw_disease
from training.phantom.relaxation import (
    FIELD_STRENGTHS,
    TISSUES,
    inversion_recovery,
    null_inversion_time,
    spin_echo,
)
from training.phantom.study import NO_FINDING, NOT_SUSPICIOUS, SUSPICIOUS, Sequence
from training.phantom.templates import TEMPLATES, Template

SIZES = ((384, 384), (448, 448), (512, 512), (384, 512), (384, 640), (448, 640), (512, 640))
"""(rows, cols) of two-leg images; one leg is shown on a square."""

SUPERSAMPLING = 2

_VEIN_T1_SIGNAL = 0.55  # slow flow: part of the spins leave the slice between the two pulses


@dataclass(frozen=True)
class Timing:
    """Timing of one sequence in ms; ti 0: spin echo without inversion."""

    name: str
    tr: float
    te: float
    ti: float

    def signal(self, field: float, tissue: str) -> float:
        """Return the signed signal of a tissue."""
        properties = TISSUES[field][tissue]
        if self.ti:
            return inversion_recovery(properties, self.tr, self.te, self.ti)
        return spin_echo(properties, self.tr, self.te)


def draw_timings(rng: np.random.Generator, field: float) -> tuple[Timing, Timing]:
    """Draw a T1 spin echo and a STIR protocol; the inversion time misses the null a little."""
    t1 = Timing("T1", float(rng.uniform(480, 720)), float(rng.uniform(9, 16)), 0.0)
    tr = float(rng.uniform(3500, 5500))
    null = null_inversion_time(TISSUES[field]["fat"].t1, tr)
    stir = Timing("STIR", tr, float(rng.uniform(30, 55)), null * float(rng.uniform(0.88, 1.08)))
    return t1, stir


@dataclass(frozen=True, eq=False)
class _Scene:
    """The grid and the legs on it: centres are (row axis, col axis) mm."""

    shape: tuple[int, int]
    spacing: float
    legs: tuple[Leg, ...]
    centres: tuple[tuple[float, float], ...]
    reach: tuple[float, float]


def limb_study(
    rng: np.random.Generator, suspicious: bool, slices: int | None = None
) -> tuple[str, str, str, tuple[Sequence, ...]]:
    """Return (body part, label, finding, sequences) of one patient."""
    template = TEMPLATES["thigh" if rng.random() < 0.5 else "calf"]
    slices = slices or int(rng.integers(3, 6))
    gap = float(rng.uniform(6.0, 12.0))
    depth = gap * (slices - 1)
    field = FIELD_STRENGTHS[int(rng.integers(2))]
    diseases = (draw_disease(rng, template),) if suspicious else ()
    scene = _draw_scene(rng, template, depth, diseases)
    rows, cols = scene.shape
    timings = draw_timings(rng, field)
    y = (np.arange(rows) - (rows - 1) / 2) * scene.spacing
    x = (np.arange(cols) - (cols - 1) / 2) * scene.spacing
    # Frames run to the head; the leg's own axis runs to the foot.
    planes = [_render(scene, y, x, gap * k) for k in reversed(range(slices))]
    masks = np.stack([lesion for _, lesion in planes])
    sequences = []
    for timing, noise, strength in zip(
        timings, (0.012, 0.014), rng.uniform(0.1, 0.4, 2), strict=True
    ):
        acquisition = draw_acquisition(rng, noise, field)
        coil = coil_sensitivity(rng, y, x, float(strength))
        pixels = np.stack(
            [_image(shares, timing, field, coil, acquisition, rng) for shares, _ in planes]
        )
        gain = float(rng.uniform(700, 1300)) / float(np.percentile(pixels, 99.5))
        sequences.append(
            Sequence(
                name=timing.name,
                pixels=np.clip(np.rint(pixels * gain), 0, 4095).astype(np.uint16),
                masks=masks,
                spacing=(scene.spacing, scene.spacing),
                slice_spacing=gap,
                slice_thickness=round(0.8 * gap, 1),
                origin=(float(x[0]), float(y[0]), 0.0),
                parameters={
                    "MagneticFieldStrength": field,
                    "RepetitionTime": round(timing.tr, 1),
                    "EchoTime": round(timing.te, 1),
                    "InversionTime": round(timing.ti, 1),
                    "InPlanePhaseEncodingDirection": ("COL", "ROW")[acquisition.phase_axis],
                },
            )
        )
    finding = diseases[0].finding if diseases else NO_FINDING
    label = SUSPICIOUS if suspicious else NOT_SUSPICIOUS
    return template.description, label, finding, tuple(sequences)


def _draw_scene(
    rng: np.random.Generator,
    template: Template,
    depth: float,
    diseases: tuple[MuscleDisease, ...],
) -> _Scene:
    build = draw_build(rng, template)
    both = bool(rng.random() < 0.7)
    margin = build.fat_mm * 1.9 + 10.0
    reach = (build.half_width[1] * 1.12 + margin, build.half_width[0] * 1.12 + margin)
    sides = ("R", "L") if both else (("R", "L")[int(rng.integers(2))],)
    bilateral = bool(rng.random() < 0.7)
    sick = int(rng.integers(len(sides)))
    legs = tuple(
        Leg(rng, template, side, depth, build, diseases if bilateral or i == sick else ())
        for i, side in enumerate(sides)
    )
    offset = rng.normal(0.0, 4.0, (2, 2))
    if both:
        shape = SIZES[int(rng.integers(len(SIZES)))]
        half = build.half_width[0] * 1.1 + build.fat_mm * 1.2 + float(rng.uniform(2, 22))
        width = 2.0 * (half + reach[1] - 0.35 * margin)
        field_of_view = max(width, 1.8 * reach[0] * shape[1] / shape[0])
        field_of_view *= float(rng.uniform(0.96, 1.06))
        # The patient's right is on the left of the picture.
        centres: tuple[tuple[float, float], ...] = (
            (offset[0, 0], -half + offset[0, 1]),
            (offset[1, 0], half + offset[1, 1]),
        )
    else:
        shape = SIZES[int(rng.integers(3))]
        field_of_view = 2 * max(reach) * float(rng.uniform(0.9, 1.1))
        centres = ((offset[0, 0], offset[0, 1]),)
    spacing = round(field_of_view / shape[1], 4)
    return _Scene(shape, spacing, legs, centres, reach)


def _render(
    scene: _Scene, y: NDArray[np.floating], x: NDArray[np.floating], z: float
) -> tuple[dict[str, Array], NDArray[np.bool_]]:
    """Return the shares {tissue: (rows, cols)} and the lesion mask of one plane."""
    rows, cols = scene.shape
    canvas = {name: np.zeros((rows, cols), np.float32) for name in SHARES}
    mask = np.zeros((rows, cols), np.float32)
    filled = np.zeros((rows, cols), np.float32)
    for leg, (cy, cx) in zip(scene.legs, scene.centres, strict=True):
        r0, r1 = np.searchsorted(y, (cy - scene.reach[0], cy + scene.reach[0]))
        c0, c1 = np.searchsorted(x, (cx - scene.reach[1], cx + scene.reach[1]))
        plane = leg.plane(_fine(y[r0:r1]) - cy, _fine(x[c0:c1]) - cx, z)
        box = (slice(r0, r1), slice(c0, c1))
        # Where the thighs touch, the second leg gives way to the first.
        room = 1.0 - filled[box]
        for name, share in plane.shares.items():
            canvas[name][box] += _coarse(share) * room
        mask[box] += _coarse(plane.lesion) * room
        filled[box] = np.maximum(filled[box], _coarse(plane.body))
    return canvas, np.asarray(mask > 0.5)


def _fine(axis: NDArray[np.floating]) -> NDArray[np.floating]:
    step = axis[1] - axis[0]
    parts = (np.arange(SUPERSAMPLING) + 0.5) / SUPERSAMPLING - 0.5
    return np.asarray((axis[:, None] + step * parts).ravel())


def _coarse(image: Array) -> Array:
    rows = image.shape[0]
    blocks = image.reshape(rows // SUPERSAMPLING, SUPERSAMPLING, -1, SUPERSAMPLING)
    return np.asarray(blocks.mean(axis=(1, 3)), np.float32)


def _image(
    shares: dict[str, Array],
    timing: Timing,
    field: float,
    coil: Array,
    acquisition: Acquisition,
    rng: np.random.Generator,
) -> Array:
    water = np.zeros_like(coil)
    for name in ("muscle", "fluid", "blood", "skin"):
        signal = timing.signal(field, name)
        if name == "blood" and not timing.ti:
            signal *= _VEIN_T1_SIGNAL
        water += np.float32(signal) * shares[name]
    fat = sum(np.float32(timing.signal(field, name)) * shares[name] for name in ("fat", "marrow"))
    return acquire(water, np.asarray(fat, np.float32), coil, acquisition, rng)
