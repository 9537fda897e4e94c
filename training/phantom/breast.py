"""Breast ultrasound: layers, lobules and ligaments as echo strength and loss, then echoes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, map_coordinates

from training.phantom.fields import Array, SmoothField, ramp
from training.phantom.mass import Mass, draw_mass
from training.phantom.scanner import Grid, Transducer, compress, envelope, scatterers
from training.phantom.study import NO_FINDING, NOT_SUSPICIOUS, SUSPICIOUS, Sequence

_DENSITY = 3.0
"""Scatterers a sample: dozens in every resolution cell, so speckle is fully developed."""

_LINE_MM = 0.12
_MARGIN_MM = 2.0


@dataclass(frozen=True)
class Layers:
    """Depths (mm) of the interfaces, echo strengths in dB relative to subcutaneous fat."""

    depth: float
    width: float
    skin: float
    fat: float
    gland: float
    retro: float
    glandular_echo: float
    glandular_texture: float
    muscle_echo: float
    waves: float
    loss: float
    lobules: float
    ligaments: float
    streaks: float


def draw_layers(rng: np.random.Generator) -> Layers:
    """Draw a breast from fatty to dense; the chest wall may lie below the image."""
    depth = float(rng.uniform(26, 46))
    skin = float(rng.uniform(1.0, 2.0))
    fat = skin + float(rng.uniform(3.0, 10.0))
    gland = fat + float(rng.uniform(8.0, 20.0))
    return Layers(
        depth=depth,
        width=depth * float(rng.uniform(0.85, 1.45)),
        skin=skin,
        fat=fat,
        gland=gland,
        retro=gland + float(rng.uniform(1.0, 5.0)),
        glandular_echo=float(rng.uniform(3, 11)),
        glandular_texture=float(rng.uniform(2.0, 5.5)),
        muscle_echo=float(rng.uniform(-3, 3)),
        loss=float(rng.uniform(0.1, 0.7)),
        waves=float(rng.uniform(0.8, 2.6)),
        lobules=float(rng.uniform(0.5, 1.6)),
        ligaments=float(rng.uniform(0.4, 1.3)),
        streaks=float(rng.uniform(0.5, 1.5)),
    )


def breast_study(
    rng: np.random.Generator, suspicious: bool, views: int | None = None
) -> tuple[str, str, str, tuple[Sequence, ...]]:
    """Return (body part, label, finding, sequences) of one patient, one sequence a view."""
    views = views or int(rng.integers(2, 4))
    layers = draw_layers(rng)
    transducer = Transducer(
        frequency=float(rng.uniform(7.0, 11.0)),
        bandwidth=float(rng.uniform(0.45, 0.7)),
        focus=float(rng.uniform(0.3, 0.6) * layers.depth),
        f_number=float(rng.uniform(2.0, 3.2)),
        looks=int(rng.integers(3, 8)),
    )
    mass = None
    if suspicious or rng.random() < 0.75:
        reach = (layers.fat + 1.0, max(min(layers.gland, 0.7 * layers.depth), layers.fat + 2.0))
        mass = draw_mass(rng, suspicious, reach, layers.width / 2)
    rows = int(rng.integers(380, 513))
    spacing = layers.depth / rows
    cols = int(np.clip(layers.width / spacing, 360, 640))
    sequences = []
    for view in range(views):
        shown = mass
        if mass is not None and view:
            lateral = float(rng.uniform(-0.3, 0.3)) * cols * spacing
            shown = mass.moved(rng, lateral)
        pixels, mask = _view(rng, layers, transducer, shown, (rows, cols), spacing)
        sequences.append(
            Sequence(
                name=f"view {view + 1}",
                pixels=pixels[None],
                masks=mask[None],
                spacing=(spacing, spacing),
                parameters={"TransducerFrequency": round(transducer.frequency * 1e6)},
            )
        )
    label = SUSPICIOUS if suspicious else NOT_SUSPICIOUS
    return "BREAST", label, mass.finding if mass else NO_FINDING, tuple(sequences)


def _view(
    rng: np.random.Generator,
    layers: Layers,
    transducer: Transducer,
    mass: Mass | None,
    shape: tuple[int, int],
    spacing: float,
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return (rows, cols) grey levels and the exact mask of the mass."""
    step = transducer.wavelength / 6.0  # three samples a half wavelength, what two-way phase needs
    # A margin on each side, so that the beam does not fade at the edge.
    lines = int((shape[1] * spacing + 2 * _MARGIN_MM) / _LINE_MM)
    grid = Grid((int(shape[0] * spacing / step), lines), (step, _LINE_MM))
    depth = grid.depth
    echo, loss, specular = _tissue(rng, layers, grid, transducer)
    if mass is not None:
        margin = SmoothField(rng, _extent(layers, grid), (1.0, 0.9, 0.9))
        middle = layers.depth / 2
        distance = mass.distance(depth[:, None], grid.lateral[None, :])
        distance += mass.roughness * margin.on_grid(depth - middle, grid.lateral)
        _put_mass(rng, mass, grid, distance, echo, loss, specular)

    # What sound lost on the way there and back, smeared by the aperture with depth.
    lost = np.cumsum(loss, axis=0, dtype=np.float32) * np.float32(step)
    for start in range(0, len(depth), 64):
        band = slice(start, start + 64)
        sigma = (0.3 + 0.03 * float(depth[band].mean())) / grid.step[1]
        lost[band] = gaussian_filter1d(lost[band], sigma, axis=1, mode="nearest")
    amplitudes = scatterers(rng, grid.shape, _DENSITY) * _amplitude(echo)
    # Interfaces reflect in phase along their length; roughness breaks the phase up.
    amplitudes += specular
    amplitudes *= _amplitude(-lost)
    looks = envelope(amplitudes, grid, transducer)
    noise = float(rng.uniform(0.004, 0.02))
    gain = _amplitude(np.float32(rng.uniform(0.05, 0.45)) * depth.astype(np.float32))[:, None]
    signal = np.mean(looks, axis=0)
    hiss = np.abs(
        rng.standard_normal(grid.shape, dtype=np.float32)
        + 1j * rng.standard_normal(grid.shape, dtype=np.float32)
    )
    signal = np.hypot(signal, noise * gain * hiss)
    reference = float(np.percentile(signal, 99.0)) * float(rng.uniform(1.3, 2.8))
    grey = compress(signal, reference, float(rng.uniform(44, 60)))

    y = (np.arange(shape[0]) + 0.5) * spacing / step - 0.5
    cols = (np.arange(shape[1]) - (shape[1] - 1) / 2) * spacing
    x = cols / _LINE_MM + (lines - 1) / 2
    # The scan converter averages samples of depth that fall into one pixel.
    grey = gaussian_filter1d(grey, 0.35 * spacing / step, axis=0)
    pixels = map_coordinates(grey, np.meshgrid(y, x, indexing="ij"), order=1, mode="nearest")
    mask = np.zeros(shape, bool)
    if mass is not None:
        rows = (np.arange(shape[0])[:, None] + 0.5) * spacing
        distance = mass.distance(rows, cols[None, :])
        distance += mass.roughness * margin.on_grid(rows[:, 0] - middle, cols)
        mask = np.asarray(distance < 0)
    return np.rint(pixels).astype(np.uint8), mask


