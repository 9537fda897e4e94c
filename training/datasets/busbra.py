"""BUS-BRA breast ultrasound (Gómez-Flores et al. 2023): an external test set for BUSI's models."""

from __future__ import annotations

import csv
from pathlib import Path

from engine.errors import InvalidInputError
from training.datasets.record import Dataset, Record

CLASSES = ("benign", "malignant")

TABLE = "bus_data.csv"
COLUMNS = ("ID", "Case", "Pathology", "Device")

CITATION = (
    "Gómez-Flores W, Gregorio-Calas MJ, Pereira WCA. BUS-BRA: a breast ultrasound dataset for "
    "assessing computer-aided diagnosis systems. Medical Physics 51:3110-3123, 2024. "
    "doi:10.1002/mp.16812"
)


def load(data: Path, classes: tuple[str, ...] | None = None) -> Dataset:
    """Return BUS-BRA as published: ``Images/bus_0001-l.png``, ``Masks/mask_0001-l.png``.

    A group is a case, which may have an image of each side; the device is what the table says.
    """
    if classes is not None and set(classes) != set(CLASSES):
        raise InvalidInputError(f"BUS-BRA has the classes {' and '.join(CLASSES)} only.")
    path = data / TABLE
    if not path.is_file():
        raise InvalidInputError(
            f"{data} is not BUS-BRA: there is no {TABLE} in it; give the folder that holds it, "
            "Images and Masks with --data."
        )
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        try:
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise InvalidInputError(f"{TABLE} has no column {missing[0]}; fetch it again.")
            records = tuple(_record(data, row, reader.line_num) for row in reader)
        except (UnicodeDecodeError, csv.Error) as error:
            raise InvalidInputError(f"{TABLE} is no table in UTF-8; fetch it again.") from error
    return Dataset(
        name="busbra",
        classes=classes or CLASSES,
        records=records,
        citations=(CITATION,),
        licence="as its LICENSE.txt says: free with citation",
    )


def _record(data: Path, row: dict[str, str], line: int) -> Record:
    if any(row[name] is None for name in COLUMNS):
        raise InvalidInputError(f"{TABLE}, line {line}, ends early; fetch it again.")
    image = data / "Images" / f"{row['ID']}.png"
    mask = data / "Masks" / f"{row['ID'].replace('bus_', 'mask_', 1)}.png"
    for path in (image, mask):
        if not path.is_file():
            raise InvalidInputError(
                f"{TABLE}, line {line}: there is no file {path.parent.name}/{path.name}; "
                "restore it or take the line out."
            )
    return Record(
        path=image,
        frame=0,
        label=row["Pathology"],
        patient=row["Case"],
        modality="US",
        sequence="",
        mask_paths=(mask,),
        group=f"busbra:{row['Case']}",
        origin=f"{TABLE}, line {line}",
        device=row["Device"],
    )
