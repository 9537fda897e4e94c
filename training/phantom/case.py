"""One case of a phantom data set: what it is comes from its number, its looks from its seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import ascii_letters
from typing import Literal

import numpy as np

from training.phantom.breast import breast_study
from training.phantom.limb import limb_study
from training.phantom.manifest import EMPTY, Row
from training.phantom.seeds import case_sequence
from training.phantom.study import Modality, Study
from training.phantom.writers import FORMATS, writer

Choice = Literal["mri", "us", "both"]


@dataclass(frozen=True)
class Plan:
    """What case ``number`` is. Labels, modalities, formats are crossed: none tells another."""

    number: int
    suspicious: bool
    modality: Modality
    format: str

    @property
    def patient(self) -> str:
        """The patient's identifier."""
        return f"P{self.number + 1:04d}"


def plan(number: int, choice: Choice = "both", format: str | None = None) -> Plan:
    """Return what case ``number`` (from 0) is."""
    rest = number // 2
    modality: Modality = "MR"
    if choice == "us" or (choice == "both" and rest % 2):
        modality = "US"
    if choice == "both":
        rest //= 2
    return Plan(number, bool(number % 2), modality, format or FORMATS[rest % len(FORMATS)])


def simulate(plan: Plan, seed: int) -> Study:
    """Return the study of a case; the format has no part in it."""
    rng = np.random.default_rng(case_sequence(seed, plan.number))
    return make_study(rng, plan.modality, plan.suspicious, f"{seed}/{plan.number}", plan.patient)


def make_study(
    rng: np.random.Generator,
    modality: Modality,
    suspicious: bool,
    key: str,
    patient: str,
    images: int | None = None,
) -> Study:
    """Return a study from a random stream; ``images``: slices or views, drawn if None."""
    make = limb_study if modality == "MR" else breast_study
    body_part, label, finding, sequences = make(rng, suspicious, images)
    number = patient.lstrip(ascii_letters) or patient
    return Study(
        key=key,
        patient=patient,
        name=f"phantom {number}^{'Leg' if modality == 'MR' else 'Breast'}",  # family^given
        modality=modality,
        body_part=body_part,
        label=label,
        finding=finding,
        sequences=sequences,
    )


def write_case(plan: Plan, seed: int, folder: Path) -> list[Row]:
    """Simulate a case, write its files below ``folder`` and return the manifest's rows."""
    return write_study(simulate(plan, seed), plan.format, folder)


def write_study(study: Study, format: str, folder: Path) -> list[Row]:
    """Write a study below ``folder/images`` and ``folder/masks``; return the manifest's rows."""
    images, masks = folder / "images" / study.patient, folder / "masks" / study.patient
    rows = []
    for written in writer(format)(study, images, masks):
        shape = written.sequence.pixels.shape[1:]
        mask = written.mask.relative_to(folder).as_posix() if written.mask else EMPTY
        rows.append(
            Row(
                patient=study.patient,
                path=written.image.relative_to(folder).as_posix(),
                frame=written.frame,
                modality=study.modality,
                sequence=written.sequence.name if study.modality == "MR" else "B-mode",
                label=study.label,
                finding=study.finding,
                mask=mask,
                body_part=study.body_part,
                format=format,
                rows=shape[0],
                cols=shape[1],
                title=" ".join(reversed(study.name.split("^"))),
            )
        )
    return rows