def _extent(layers: Layers, grid: Grid) -> tuple[float, float]:
    return layers.depth / 2, float(np.abs(grid.lateral).max())


def _amplitude(decibels: Array) -> Array:
    return np.asarray(np.power(np.float32(10.0), decibels / np.float32(20.0)), np.float32)


def _tissue(
    rng: np.random.Generator, layers: Layers, grid: Grid, transducer: Transducer
) -> tuple[Array, Array, Array]:
    """Return echo strength (dB), attenuation (dB/mm beyond the gain's) and specular amplitude."""
    depth, lateral = grid.depth, grid.lateral
    middle = layers.depth / 2
    extent = _extent(layers, grid)

    def field(cell_y: float, cell_x: float) -> Array:
        field = SmoothField(rng, extent, (1.0, cell_y, cell_x))
        return field.on_grid(depth - middle, lateral)

    y = depth[:, None].astype(np.float32)
    wave = field(14, 13)
    ripple = field(3, 5)
    skin = y - layers.skin * (1.0 + 0.06 * ripple)
    fat = y - layers.fat - layers.waves * wave - 0.7 * ripple
    gland = y - layers.gland - 0.8 * layers.waves * wave - 0.6 * ripple
    retro = y - layers.retro - 0.5 * field(20, 25)

    # Fat: dark lobules between bright septa.
    lobule_field = field(3.4, 15.0) + 0.25 * ripple + 0.5 * wave
    septa = np.exp(-np.square(lobule_field / 0.06))
    fat_echo = 1.2 * field(1.2, 2.5) + 7.0 * layers.lobules * septa
    # Glandular tissue: bright, streaked along the skin, with ducts and islands of fat.
    islands = np.clip(2.0 * (field(2.4, 5.0) - 0.9), 0, 1)
    gland_echo = (
        layers.glandular_echo
        + layers.glandular_texture * (0.7 * field(0.6, 3.2) + 0.8 * field(1.6, 5.0))
        - 11.0 * islands
    )
    # Muscle: dark, with bright fibrous planes along it.
    planes = np.exp(-np.square(field(1.0, 12.0) / 0.18))
    muscle_echo = layers.muscle_echo + 6.0 * planes * layers.streaks - 2.0
    skin_echo = np.full_like(fat_echo, 9.0)

    def blend(a: Array, b: Array, distance: Array, width: float) -> Array:
        share = ramp(distance, width)
        return np.asarray(a * share + b * (1 - share), np.float32)

    echo = blend(skin_echo, fat_echo, skin, 0.3)
    echo = blend(echo, gland_echo, fat, 0.8)
    echo = blend(echo, fat_echo, gland, 0.8)
    echo = blend(echo, muscle_echo, retro, 0.3)
    loss = layers.loss * ramp(-fat, 1.0) + 0.10 * field(9, 6)
    loss = loss + (0.2 + layers.loss) * np.clip(retro / 4.0, 0.0, 1.0)

    # Cooper's ligaments: oblique bright lines through the fat, with a shadow under the steep ones.
    specular = np.zeros(grid.shape, np.float32)
    slope = np.gradient(lobule_field, axis=1) / (np.abs(np.gradient(lobule_field, axis=0)) + 1e-6)
    facing = 1.0 / (1.0 + np.square(slope * grid.step[0] / grid.step[1] / 0.6))
    in_fat = ramp(fat, 0.5) * ramp(-skin, 0.3)
    sign = np.sign(field(0.5, 1.2))
    line = np.exp(-np.square(lobule_field / 0.035)) * facing * in_fat
    specular += 3.5 * layers.ligaments * line * sign
    steep = np.exp(-np.square(lobule_field / 0.05)) * (1 - facing) * in_fat
    loss = loss + 1.1 * layers.ligaments * steep

    for distance, strength in (
        (skin, 3.0),
        (skin + layers.skin * 0.93, 4.0),
        (fat, 2.2),
        (gland, 1.2),
        (retro, 4.0),
    ):
        specular += strength * np.exp(-np.square(distance / 0.05)) * (0.6 + 0.4 * sign)
    fibres = np.exp(-np.square(field(1.3, 9.0) / 0.05)) * (retro > 0)
    specular += 2.0 * layers.streaks * fibres * sign
    strands = np.exp(-np.square(field(1.1, 5.0) / 0.05)) * ramp(-fat, 0.5) * ramp(gland, 0.5)
    specular += 2.2 * layers.streaks * strands * sign

    # Poor contact and reverberation dim whole columns.
    contact = np.clip(
        SmoothField(rng, (1.0, extent[1]), (1.0, 1.0, 7.0)).on_grid(np.zeros(1), lateral) - 1.5,
        0.0,
        None,
    )
    loss[: max(1, int(2.0 / grid.step[0]))] += 4.0 * contact
    return np.asarray(echo, np.float32), np.asarray(loss, np.float32), specular


