"""A leg: compartments, fat, fascia, bones and vessels as tissue shares on any axial plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.phantom.fields import Array, SmoothField, ramp
from training.phantom.muscle_disease import (
    MuscleDisease,
    disease_field,
    infiltration,
    involvement,
    oedema,
)
from training.phantom.templates import GRID, REACH, Template, Vessel, distance_maps

SHARES = ("muscle", "fat", "marrow", "fluid", "blood", "skin")
"""Tissues that give signal; the rest of a pixel (bone, fascia, flowing blood, air) gives none."""

_EXTENT_MM = 120.0


@dataclass(frozen=True, eq=False)
class LegPlane:
    """One axial plane: shares {tissue: (rows, cols)}, and who is where.

    lesion: (rows, cols) float, 1 where diseased muscle. body: share of the pixel in the body.
    """

    shares: dict[str, Array]
    lesion: Array
    body: Array


class Leg:
    """One patient's leg; every random thing is drawn here, so that all planes agree.

    side: "R" or "L" (mirrored). depth: length of the stack in mm.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        template: Template,
        side: str,
        depth: float,
        build: Build,
        diseases: tuple[MuscleDisease, ...],
    ) -> None:
        self._template = template
        self._maps = distance_maps(template.name)
        self._mirror = -1.0 if side == "L" else 1.0
        self._depth = depth
        self._build = build
        self._diseases = diseases
        self._angle = float(rng.normal(0.0, 0.10))
        self._slant = rng.normal(0.0, 0.04, 2)
        self._muscle_jitter = rng.normal(0.0, 0.025, len(self._maps.names)).astype(np.float32)
        self._muscle_fat = np.clip(
            build.muscle_fat * rng.lognormal(0.0, 0.5, len(self._maps.names)), 0.0, 0.3
        ).astype(np.float32)

        def field(cell_z: float, cell_y: float, cell_x: float) -> SmoothField:
            return SmoothField(rng, (_EXTENT_MM, _EXTENT_MM), (cell_z, cell_y, cell_x), depth)

        self._warp = (field(70, 42, 42), field(70, 42, 42))
        self._ripple = (field(40, 11, 11), field(40, 11, 11))
        self._thickness = field(80, 45, 45)
        self._septum = field(30, 14, 14)
        self._strands = (field(9, 1.3, 7.0), field(9, 7.0, 1.3))
        self._fine = field(7, 1.6, 1.6)
        self._patches = field(25, 12, 12)
        self._lobules = field(12, 4.0, 5.0)
        self._septa = field(20, 5, 9)
        self._disease = disease_field(rng, _EXTENT_MM, depth)
        self._strand_angle = rng.uniform(0.0, np.pi, len(self._maps.names)).astype(np.float32)
        self._vessels = (*template.vessels, *self._draw_veins(rng))
        self._wander = rng.normal(0.0, 1.0, (len(self._vessels), 4))
        self._spot = self._draw_spot(rng)

    def _draw_veins(self, rng: np.random.Generator) -> list[Vessel]:
        """Superficial veins in the subcutaneous fat, and perforators between the muscles."""
        veins = []
        for _ in range(int(rng.integers(2, 7))):
            angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(1.06, 1.25)
            radius = float(rng.uniform(0.6, 1.6))
            x, y = float(reach * np.cos(angle)), float(reach * np.sin(angle))
            veins.append(Vessel(x, y, radius, "vein"))
        for _ in range(int(rng.integers(2, 7))):
            angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.25, 0.85)
            radius = float(rng.uniform(0.5, 1.3))
            x, y = float(reach * np.cos(angle)), float(reach * np.sin(angle))
            veins.append(Vessel(x, y, radius, "vein"))
        return veins

    def _draw_spot(self, rng: np.random.Generator) -> tuple[float, float, float, float, float]:
        """A small focal spot that is no muscle disease (injection, bruise): x, y, z, mm, share."""
        angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.95, 1.3)
        share = float(rng.uniform(0.3, 0.8)) if rng.random() < 0.25 else 0.0
        radius = float(rng.uniform(2.5, 6.0))
        z = float(rng.uniform(0, self._depth))
        return float(reach * np.cos(angle)), float(reach * np.sin(angle)), z, radius, share

    def plane(self, y: NDArray[np.floating], x: NDArray[np.floating], z: float) -> LegPlane:
        """Return the shares on the grid of ``y`` (rows) and ``x`` (cols), mm from the leg's axis.

        z: mm from the proximal end of the stack. The grid is rendered as it is: supersample it
        and average for partial volume.
        """
        build, maps = self._build, self._maps
        pixel = float(abs(x[1] - x[0]))
        x = x * self._mirror  # the right leg's frame
        order = slice(None)
        if self._mirror < 0:
            x, order = x[::-1], slice(None, None, -1)
        shift = self._slant * (z - self._depth / 2)
        dy = 2.6 * self._warp[0].on_grid(y, x, z) + 0.7 * self._ripple[0].on_grid(y, x, z)
        dx = 2.6 * self._warp[1].on_grid(y, x, z) + 0.7 * self._ripple[1].on_grid(y, x, z)
        px, py = x[None, :] + dx + shift[0], y[:, None] + dy + shift[1]
        cos, sin = np.cos(self._angle), np.sin(self._angle)
        taper = 1.0 + build.taper * (0.5 - z / max(self._depth, 1.0))
        width, height = build.half_width[0] * taper, build.half_width[1] * taper
        u = ((px * cos + py * sin) / width).astype(np.float32)
        v = ((-px * sin + py * cos) / height).astype(np.float32)
        mm = np.float32(0.5 * (width + height))

        stack = _sample(maps.stack, u, v)
        count = len(maps.names)
        distances = stack[..., :count] * mm
        relative = np.float32(z / max(self._depth, 1.0) - 0.5)
        growth = np.array([self._template.growth.get(n, 0.0) for n in maps.names], np.float32)
        distances -= (growth * relative + self._muscle_jitter) * mm
        label = distances.argmin(axis=-1)
        ordered = np.partition(distances, 1, axis=-1)
        nearest, second = ordered[..., 0], ordered[..., 1]
        border = 0.5 * (second - nearest)
        fascia = stack[..., -2] * mm
        hull = stack[..., -1] * mm
        bone = stack[..., count:-2] * mm
        bone_distance = bone.min(axis=-1)
        del stack, distances, ordered

        # Fat between the muscles: septa of varying width, and whatever no muscle reaches.
        septum = self._septum.on_grid(y, x, z)
        septum_width = np.clip(build.septum * (1.0 + 0.8 * septum), 0.05, None)
        in_space = label >= maps.muscles
        muscle = ramp(septum_width - border, pixel) * ramp(nearest - 1.6, pixel)
        muscle *= ramp(fascia + 0.5, pixel)
        muscle[in_space] = 0.0
        # Dark fascia: the deep fascia around all, and thin intermuscular ones.
        dark = 0.85 * ramp(np.abs(fascia) - build.fascia, pixel)
        dark = np.maximum(
            dark, 0.7 * ramp(border - 0.22, pixel) * (septum < 0.6) * ramp(fascia, pixel)
        )

        # The outside: fat of varying thickness, then skin.
        thickness = build.fat_mm * np.exp(0.16 * self._thickness.on_grid(y, x, z))
        thickness *= np.clip(1.0 + build.fat_medial * u + build.fat_posterior * v, 0.25, None)
        skin_line = hull - thickness
        body = ramp(skin_line, pixel)
        skin = body * ramp(-skin_line - build.skin_mm, pixel)

        # Fat inside the muscles.
        muscle_of = np.where(in_space, 0, label)
        angle = self._strand_angle[muscle_of]
        patches = self._patches.on_grid(y, x, z)
        strands = np.cos(angle) * self._strands[0].on_grid(y, x, z)
        strands += np.sin(angle) * self._strands[1].on_grid(y, x, z)
        strands = strands + 0.3 * self._fine.on_grid(y, x, z)
        strands = strands + 0.35 * patches
        inside = self._muscle_fat[muscle_of] * (0.7 + 0.3 * np.clip(patches, -1.5, 1.5))
        streaks = np.exp(-np.abs(strands) / 0.12) * np.clip(patches - 0.2, 0.0, 1.0)
        inside += build.streaks * streaks
        fluid = np.zeros_like(inside)
        lesion = np.zeros_like(inside)
        if self._diseases:
            region = self._disease.on_grid(y, x, z)
            for disease in self._diseases:
                members = [maps.names.index(n) for n in disease.muscles]
                amount = involvement(disease, region) * np.isin(label, members)
                inside = np.maximum(inside, amount * infiltration(disease.fat, strands, patches))
                fluid = np.maximum(fluid, amount * oedema(disease.water, patches, strands))
                lesion = np.maximum(lesion, (amount > 0.5) * ramp(-muscle + 0.5, 1e-3))

        # The spot that is none.
        sx, sy, sz, radius, share = self._spot
        reach = ((u - sx) * width) ** 2 + ((v - sy) * height) ** 2 + (z - sz) ** 2
        spot = share * np.exp(-0.5 * reach / radius**2)

        shares = {name: np.zeros_like(inside) for name in SHARES}
        inside = np.clip(inside, 0.0, 1.0)
        fluid = np.minimum(np.maximum(fluid, spot), 1.0 - inside)
        shares["muscle"] = muscle * (1.0 - inside - fluid)
        lobules = self._lobules.on_grid(y, x, z)
        strand = 0.35 * np.exp(-np.square(self._septa.on_grid(y, x, z) / 0.06))
        strand = np.where(fascia > 0, strand, 0.5 * strand)
        fat = (1.0 - muscle) * (1.0 - strand) * (0.97 + 0.02 * lobules) * (1.0 - spot)
        shares["fat"] = muscle * inside + fat
        shares["fluid"] = muscle * fluid + (1.0 - muscle) * (spot + build.wet_fat * strand)
        for name in ("muscle", "fat", "fluid"):
            shares[name] *= (1.0 - dark) * (body - skin)
        shares["skin"] = skin

        self._put_vessels(shares, body - skin, u, v, width, height, z, pixel)
        self._put_bones(shares, bone, bone_distance, pixel, patches)
        lesion *= ramp(-bone_distance, pixel)
        return LegPlane(
            {name: np.asarray(a[:, order], np.float32) for name, a in shares.items()},
            np.asarray(lesion[:, order], np.float32),
            np.asarray(body[:, order], np.float32),
        )

    def _put_vessels(
        self,
        shares: dict[str, Array],
        room: Array,
        u: Array,
        v: Array,
        width: float,
        height: float,
        z: float,
        pixel: float,
    ) -> None:
        relative = z / 60.0
        for vessel, wander in zip(self._vessels, self._wander, strict=True):
            cx = vessel.x + 0.02 * wander[0] + 0.03 * wander[1] * relative
            cy = vessel.y + 0.02 * wander[2] + 0.03 * wander[3] * relative
            # Only the neighbourhood is touched: vessels are many and small.
            near = np.abs(v[:, u.shape[1] // 2] - cy) * height < 25
            rows = np.flatnonzero(near)
            near = np.abs(u[u.shape[0] // 2] - cx) * width < 25
            cols = np.flatnonzero(near)
            if not len(rows) or not len(cols):
                continue
            box = (slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1))
            distance = np.hypot((u[box] - cx) * width, ((v[box] - cy) * height) * 1.25)
            inside = ramp(distance - vessel.radius, pixel) * room[box]
            wall = ramp(distance - vessel.radius - 0.5, pixel) * room[box]
            for share in shares.values():
                share[box] *= 1.0 - wall
            if vessel.kind == "vein":
                shares["blood"][box] += inside
            elif vessel.kind == "nerve":  # fascicles in fat
                shares["fat"][box] += 0.45 * inside
                shares["muscle"][box] += 0.45 * inside

    def _put_bones(
        self,
        shares: dict[str, Array],
        bone: Array,
        bone_distance: Array,
        pixel: float,
        patches: Array,
    ) -> None:
        outside = ramp(-bone_distance, pixel)
        for share in shares.values():
            share *= outside
        for index, name in enumerate(self._template.bones):
            cortex = self._template.cortex_mm[name] * self._build.cortex
            marrow = ramp(bone[..., index] + cortex + 0.6, 1.8) * (0.88 + 0.07 * patches)
            shares["marrow"] += np.clip(marrow, 0.0, 1.0)


@dataclass(frozen=True)
class Build:
    """The patient's build: lengths in mm, shares 0 to 1."""

    half_width: tuple[float, float]
    taper: float
    fat_mm: float
    fat_medial: float
    fat_posterior: float
    skin_mm: float
    septum: float
    fascia: float
    cortex: float
    muscle_fat: float
    streaks: float
    wet_fat: float


def draw_build(rng: np.random.Generator, template: Template) -> Build:
    """Draw a build, from slim and muscular to the opposite."""
    adiposity = float(rng.uniform(0.0, 1.0))
    size = float(rng.uniform(0.86, 1.12))
    thick = 4.0 + 16.0 * adiposity**1.5 if template.name == "thigh" else 3.0 + 10 * adiposity**1.5
    return Build(
        half_width=(
            template.half_width_mm[0] * size * float(rng.uniform(0.94, 1.06)),
            template.half_width_mm[1] * size * float(rng.uniform(0.94, 1.06)),
        ),
        taper=float(rng.uniform(0.05, 0.2)),
        fat_mm=thick,
        fat_medial=float(rng.uniform(0.0, 0.35)),
        fat_posterior=float(rng.uniform(-0.2, 0.25)),
        skin_mm=float(rng.uniform(1.0, 1.8)),
        septum=float(rng.uniform(0.25, 0.5) + 0.5 * adiposity),
        fascia=float(rng.uniform(0.25, 0.45)),
        cortex=float(rng.uniform(0.85, 1.25)),
        muscle_fat=float(rng.uniform(0.01, 0.07)),
        streaks=float(rng.uniform(0.15, 0.6)),
        wet_fat=float(rng.uniform(0.1, 0.5)) if rng.random() < 0.25 else 0.05,
    )


def _sample(stack: Array, u: Array, v: Array) -> Array:
    """Sample (GRID, GRID, n) bilinearly at template coordinates: (rows, cols, n)."""
    scale = GRID / (2 * REACH)
    fx = np.clip((u + REACH) * scale - 0.5, 0, GRID - 1.001)
    fy = np.clip((v + REACH) * scale - 0.5, 0, GRID - 1.001)
    ix, iy = fx.astype(np.int32), fy.astype(np.int32)
    tx, ty = (fx - ix)[..., None], (fy - iy)[..., None]
    flat = stack.reshape(-1, stack.shape[-1])
    index = iy * GRID + ix
    top = flat[index] * (1 - tx) + flat[index + 1] * tx
    bottom = flat[index + GRID] * (1 - tx) + flat[index + GRID + 1] * tx
    return np.asarray(top * (1 - ty) + bottom * ty, np.float32)
