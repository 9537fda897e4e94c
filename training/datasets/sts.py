"""T1-weighted MRI of soft-tissue sarcoma of the limbs: slices with and without tumour."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.errors import InvalidInputError
from engine.images import reader
from training.datasets.record import Dataset, Record

CLASSES = ("no tumour", "tumour")

IMAGE = "MR_T1_image.nii.gz"
MASK = "MR_T1_mask.nii.gz"

CITATIONS = (
    "Vallières M, Freeman CR, Skamene SR, El Naqa I. A radiomics model from joint FDG-PET and MRI "
    "texture features for the prediction of lung metastases in soft-tissue sarcomas of the "
    "extremities. The Cancer Imaging Archive, 2015. doi:10.7937/K9/TCIA.2015.7GO2GSKS",
    "Vallières M, Freeman CR, Skamene SR, El Naqa I. A radiomics model from joint FDG-PET and MRI "
    "texture features for the prediction of lung metastases in soft-tissue sarcomas of the "
    "extremities. Physics in Medicine and Biology 60:5471, 2015. doi:10.1088/0031-9155/60/14/5471",
    "Clark K et al. The Cancer Imaging Archive (TCIA): maintaining and operating a public "
    "information repository. Journal of Digital Imaging 26:1045-1057, 2013. "
    "doi:10.1007/s10278-013-9622-7",
)


def load(data: Path, classes: tuple[str, ...] | None = None) -> Dataset:
    """Return every axial slice of every ``STS_*`` folder; a slice's group is its patient."""
    if classes not in (None, CLASSES):
        raise InvalidInputError(f"The data set sts has the classes {', '.join(CLASSES)} only.")
    records: list[Record] = []
    for folder in sorted(data.glob("STS_*")):
        image, mask = folder / IMAGE, folder / MASK
        if not (image.is_file() and mask.is_file()):
            raise InvalidInputError(
                f"{folder.name} lacks {IMAGE} or {MASK}; every patient's folder has both."
            )
        tumour = np.any(reader.read(mask).pixels > 0, axis=(1, 2)).tolist()
        records += [
            Record(
                path=image,
                frame=frame,
                label=CLASSES[int(present)],
                patient=folder.name,
                modality="MR",
                sequence="T1",
                mask_paths=(mask,),
                group=f"sts:{folder.name}",
            )
            for frame, present in enumerate(tumour)
        ]
    if not records:
        raise InvalidInputError(
            f"{data} holds no folder STS_*; give the folder of the patients' folders with --data."
        )
    return Dataset(
        name="sts",
        classes=CLASSES,
        records=tuple(records),
        citations=CITATIONS,
        licence="CC BY 3.0",
        lesion_free=CLASSES[:1],
        notes=(
            "Images are cropped to 5 cm around the tumour, bias-corrected and normalised to "
            "subcutaneous fat.",
        ),
    )
