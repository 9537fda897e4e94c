"""Disease of muscle groups: fatty replacement and oedema, of any grade and extent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.phantom.fields import Array, SmoothField
from training.phantom.templates import Template

FATTY = "fatty replacement"
OEDEMA = "muscle oedema"


@dataclass(frozen=True)
class MuscleDisease:
    """What is wrong with some muscles of one leg.

    finding: FATTY or OEDEMA, whichever dominates; the other accompanies it weakly, as it does in
    dystrophies. fat, water: shares (0 to 1) of a voxel that fat and free fluid reach at the
    core. extent: share of the muscles' cross-section that is involved (1: all of it).
    """

    finding: str
    muscles: tuple[str, ...]
    fat: float
    water: float
    extent: float


def draw_disease(rng: np.random.Generator, template: Template) -> MuscleDisease:
    """Draw a disease of one or two muscle groups; subtle grades are as common as gross ones."""
    names = sorted(template.groups)
    count = 2 if rng.random() < 0.6 else 1
    chosen = [template.groups[names[i]] for i in rng.permutation(len(names))[:count]]
    muscles = tuple(dict.fromkeys(name for group in chosen for name in group))
    grade = float(rng.uniform(0.0, 1.0))
    fatty = bool(rng.random() < 0.5)
    whole = bool(rng.random() < 0.65)
    return MuscleDisease(
        finding=FATTY if fatty else OEDEMA,
        muscles=muscles,
        fat=0.30 + 0.65 * grade if fatty else 0.18 + 0.27 * grade,
        water=0.10 + 0.15 * grade if fatty else 0.18 + 0.42 * grade,
        extent=1.0 if whole else float(rng.uniform(0.5, 0.85)),
    )


def involvement(disease: MuscleDisease, field: Array) -> Array:
    """Return how far each pixel of the diseased muscles is involved, 0 to 1.

    field: a smooth field of unit variance; its upper ``extent`` part is involved.
    """
    if disease.extent >= 1.0:
        return np.ones_like(field)
    # Quantile of a normal variable by the logistic approximation: exact extent does not matter.
    threshold = -np.log(disease.extent / (1.0 - disease.extent)) / 1.702
    return np.asarray(np.clip(0.5 + (field - np.float32(threshold)) / 0.5, 0.0, 1.0), np.float32)


def infiltration(share: float, strands: Array, haze: Array) -> Array:
    """Return the fat share of a muscle that is replaced to ``share`` at its core.

    Fat enters along the perimysium: thin strands first (where ``strands`` crosses 0), which
    widen until only strands of muscle are left. haze: smooth field that makes it patchy.
    """
    width = np.float32(0.12 + 1.6 * share**1.5)
    patchy = np.clip(1.0 + 0.25 * haze, 0.3, 1.4)
    # Heavier tails than a Gaussian: the strands fade out as feathers do.
    lines = np.exp(-np.power(np.abs(strands) / (width * patchy), 1.2))
    return np.asarray(np.clip(share * (0.35 + 0.8 * lines) * patchy, 0.0, 1.0), np.float32)


def oedema(share: float, cloud: Array, strands: Array) -> Array:
    """Return the share of free fluid: cloudy, with feathering along the fibres."""
    texture = 0.8 + 0.25 * cloud + 0.12 * strands
    return np.asarray(np.clip(share * texture, 0.0, 0.8), np.float32)


def disease_field(rng: np.random.Generator, extent_mm: float, depth_mm: float) -> SmoothField:
    """Return the field that decides which part of the diseased muscles is involved."""
    return SmoothField(rng, (extent_mm, extent_mm), (60.0, 22.0, 22.0), depth_mm)