def _put_mass(
    rng: np.random.Generator,
    mass: Mass,
    grid: Grid,
    distance: Array,
    echo: Array,
    loss: Array,
    specular: Array,
) -> None:
    y, x = grid.depth[:, None], grid.lateral[None, :]
    inside = ramp(distance, max(mass.edge, 0.05))
    texture = SmoothField(
        rng, (float(y.max() / 2), float(np.abs(x).max())), (1.0, 1.1, 1.6)
    ).on_grid(grid.depth - float(y.max() / 2), grid.lateral)
    echo += inside * (mass.echo + mass.texture * texture - echo)
    width, brighter = mass.halo
    if width:
        echo += brighter * np.exp(-np.square(np.maximum(distance, 0) / width)) * (1 - inside)
    specular *= 1 - inside
    if mass.capsule:
        # A capsule shines where the beam meets it squarely: in front and behind.
        gradient = np.gradient(distance, axis=0) / grid.step[0]
        specular += (
            0.35 * mass.capsule * np.exp(-np.square(distance / 0.07)) * np.abs(gradient) ** 2
        ).astype(np.float32)
        sides = np.exp(-np.square(distance / 0.4)) * (1 - np.clip(np.abs(gradient), 0, 1)) ** 2
        loss += 0.9 * sides.astype(np.float32)
    loss += inside * np.float32(mass.attenuation)
