"""The demo cases that ship with the program: none is in any data set (``seeds.demo_sequence``)."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import InvalidInputError
from training.phantom.case import make_study, write_study
from training.phantom.manifest import NAME, Row
from training.phantom.manifest import write as write_manifest
from training.phantom.seeds import demo_sequence
from training.phantom.study import Modality


@dataclass(frozen=True)
class DemoCase:
    """A demo case: its stream, what it is, in which format, and of how many slices or views."""

    stream: int
    modality: Modality
    suspicious: bool
    format: str
    images: int


CASES = (
    DemoCase(23, "MR", True, "dicom", 4),
    DemoCase(1, "MR", False, "dicom", 3),
    DemoCase(41, "MR", True, "nifti", 3),
    DemoCase(3, "US", True, "png", 2),
    DemoCase(4, "US", False, "dicom", 2),
    DemoCase(5, "US", True, "dicom", 2),
)

README = """\
# Demo cases

Simulated images: there are no such patients. Made by

    python -m training.phantom --demo resources/demo

which gives the same files again with the same library versions. `images/` holds one folder a
patient, `masks/` the exact lesion masks (PNG images have theirs beside them), `manifest.csv` what
is what. The random streams of these cases are kept apart from those of `--out`, so no model
trained on phantoms has seen them.

Licence: CC0 1.0 (public domain dedication), https://creativecommons.org/publicdomain/zero/1.0/
"""


def write_demo(folder: Path) -> list[Row]:
    """Write the demo cases into a folder, replacing an earlier set; return the manifest's rows."""
    if folder.exists() and any(folder.iterdir()) and not (folder / NAME).is_file():
        raise InvalidInputError(f"{folder} holds something else; give a new folder with --demo.")
    for part in ("images", "masks"):
        shutil.rmtree(folder / part, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    for number, case in enumerate(CASES, 1):
        rng = np.random.default_rng(demo_sequence(case.stream))
        patient = f"DEMO{number:02d}"
        study = make_study(
            rng, case.modality, case.suspicious, f"demo/{case.stream}", patient, case.images
        )
        rows += write_study(study, case.format, folder)
    write_manifest(rows, folder)
    (folder / "README.md").write_text(README, encoding="utf-8")
    return rows
